from __future__ import annotations

import pytest

from evals.core.errors import UserError
from evals.core.leaderboard import leaderboard
from evals.core.store import StoredRun
from reports.sections import sections_of
from reports.tables import comparison_table, leaderboard_table, leaderboard_tables


def test_a_table_per_board_and_suites_never_mixed(
    official_runs: list[StoredRun], synthetic_runs: list[StoredRun]
) -> None:
    tables = leaderboard_tables([*synthetic_runs, *official_runs])
    assert [t.title.split(",")[0] for t in tables] == ["TextEdit mini", "TextEdit synth"]
    assert "Synthetic, not comparable with TextEdit." in tables[1].notes
    assert not any("Synthetic" in n for n in tables[0].notes)
    for table in tables:
        assert all(len(row) == len(table.headers) for row in table.rows)
    with pytest.raises(UserError, match="synthetic"):
        leaderboard_table([*synthetic_runs, *official_runs])


def test_values_intervals_and_coverage_are_those_of_the_summary(
    official_runs: list[StoredRun],
) -> None:
    table = leaderboard_table(official_runs)
    section = sections_of(official_runs)[0]
    at = section.names.index("bagel")
    row = next(r for r in table.rows if r[0].startswith("bagel"))
    cell = section.summaries[at].cells["ocr_official.OA", ()]
    assert cell.mean is not None
    assert cell.low is not None
    assert cell.high is not None
    half = (cell.high - cell.low) / 2
    want = f"{cell.mean:.3f} ±{half:.3f} ({cell.scored}/{cell.planned})"
    assert row[table.headers.index("OA ↑")] == want
    assert row[-1] == "33/36 (1 refused · 1 missing · 1 error)"


def test_unavailable_is_a_dash_with_a_reason_and_never_zero(official_runs: list[StoredRun]) -> None:
    table = leaderboard_table(official_runs)
    for label in ("CLIP ↑", "AES ↑", "judge"):
        at = table.headers.index(label)
        for row in table.rows:
            assert row[at].startswith("— [")
            number = row[at].split("[")[1].rstrip("]")
            note = next(n for n in table.notes if n.startswith(f"[{number}]"))
            assert "unavailable" in note
            if label != "judge":
                assert "; umm-evals data fetch" in note, "the command that brings it is missing"


def test_ranks_are_those_of_the_leaderboard(official_runs: list[StoredRun]) -> None:
    table = leaderboard_table(official_runs)
    board = leaderboard(official_runs).boards[0]
    shown = {r[0].split(" (")[0]: r[1].rstrip("=") for r in table.rows}
    assert shown == {r.model: "" if r.rank is None else str(r.rank) for r in board.rows}
    assert shown["ground-truth"] == ""


def test_missing_anchors_give_a_reason_in_place_of_a_headline(
    official_runs: list[StoredRun],
) -> None:
    alone = [r for r in official_runs if r.model == "internvl-u"]
    table = leaderboard_table(alone)
    assert table.rows[0][2].startswith("— [")
    assert any("copy-source" in n for n in table.notes)


def test_runs_of_one_model_keep_apart(official_runs: list[StoredRun]) -> None:
    twice = [*official_runs, StoredRun.read(official_runs[2].folder)]
    names = [r[0] for r in leaderboard_table(twice).rows]
    assert len(set(names)) == len(names)


def test_comparison_of_runs(official_runs: list[StoredRun]) -> None:
    from evals.compare import compare_runs

    result = compare_runs(official_runs[2], official_runs[4], ["ocr_strict.OA"])
    table = comparison_table(result.to_json())
    assert table.title == "internvl-u against classical-inpaint"
    first = result.rows[0]
    assert first.difference is not None
    assert table.rows[0][0] == "ocr_strict.OA"
    assert table.rows[0][3] == f"{first.difference:.3f}".replace("-", "−")
    assert table.rows[0][7].startswith(first.verdict)
    assert len(table.rows) == len(result.rows)


def test_comparison_with_a_published_row(official_runs: list[StoredRun]) -> None:
    from evals.compare import compare_published

    rows = official_runs[3].manifest["published"]
    result = compare_published(official_runs[3], rows[0])
    table = comparison_table(result.to_json())
    assert "as printed" in table.title
    assert len(table.rows) == len(result.rows)
    assert all(r[5].startswith(("inside", "outside", "not comparable")) for r in table.rows)
    assert any("the printed columns are permuted" in n for n in table.notes)
