"""Verdicts in a run folder, scores by strange judges, and the memo of file hashes."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.core import hashes
from evals.core.columns import read_columns, strange_verdicts
from evals.core.comparable import separations, served_models
from evals.core.errors import ImageError, UserError
from evals.core.hashes import FileHashes
from evals.core.images import sha256_file
from evals.core.store import StoredRun, score_from_row
from evals.core.types import Prediction, Sample, Score
from evals.core.verdicts import Attempt, Verdict, attempt_row, verdict_rows
from evals.core.writing import RunWriter
from judges.tape import Tape, inspect

MANIFEST: dict[str, Any] = {
    "version": "0", "created": "2026-01-01", "identity": {"seed": 0}, "trials": 1,
    "model": {"name": "m"}, "benchmark": {"name": "b", "version": "1"},
    "suite": {"name": "s", "version": "1"}, "fingerprints": {"judge": "f", "pixels": "g"},
    "metrics": [
        {"name": n, "quantities": [
            {"name": "Avg", "range": [0, 1], "direction": "higher", "worst": 0.0},
        ]}
        for n in ("judge", "pixels")
    ],
}  # fmt: skip


def attempt(number: int = 1, request: str = "q", **changes: Any) -> Attempt:
    known: dict[str, Any] = {
        "request": request, "judge": "j", "name": "openai:m", "asked": "m", "served": "m-1",
        "status": "answered", "raw": '{"Q1": 4}', "number": number, "cost": 0.5,
        "time": f"2026-01-01T00:00:0{number}+00:00",
    }  # fmt: skip
    return Attempt(**{**known, **changes})


def timed_out(number: int = 1, request: str = "q") -> Attempt:
    return attempt(number, request, status="timeout", raw="", served="", cost=None, reason="late")


def ok(*attempts: Attempt, **changes: Any) -> Verdict:
    known: dict[str, Any] = {
        "judge": "openai:m", "status": "ok", "scores": {"TA": 4}, "reasons": {"TA": "seen"},
        "attempts": attempts,
    }  # fmt: skip
    return Verdict(**{**known, **changes})


def late(*attempts: Attempt) -> Verdict:
    return Verdict(judge="openai:m", status="timeout", reason="late", attempts=attempts)


def prediction(name: str = "1") -> Prediction:
    return Prediction(sample=name, trial=0, seed=0, status="ok", text=name)


def score(verdict: Verdict | None, name: str = "1", **changes: Any) -> Score:
    known: dict[str, Any] = {
        "sample": name, "trial": 0, "metric": "judge", "value": 0.8, "status": "ok",
        "parts": {"Avg": 0.8}, "fingerprint": "f", "prediction": prediction(name).hash,
        "verdict": verdict,
    }  # fmt: skip
    return Score(**{**known, **changes})


def write(folder: Path, *scores: Score) -> list[dict[str, Any]]:
    """One session of a writer; returns what `verdicts.jsonl` then holds."""
    with RunWriter(folder, MANIFEST) as writer:
        writer.add_scores(scores)
    return lines(folder)


def lines(folder: Path) -> list[dict[str, Any]]:
    file = folder / "verdicts.jsonl"
    return [json.loads(row) for row in file.read_bytes().splitlines()] if file.exists() else []


# --- verdicts.jsonl -----------------------------------------------------------------------------


def test_a_line_is_a_line_of_a_tape_with_its_place_and_what_was_made_of_it(tmp_path: Path) -> None:
    first, second = timed_out(1), attempt(2)
    rows = write(tmp_path, score(ok(first, second)))
    assert [{**row, **attempt_row(a)} for row, a in zip(rows, (first, second), strict=True)] == rows
    place = {
        "sample": "1", "trial": 0, "metric": "judge", "prediction": prediction().hash,
    }  # fmt: skip
    assert all({**row, **place} == row for row in rows)
    assert "verdict" not in rows[0]
    assert rows[1]["verdict"] == {
        "status": "ok", "reason": "", "scores": {"TA": 4}, "reasons": {"TA": "seen"},
    }  # fmt: skip
    tape = Tape(tmp_path / "verdicts.jsonl")
    assert tape.find("j", "q") == (first, second)
    assert list(StoredRun.read(tmp_path).verdicts()) == rows


def test_a_panel_has_a_line_for_every_attempt_of_every_member() -> None:
    members = (
        ok(timed_out(1, "q0"), attempt(2, "q0")),
        ok(attempt(1, "q1"), scores={"TA": 5}),
        Verdict(judge="k", status="missing", reason="not on the tape"),
    )
    panel = Verdict(judge="p", status="missing", members=members)
    rows = verdict_rows(panel, {"sample": "1"})
    assert [(r["request"], r["number"], "verdict" in r) for r in rows] == [
        ("q0", 1, False), ("q0", 2, True), ("q1", 1, True),
    ]  # fmt: skip
    assert [r["verdict"]["scores"] for r in rows if "verdict" in r] == [{"TA": 4}, {"TA": 5}]


def test_a_score_carries_no_verdict(tmp_path: Path) -> None:
    given = score(ok(attempt()))
    write(tmp_path, given, score(None, "2"))
    rows = [json.loads(r) for r in (tmp_path / "scores.jsonl").read_bytes().splitlines()]
    assert len(rows) == 2
    assert all("verdict" not in row for row in rows)
    assert score_from_row(rows[0]) == given  # a verdict is no part of a score's identity
    assert score_from_row(rows[0]).verdict is None
    assert len(lines(tmp_path)) == 1


def test_a_run_without_judges_has_no_file_of_verdicts(tmp_path: Path) -> None:
    assert write(tmp_path, score(None)) == []
    assert not (tmp_path / "verdicts.jsonl").exists()
    assert list(StoredRun.read(tmp_path).verdicts()) == []


def test_the_same_verdict_written_again_adds_nothing(tmp_path: Path) -> None:
    verdict = ok(timed_out(1), attempt(2))
    rows = write(tmp_path, score(verdict))
    assert write(tmp_path, score(verdict)) == rows  # another session, read off the tape again
    with RunWriter(tmp_path, MANIFEST) as writer:
        writer.add_scores([score(verdict), score(verdict)])
        writer.add_scores([score(replace(verdict, fresh=True))])
    assert lines(tmp_path) == rows
    assert len((tmp_path / "scores.jsonl").read_bytes().splitlines()) == 5


def test_one_reply_for_two_samples_stands_with_both(tmp_path: Path) -> None:
    rows = write(tmp_path, score(ok(attempt())), score(ok(attempt()), "2"))
    assert [r["sample"] for r in rows] == ["1", "2"]
    more = write(tmp_path, score(ok(attempt()), prediction="another output"))
    assert len(more) == 3


def test_what_a_later_session_adds_is_added(tmp_path: Path) -> None:
    write(tmp_path, score(late(timed_out(1)), status="failed", value=None))
    rows = write(tmp_path, score(ok(attempt(2))))
    assert [(r["number"], r["verdict"]["status"]) for r in rows] == [(1, "timeout"), (2, "ok")]
    better = ok(attempt(3, raw="odd"), scores={"TA": 3})
    unread = Verdict(judge="openai:m", status="unparsed", attempts=(attempt(3, raw="odd"),))
    write(tmp_path, score(unread, "2", status="failed", value=None))
    rows = write(tmp_path, score(better, "2"))
    assert [r["verdict"]["status"] for r in rows[2:]] == ["unparsed", "ok"]  # a better parser


def test_an_attempt_that_is_there_is_not_written_again_as_an_earlier_one(tmp_path: Path) -> None:
    first = timed_out(1)
    refused = attempt(2, status="refused", raw="", reason="no")
    write(tmp_path, score(late(first), status="failed", value=None))
    second = Verdict(judge="openai:m", status="refused", reason="no", attempts=(first, refused))
    write(tmp_path, score(second, status="failed", value=None))
    assert Tape(tmp_path / "verdicts.jsonl").find("j", "q") == (first, refused)


def test_a_reply_that_was_read_anew_was_paid_for_once(tmp_path: Path) -> None:
    unread = Verdict(judge="openai:m", status="unparsed", attempts=(attempt(),))
    write(tmp_path, score(unread, status="failed", value=None))
    write(tmp_path, score(ok(attempt())))
    (facts,) = inspect(Tape(tmp_path / "verdicts.jsonl"))
    assert facts.dollars == 0.5


@pytest.mark.parametrize("torn", [b'{"sample": "2"', b"x" * 100_000])
def test_a_torn_last_line_is_cut_off_by_the_next_writer(tmp_path: Path, torn: bytes) -> None:
    rows = write(tmp_path, score(ok(attempt())))
    file = tmp_path / "verdicts.jsonl"
    file.write_bytes(file.read_bytes() + torn)
    assert list(StoredRun.read(tmp_path).verdicts()) == rows
    assert Tape(file).find("j", "q") == (attempt(),)
    after = write(tmp_path, score(ok(attempt())), score(ok(attempt(1, "r")), "2"))
    assert after[:1] == rows
    assert [r["request"] for r in after] == ["q", "r"]


def test_a_damaged_line_in_the_middle_is_said(tmp_path: Path) -> None:
    write(tmp_path, score(ok(attempt())))
    file = tmp_path / "verdicts.jsonl"
    file.write_bytes(b"{oops\n" + file.read_bytes())
    with pytest.raises(UserError, match=r"verdicts\.jsonl:1 is not JSON"):
        list(StoredRun.read(tmp_path).verdicts())


def test_any_reply_can_be_stored(tmp_path: Path) -> None:
    raw = "half \ud83d, 字, \u2028 \x85 \0 \\ \n"
    write(tmp_path, score(ok(attempt(raw=raw))))
    assert next(StoredRun.read(tmp_path).verdicts())["raw"] == raw
    assert Tape(tmp_path / "verdicts.jsonl").find("j", "q")[0].raw == raw


# --- strange judges -----------------------------------------------------------------------------


def judged_run(
    folder: Path,
    served: Sequence[Sequence[str]],
    *,
    settings: Mapping[str, Any] | None = None,
    failed: Mapping[int, str] | None = None,
    **manifest: Any,
) -> StoredRun:
    """A run in which sample n was judged by the n-th tuple of models; none for an empty one."""
    names = [str(n) for n in range(len(served))]
    with RunWriter(folder, {**MANIFEST, "settings": settings or {}, **manifest}) as writer:
        writer.write_samples(
            [Sample(id=n, benchmark="b", suite="s", task="edit", prompt="p") for n in names]
        )
        writer.add_predictions([prediction(n) for n in names])
        for number, (name, models) in enumerate(zip(names, served, strict=True)):
            why = (failed or {}).get(number)
            changes: dict[str, Any] = {}
            if why is not None:
                changes = {
                    "status": "failed", "value": None, "parts": {"Avg": None}, "reason": why,
                }  # fmt: skip
            writer.add_scores(
                [
                    score(None, name, evidence={"served": list(models)}, **changes),
                    score(None, name, metric="pixels", fingerprint="g"),
                ]
            )
    return StoredRun.read(folder)


POOL = {"judging": {"pool_judges": True}}
ONE, TWO = ("m-1",), ("m-2",)


def test_one_served_model_is_not_strange(tmp_path: Path) -> None:
    run = judged_run(tmp_path / "r", [ONE, ONE, ()])
    assert strange_verdicts(run) == {}
    assert set(read_columns(run)["judge.Avg"].kinds) == {"measured"}


@pytest.mark.parametrize("order", [(ONE, ONE, TWO), (TWO, ONE, ONE), (ONE, TWO, ONE)])
def test_verdicts_of_another_served_model_stay_open(tmp_path: Path, order: Any) -> None:
    run = judged_run(tmp_path / "r", order)
    odd = order.index(TWO)
    found = strange_verdicts(run)
    assert list(found) == [(str(odd), 0, "judge")]
    reason = found[str(odd), 0, "judge"]
    assert reason.startswith("judged by m-2 as served, most others by m-1")
    assert "--pool-judges" in reason
    column = read_columns(run)["judge.Avg"]
    assert column.kinds[odd] == "failed"
    assert column.reasons[odd] == f"failed: {reason}"
    assert column.open.tolist() == [n == odd for n in range(3)]
    assert [v == pytest.approx(0.8) for v in column.values] == [n != odd for n in range(3)]
    assert set(read_columns(run)["pixels.Avg"].kinds) == {"measured"}


def test_they_are_averaged_when_the_run_says_so(tmp_path: Path) -> None:
    run = judged_run(tmp_path / "r", [ONE, TWO, ONE], settings=POOL)
    assert strange_verdicts(run) == {}
    assert set(read_columns(run)["judge.Avg"].kinds) == {"measured"}


def test_a_panel_is_known_by_all_its_models(tmp_path: Path) -> None:
    both = ("a-1", "b-1")
    run = judged_run(tmp_path / "r", [both, both, ("a-1", "b-2"), ("a-1",), ()])
    assert {k[0] for k in strange_verdicts(run)} == {"2", "3"}
    reason = strange_verdicts(run)["2", 0, "judge"]
    assert reason.startswith("judged by a-1 + b-2 as served, most others by a-1 + b-1")


def test_a_score_that_failed_keeps_its_own_reason(tmp_path: Path) -> None:
    both = ("a-1", "b-1")
    why = "timeout: 1 of 2 verdicts failed, first b: late"
    run = judged_run(tmp_path / "r", [both, both, ("a-1",)], failed={2: why})
    assert strange_verdicts(run) == {}
    assert read_columns(run)["judge.Avg"].reasons[2] == f"failed: {why}"


def test_scores_that_failed_do_not_say_who_the_usual_judge_is(tmp_path: Path) -> None:
    why = "unparsed: no JSON"
    run = judged_run(tmp_path / "r", [TWO, TWO, TWO, ONE, ONE], failed=dict.fromkeys(range(3), why))
    assert read_columns(run)["judge.Avg"].kinds[3:] == ("measured", "measured")


# --- two runs -----------------------------------------------------------------------------------

METRICS = ("judge", "pixels")


def test_runs_that_were_judged_by_different_served_models_are_apart(tmp_path: Path) -> None:
    a = judged_run(tmp_path / "a", [ONE, ONE])
    b = judged_run(tmp_path / "b", [TWO, TWO])
    assert separations(a, b, METRICS) == ("judge as served differs for judge: m-1 and m-2",)
    assert separations(a, b, ["pixels"]) == ()
    assert separations(a, judged_run(tmp_path / "c", [ONE, ONE]), METRICS) == ()
    assert (served_models(a, "judge"), served_models(a, "pixels")) == (("m-1",), ())
    unjudged = judged_run(tmp_path / "d", [(), ()])
    assert separations(a, unjudged, METRICS) == ()


def test_pooling_has_to_be_said_by_both(tmp_path: Path) -> None:
    def pair(one: Any, two: Any) -> tuple[str, ...]:
        name = f"{bool(one)}-{bool(two)}"
        return separations(
            judged_run(tmp_path / name / "a", [ONE], settings=one),
            judged_run(tmp_path / name / "b", [TWO], settings=two),
            METRICS,
        )

    assert pair(POOL, POOL) == ()
    assert len(pair(POOL, None)) == len(pair(None, POOL)) == len(pair(None, None)) == 1


def test_another_scorer_is_said_once(tmp_path: Path) -> None:
    a = judged_run(tmp_path / "a", [ONE])
    b = judged_run(tmp_path / "b", [TWO], fingerprints={"judge": "h", "pixels": "g"})
    assert separations(a, b, METRICS) == ("scorer of judge differs: f and h",)


def test_a_failure_in_a_panel_does_not_set_runs_apart(tmp_path: Path) -> None:
    both = ("a-1", "b-1")
    a = judged_run(tmp_path / "a", [both, both])
    b = judged_run(tmp_path / "b", [both, ("a-1",)], failed={1: "timeout: late"})
    assert separations(a, b, METRICS) == ()


# --- hashes of files ----------------------------------------------------------------------------


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were read to be hashed, in order."""
    paths: list[Path] = []

    def counted(path: Path) -> str:
        paths.append(path)
        return sha256_file(path)

    monkeypatch.setattr(hashes, "sha256_file", counted)
    return paths


def test_a_file_is_read_once_also_in_the_next_session(tmp_path: Path, read: list[Path]) -> None:
    one, two = tmp_path / "1.png", tmp_path / os.fsdecode(b"\xff.png")
    one.write_bytes(b"one")
    two.write_bytes(b"two")
    memo = FileHashes(tmp_path / "cache")
    wanted = [sha256_file(one), sha256_file(two)]
    for look in (memo, memo, FileHashes(tmp_path / "cache"), pickle.loads(pickle.dumps(memo))):
        assert [look.sha256(one), look.sha256(two)] == wanted
    assert read == [one, two]


def test_a_file_that_changed_is_read_again(tmp_path: Path, read: list[Path]) -> None:
    file = tmp_path / "1.png"
    file.write_bytes(b"before")
    memo = FileHashes(tmp_path / "cache")
    before = memo.sha256(file)
    file.write_bytes(b"longer than before")
    longer = memo.sha256(file)
    file.write_bytes(b"loNger than before")
    later = file.stat().st_mtime_ns + 1_000_000
    os.utime(file, ns=(later, later))
    other = memo.sha256(file)
    assert len({before, longer, other}) == len(read) == 3
    assert other == FileHashes(tmp_path / "cache").sha256(file) == sha256_file(file)
    assert len(read) == 3


def test_a_cache_that_cannot_be_written_or_read_is_no_error(
    tmp_path: Path, read: list[Path]
) -> None:
    file = tmp_path / "1.png"
    file.write_bytes(b"data")
    (tmp_path / "taken").write_bytes(b"a file")
    (tmp_path / "odd" / "hashes.jsonl").mkdir(parents=True)
    for cache in (tmp_path / "taken", tmp_path / "odd"):
        memo = FileHashes(cache)
        assert memo.sha256(file) == memo.sha256(file) == sha256_file(file)
    assert len(read) == 2


def test_damage_in_the_memo_is_passed_over(tmp_path: Path, read: list[Path]) -> None:
    file = tmp_path / "1.png"
    file.write_bytes(b"data")
    memo = tmp_path / "cache" / "hashes.jsonl"
    FileHashes(memo.parent).sha256(file)
    good = memo.read_bytes()
    junk = b'{oops\n\n[]\n5\nnull\n[1, 2]\n[[], {}, 1, "x"]\n\xff\xfe\n'
    memo.write_bytes(junk + good + b'["half')
    assert FileHashes(memo.parent).sha256(file) == sha256_file(file)
    assert len(read) == 1


def test_a_file_that_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    memo = FileHashes(tmp_path / "cache")
    with pytest.raises(ImageError) as told:
        memo.sha256(tmp_path / "gone.png")
    assert told.value.kind == "not_found"
    assert "gone.png" in str(told.value)
    assert not (tmp_path / "cache").exists()


def test_a_folder_in_place_of_a_file_is_such_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        FileHashes(tmp_path / "cache").sha256(tmp_path)
