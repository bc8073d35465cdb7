"""Which rows come when: right shares, no row left out, and the same from wherever one looks."""

from __future__ import annotations

import itertools
import pickle
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.errors import UserError
from model.finetune import plan as module
from model.finetune.buckets import Buckets
from model.finetune.config import Resolution
from model.finetune.plan import Plan, Unit
from tests.model.finetune.table_kit import Drawn, drawn

BUCKETS = Buckets.of(Resolution())
MIXTURE = (
    drawn("t2i", 40, task="t2i", weight=1.0), drawn("edit", 37, weight=1.0),
    drawn("answers", 11, task="understand", weight=2.0), drawn("off", 5, weight=0.0),
)  # fmt: skip


def planned(*sources: Drawn, seed: int = 0, micro_batch: int = 2) -> Plan:
    return Plan(sources or MIXTURE, BUCKETS, seed=seed, micro_batch=micro_batch)


def taken(plan: Plan, count: int, start: int = 0, step: int = 1) -> list[Unit]:
    return list(itertools.islice(plan.units(start, step), count))


@pytest.mark.parametrize("seed", [0, 1, 2**40])
@pytest.mark.parametrize("start", [0, 12_345, module.BLOCK - 5_000])
def test_shares_are_right_over_any_ten_thousand(seed: int, start: int) -> None:
    found = Counter(u.source for u in taken(planned(seed=seed, micro_batch=1), 10_000, start))
    for source, share in ((0, 0.25), (1, 0.25), (2, 0.5)):
        assert abs(found[source] / 10_000 - share) < 0.02 * share
    assert found[3] == 0


@settings(max_examples=25, deadline=None)
@given(
    weights=st.lists(st.floats(0.05, 20), min_size=2, max_size=5), seed=st.integers(0, 1 << 50),
    units=st.integers(4, 64),
)  # fmt: skip
def test_shares_are_nearly_right_in_every_update(
    weights: list[float], seed: int, units: int
) -> None:
    sources = [drawn(str(n), 4, weight=w) for n, w in enumerate(weights)]
    plan = planned(*sources, seed=seed, micro_batch=1)
    sequence = [u.source for u in taken(plan, 40 * units)]
    for update in range(40):
        found = Counter(sequence[update * units : (update + 1) * units])
        for n, weight in enumerate(weights):
            # A draw of its own for every unit is off by more than this in one update of three.
            assert abs(found[n] - units * weight / sum(weights)) < 3.5


def test_every_process_sees_the_shares() -> None:
    plan = planned(micro_batch=1)
    for rank in range(8):
        found = Counter(u.source for u in taken(plan, 1000, rank, 8))
        assert abs(found[2] - 500) < 20


def test_random_access_is_the_sequence() -> None:
    one, other = planned(), planned()
    ahead = module.BLOCK + 700
    assert other.unit(ahead) == next(one.units(ahead))
    sequence = taken(one, 400, module.BLOCK - 200)
    for unit in (sequence[17], sequence[399], sequence[0], sequence[201]):
        assert other.unit(unit.number) == unit
    assert planned().unit(sequence[300].number) == sequence[300]


def test_processes_together_are_one() -> None:
    alone = taken(planned(), 60)
    together = [taken(planned(), 15, rank, 4) for rank in range(4)]
    assert [together[n % 4][n // 4] for n in range(60)] == alone


def test_threads_and_copies_agree() -> None:
    plan = planned()
    wanted = taken(planned(), 3000, module.BLOCK * 2 - 1500)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(plan.unit, [u.number for u in wanted]))
    assert found == wanted
    assert pickle.loads(pickle.dumps(plan)).unit(wanted[7].number) == wanted[7]


def test_a_unit_has_one_source_one_size_and_numbered_samples() -> None:
    plan = planned(micro_batch=3)
    for unit in taken(plan, 500):
        source = MIXTURE[unit.source]
        numbers = [p.number for p in unit.picks]
        assert numbers == list(range(unit.number * 3, unit.number * 3 + 3))
        sizes = {tuple(map(int, source.sizes[p.row])) for p in unit.picks}
        if source.task == "understand":
            assert unit.bucket is None
        else:
            assert {BUCKETS.assign(*size) for size in sizes} == {unit.bucket}
            assert unit.bucket is not None
            assert 0.5 <= unit.bucket[1] / unit.bucket[0] <= 2


def test_every_row_comes_once_in_an_epoch() -> None:
    seen: dict[tuple[int, object, int], list[int]] = defaultdict(list)
    for unit in taken(planned(), 1500):
        for pick in unit.picks:
            seen[unit.source, unit.bucket, pick.epoch].append(pick.row)
    sizes = {(s.source, s.bucket): s.rows for s in planned().table()}
    names = [s.name for s in MIXTURE]
    for (source, bucket, epoch), rows in seen.items():
        assert len(set(rows)) == len(rows)
        if (source, bucket, epoch + 1) in seen:
            assert len(rows) == sizes[names[source], bucket]
    learnt = {(source, row) for (source, _, _), rows in seen.items() for row in rows}
    assert learnt == {(n, r) for n in range(3) for r in range(len(MIXTURE[n].sizes))}


def test_epochs_are_shuffled_anew_and_by_seed() -> None:
    def orders(seed: int) -> list[list[int]]:
        plan = planned(drawn("answers", 12, task="understand"), seed=seed, micro_batch=4)
        rows = [p.row for u in taken(plan, 9) for p in u.picks]
        return [rows[n : n + 12] for n in (0, 12, 24)]

    first, other = orders(0), orders(1)
    assert all(sorted(o) == list(range(12)) for o in (*first, *other))
    assert len({tuple(o) for o in (*first, *other)}) == 6
    assert orders(0) == first


def test_buckets_come_as_often_as_they_have_rows() -> None:
    sizes = np.array([(600, 600)] * 30 + [(500, 800)] * 10, np.int32)
    plan = planned(Drawn(name="a", sizes=sizes, kept=np.arange(40)), micro_batch=1)
    found = Counter(u.bucket for u in taken(plan, 8000))
    assert abs(found[512, 512] / 8000 - 0.75) < 0.02
    assert len(found) == 2


def test_dropped_rows_are_never_picked() -> None:
    kept = np.array([1, 4, 6])
    source = drawn("a", 8)
    source.kept = kept
    assert {p.row for u in taken(planned(source), 40) for p in u.picks} == {1, 4, 6}


def test_a_bucket_smaller_than_a_unit_repeats() -> None:
    plan = planned(drawn("answers", 2, task="understand"), micro_batch=5)
    unit = plan.unit(0)
    assert [p.epoch for p in unit.picks] == [0, 0, 1, 1, 2]
    assert Counter(p.row for p in unit.picks).keys() == {0, 1}
    assert plan.unit(1).picks[0].epoch == 2


def test_rows_without_an_image_are_units_of_their_own() -> None:
    sizes = np.array([(0, 0), (600, 600), (0, 0)], np.int32)
    plan = planned(Drawn(name="a", task="cot", sizes=sizes, kept=np.arange(3)))
    for unit in taken(plan, 50):
        assert {p.row for p in unit.picks} <= ({0, 2} if unit.bucket is None else {1})
    assert {s.bucket: s.rows for s in plan.table()} == {None: 2, (512, 512): 1}


def test_the_table_counts_every_row_once_and_has_no_empty_bucket() -> None:
    table = planned().table()
    assert all(line.rows > 0 for line in table)
    for source, share in (("t2i", 0.25), ("edit", 0.25), ("answers", 0.5)):
        lines = [line for line in table if line.source == source]
        assert {line.share for line in lines} == {share}
        assert sum(line.rows for line in lines) == len(
            next(s for s in MIXTURE if s.name == source).kept
        )
    assert "off" not in {line.source for line in table}


def test_another_seed_or_name_is_another_plan() -> None:
    base = taken(planned(), 50)
    assert taken(planned(seed=1), 50) != base
    renamed = (drawn("other", 40, task="t2i"), *MIXTURE[1:])
    assert taken(planned(*renamed), 50) != base


def test_a_plan_does_not_change_with_numpys_global_state() -> None:
    np.random.seed(5)
    first = taken(planned(), 30)
    state = np.random.get_state()[1].tolist()
    assert taken(planned(), 30) == first
    assert np.random.get_state()[1].tolist() == state


def test_the_plan_is_the_recorded_one() -> None:
    """A change here makes stored runs go on with other samples."""
    found = [*taken(planned(), 4), planned().unit(1_000_000)]
    assert [(u.source, u.bucket, [p.row for p in u.picks]) for u in found] == [
        (0, (512, 512), [24, 36]), (2, None, [0, 8]), (1, (512, 512), [20, 16]),
        (0, (512, 512), [12, 0]), (0, (512, 512), [20, 12]),
    ]  # fmt: skip


def test_going_on_late_is_quick() -> None:
    plan = planned()
    start = time.process_time()
    plan.unit(1_000_000)
    assert time.process_time() - start < 2
    start = time.process_time()
    taken(plan, 1000, 1_000_000)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("sources", "match"),
    [
        ((), "empty"),
        ((drawn("a", 4, weight=0.0), drawn("b", 4, weight=0.0)), "All weights"),
        ((drawn("a", 4), Drawn(name="hollow")), "'hollow' has no row"),
    ],
)
def test_a_mixture_of_nothing_is_refused(sources: tuple[Drawn, ...], match: str) -> None:
    with pytest.raises(UserError, match=match):
        Plan(sources, BUCKETS, seed=0, micro_batch=1)


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="micro_batch"):
        planned(micro_batch=0)
    with pytest.raises(ValueError, match="unit -1"):
        planned().unit(-1)
