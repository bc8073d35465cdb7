from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from evals import stored
from evals.core.store import StoredRun
from evals.core.types import Score
from reports.columns import columns_of, number, side_by_side
from reports.gallery import section_gallery
from reports.html import build_report
from reports.judged import JudgeTable, has_verdict
from reports.judges import judges_panel
from reports.notices import warnings
from reports.sections import Section, sections_of
from reports.tables import leaderboard_tables
from tests.reports import judged_runs


def plain(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup))


def gallery(section: Section, model: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The entries of a model in the order of samples, and who judged."""
    made = section_gallery(section.runs, section.columns, lambda _: -1)
    at = section.names.index(model)
    return [e for e in made["entries"] if e["model"] == at], made["judging"]


def panel_of(page: str) -> str:
    return page.split("<h3>Judges</h3>")[1].split('<div class="gallery">', maxsplit=1)[0]


# --- one sample -------------------------------------------------------------------------------


def test_a_verdict_is_told_in_full_and_once(single_runs: list[StoredRun]) -> None:
    entries, judging = gallery(sections_of(single_runs)[0], "internvl-u")
    (said,) = entries[0]["judged"]
    by = judging[said["by"]]
    run = next(r for r in single_runs if r.model == "internvl-u")
    score = run.scores[str(run.samples[0]["id"]), 0, "judge"]
    assert by == {
        "metric": "judge", "rules": False, "judge": "gpt-4.1", "served": "gpt-4.1-2026",
        "prompt": score.evidence["prompt"], "rubric": score.evidence["rubric"],
        "names": list(judged_runs.NAMES),
    }  # fmt: skip
    assert said["scores"] == [score.evidence["scores"][n] for n in judged_runs.NAMES]
    assert said["reasons"] == [f"seen {n}" for n in judged_runs.NAMES]
    assert not {"each", "apart", "failed"} & set(said)
    assert all("judge" not in e.get("evidence", {}) for e in entries)
    assert len(judging) == 3, "one row per model that served, and one for the failed sample"


def test_a_failed_verdict_keeps_its_reason_and_reply(
    single_runs: list[StoredRun], builder: ModuleType
) -> None:
    entries, _ = gallery(sections_of(single_runs)[0], "internvl-u")
    failed = [e for e in entries if "failed" in e["judged"][0]]
    assert failed == [entries[3]]
    said = failed[0]["judged"][0]
    assert (said["failed"], said["reason"]) == ("unparsed", "no JSON object")
    assert said["reply"] == f"I cannot: {builder.HOSTILE}"
    assert said["scores"] == []
    assert "judge" not in failed[0]["notes"]


def test_several_verdicts_stand_side_by_side(panel_runs: list[StoredRun]) -> None:
    entries, judging = gallery(sections_of(panel_runs)[0], "internvl-u")
    assert judging[0]["judge"] == "gpt-4.1 + qwen"
    assert judging[0]["served"] == "gpt-4.1-2026 + qwen-2026"
    for entry in entries:
        (said,) = entry["judged"]
        assert [judge for judge, _ in said["each"]] == ["gpt-4.1", "qwen"]
        assert [len(own) for _, own in said["each"]] == [2, 2]
    assert [i for i, e in enumerate(entries) if any(e["judged"][0]["apart"])] == [1]
    assert entries[1]["judged"][0]["apart"] == [False, False, False, False, True]
    broken = entries[2]["judged"][0]
    assert broken["failed"] == "refused"
    assert broken["each"][1][1][1] == "refused"
    assert all(isinstance(s, int) for s in broken["each"][1][1][0])
    assert broken["scores"] == [None] * 5


def test_scores_between_two_are_rounded_and_whole_ones_are_whole() -> None:
    score = Score(
        sample="1", trial=0, metric="judge", value=1.0, status="ok",
        evidence={"judge": "a", "scores": {"TA": 4.0, "TP": 3.3333333}, "reasons": {}},
    )  # fmt: skip
    assert json.dumps(JudgeTable().said(score)["scores"]) == "[4, 3.33]"


def test_other_metrics_count_by_their_evidence() -> None:
    base = Score(sample="1", trial=0, metric="taste", value=1.0, status="ok")
    assert not has_verdict(base)
    assert not has_verdict(replace(base, evidence={"scores": [1], "reasons": {}}))
    assert has_verdict(replace(base, evidence={"scores": {"A": 1}, "reasons": {}}))
    assert not has_verdict(replace(base, metric="judge", status="unavailable"))


def test_damaged_evidence_is_shown_as_far_as_it_goes() -> None:
    evidence = {
        "judge": 3, "served": "x", "scores": {"TA": "5", "TP": True, "SI": float("nan")},
        "reasons": {"TA": ["a"]}, "verdicts": ["x", {"judge": "a"}, {"scores": 4}],
    }  # fmt: skip
    score = Score(
        sample="1", trial=0, metric="judge", value=None, status="failed", reason="odd",
        evidence=evidence,
    )  # fmt: skip
    table = JudgeTable()
    said = table.said(score)
    assert said["scores"] == [None, None, None]
    assert said["each"] == [["a", [""]], ["", [""]]]
    assert (said["failed"], said["reason"]) == ("failed", "odd")
    assert table.rows[0]["served"] == ""


def test_notes_that_say_the_same_are_told_once(single_runs: list[StoredRun]) -> None:
    from reports.gallery import _note_of

    notes = {"TA_official": "dropped (J4)", "Avg_official": "dropped (J4)", "VC": "odd"}
    score = Score(sample="1", trial=0, metric="judge", value=1.0, status="ok", notes=notes)
    assert _note_of(score) == "Avg_official, TA_official: dropped (J4); VC: odd"


# --- panel ------------------------------------------------------------------------------------


def test_the_panel_counts_what_the_runs_hold(single_runs: list[StoredRun]) -> None:
    panel = judges_panel(sections_of(single_runs)[0], {})
    assert panel is not None
    assert len(panel["rows"]) == 3
    for row in panel["rows"]:
        assert row["served"] == ["gpt-4.1-2026 (14)", "gpt-4.1-mini (4)"]
        assert (row["verdicts"], row["failed"], row["coverage"]) == ("18", "1 unparsed", "17/18")
        assert (row["calls"], row["cost"]) == ("18", "$0.17 + 1 without a price")
    ((name, protocol),) = panel["facts"]
    assert name == "judge"
    assert re.fullmatch(r"our own rubric textedit \d+, hash [0-9a-f]{16}; asked once", protocol)
    assert panel["agreement"] == []


def test_the_panel_has_a_row_per_judge_and_says_what_becomes_of_several_verdicts(
    panel_runs: list[StoredRun],
) -> None:
    panel = judges_panel(sections_of(panel_runs)[0], {})
    assert panel is not None
    rows = [(r["judge"], r["verdicts"], r["failed"], r["calls"]) for r in panel["rows"][:2]]
    assert rows == [("gpt-4.1", "36", "none", "36"), ("qwen", "36", "1 refused", "36")]
    assert panel["facts"][0][1].endswith("each judge asked 2 times; the median of the verdicts")


def test_calls_of_other_scores_are_not_counted(
    single_runs: list[StoredRun], tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(single_runs[0].folder, folder)
    lines = (folder / "verdicts.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    other = [{"rubric": "0" * 16}, {"prediction": "gone"}, {"judge": "key-old"}, {"repeat": 1},
             {"metric": "taste"}]  # fmt: skip
    with (folder / "verdicts.jsonl").open("a") as stream:
        for change in other:
            stream.write(json.dumps({**row, "request": "new", **change}) + "\n")
    panel = judges_panel(sections_of([StoredRun.read(folder)])[0], {})
    assert panel is not None
    assert panel["rows"][0]["calls"] == "18"
    (folder / "verdicts.jsonl").unlink()
    bare = judges_panel(sections_of([StoredRun.read(folder)])[0], {})
    assert bare is not None
    assert bare["rows"][0]["calls"] == bare["rows"][0]["cost"] == "—"
    assert bare["rows"][0]["verdicts"] == "18"
    assert bare["rows"][0]["served"] == ["gpt-4.1-2026 (13)", "gpt-4.1-mini (4)"]


def test_an_official_prompt_is_named_as_such(builder: ModuleType, tmp_path: Path) -> None:
    runs = judged_runs.make(
        builder, tmp_path, lambda m, at: [judged_runs.verdict(dict.fromkeys(judged_runs.NAMES, 3))],
        models=(2,),
    )  # fmt: skip
    path = runs[0].folder / "scores.jsonl"
    prompt = "official prompt (p.py, sha256 0123456789abcdef)"
    known = json.dumps(runs[0].scores[str(runs[0].samples[0]["id"]), 0, "judge"].evidence["prompt"])
    path.write_text(path.read_text().replace(f'"prompt": {known}', f'"prompt": "{prompt}"')
                    .replace(f'"prompt":{known}', f'"prompt":"{prompt}"'))  # fmt: skip
    text = plain(panel_of(build_report([StoredRun.read(runs[0].folder)], embed="none")))
    assert f"{prompt}, hash" in text
    assert "our own rubric" not in text


def test_without_judges_there_is_no_panel_and_no_filter(page: str) -> None:
    assert "<h3>Judges</h3>" not in page
    assert 'name="verdict"' not in page


def test_the_filter_for_disagreement_needs_several_verdicts(
    single_runs: list[StoredRun], panel_runs: list[StoredRun]
) -> None:
    one, two = (build_report(r, embed="none") for r in (single_runs, panel_runs))
    assert '<option value="failed">judge failed</option>' in one
    assert "judges disagree</option>" not in one
    assert '<option value="apart">judges disagree</option>' in two


# --- warnings and headings --------------------------------------------------------------------


def test_several_served_models_are_a_warning(single_runs: list[StoredRun]) -> None:
    told = [w for w in warnings(sections_of(single_runs)[0]) if "Several models" in w["title"]]
    assert told == [
        {"title": "Several models answered for one judge in all runs.",
         "text": "judge was served as gpt-4.1-2026 (13) and gpt-4.1-mini (4); only the scores of "
         "gpt-4.1-2026 are averaged, the others stay open."}
    ]  # fmt: skip


def test_pooled_judges_are_still_told(builder: ModuleType, tmp_path: Path) -> None:
    def say(model: Any, at: int) -> list[Any]:
        return [judged_runs.verdict(dict.fromkeys(judged_runs.NAMES, 3), served=f"m{at % 2}")]

    runs = judged_runs.make(builder, tmp_path, say, models=(2,), pool_judges=True)
    texts = [w["text"] for w in warnings(sections_of(runs)[0])]
    assert "judge was served as m0 (9) and m1 (9); all are averaged, as asked (--pool-judges)." in (
        texts
    )


def test_rules_in_place_of_a_judge_are_named_everywhere(
    rules_runs: list[StoredRun], panel_runs: list[StoredRun]
) -> None:
    text = build_report(rules_runs, embed="none")
    assert "<b>Judge track: measured by rules, no MLLM.</b>" in text
    assert '>judge</button><span class="sub below">by judge_<wbr>heuristic</span>' in text
    assert '<span class="badge warn">measured by rules, no MLLM</span>' in panel_of(text)
    (table,) = leaderboard_tables(rules_runs)
    assert "judge (by judge_heuristic)" in table.headers
    assert "Judge track: measured" not in build_report(panel_runs, embed="none")


def test_what_rules_measure_never_stands_among_what_judges_say(
    rules_runs: list[StoredRun],
) -> None:
    gathered = dict(side_by_side(columns_of(rules_runs)))
    assert [c.name for c in gathered["Avg"]] == ["Avg_official", "Avg", "Avg_paper"]
    assert {c.metric for c in gathered["Avg"]} == {"judge"}
    assert [c.key for c in gathered["Avg by rules"]] == ["judge_heuristic.Avg"]


def test_judge_columns_are_called_by_their_judge(single_runs: list[StoredRun]) -> None:
    (table,) = leaderboard_tables(single_runs)
    assert "Avg ↑ (judge)" in table.headers
    text = build_report(single_runs, embed="none")
    assert '"short":"judge Avg strict"' in text
    assert '"short":"OA strict"' in text


def test_measured_rows_name_their_judge_beside_published_ones(
    single_runs: list[StoredRun], rules_runs: list[StoredRun]
) -> None:
    text = build_report(single_runs, embed="none")
    measured = text.split("Measured here")[1].split("Published. Every row")[0]
    assert len(re.findall(r">judge gpt-4\.1 \d+</span>", measured)) == len(single_runs)
    measured = build_report(rules_runs, embed="none").split("Measured here")[1]
    assert ">judge gpt" not in measured.split("Published. Every row")[0]


# --- agreement --------------------------------------------------------------------------------


def test_agreement_is_told_when_it_is_handed_over(panel_runs: list[StoredRun]) -> None:
    found = stored.reliability_of(panel_runs)
    assert set(found) == {r.folder for r in panel_runs}
    bare, full = (build_report(panel_runs, embed="none", judging=j) for j in (None, found))
    assert "How far verdicts agree" not in bare
    run = next(r for r in panel_runs if r.model == "internvl-u")
    facts = found[run.folder]
    part = full.split("How far verdicts agree: <bdi>internvl-u</bdi>")[1].split("</table>")[0]
    rows = dict(re.findall(r'scope="row"><bdi>(.*?)</bdi></th>(.*?)</tr>', part))
    assert list(rows) == [*judged_runs.NAMES, "headline (0 to 1)"]
    for dimension in facts["dimensions"][:-1]:
        alpha = dimension["alpha"]
        value, low, high = (number(alpha[k], 2) for k in ("value", "low", "high"))
        shown = re.findall(r"<bdi>(.*?)</bdi>", rows[dimension["name"]])
        sds = [j["within_sd"][dimension["name"]] for j in facts["judges"]]
        assert shown[:3] == [*(number(sd, 2) for sd in sds), f"{value} [{low}, {high}]"]
        assert shown[-1] == f"{100 * dimension['share']['share']:.0f} %"


def test_one_verdict_per_question_costs_no_statistics(single_runs: list[StoredRun]) -> None:
    assert stored.reliability_of(single_runs) == {}


def test_a_benchmark_that_is_gone_stops_no_report(panel_runs: list[StoredRun]) -> None:
    gone = replace(
        panel_runs[0],
        manifest={**panel_runs[0].manifest, "benchmark": {"name": "gone", "version": "1"}},
    )
    assert stored.reliability_of([gone]) == {}


def test_the_command_writes_the_same_page_twice(
    panel_runs: list[StoredRun], tmp_path: Path
) -> None:
    pages = []
    for name in ("a", "b"):
        target = tmp_path / name / "report.html"
        target.parent.mkdir()
        folders = [r.folder for r in panel_runs]
        stored.report(folders, target, embed="none", title=None, export=None, as_json=True)
        pages.append(target.read_bytes())
    assert pages[0] == pages[1]
    assert b"Krippendorff" in pages[0]


# --- hostile input ----------------------------------------------------------------------------


def test_hostile_verdicts_are_inert(hostile_judged: Path, builder: ModuleType) -> None:
    text = hostile_judged.read_text(encoding="utf-8")
    assert "\x00" not in text
    assert len(re.findall(r"<script(?! type=)", text)) == 1
    assert "<img" not in text.split("<script>")[0]
    data = json.loads(text.split('class="data">')[1].split("</script>")[0])
    assert {j["served"] for j in data["judging"]} <= {
        builder.HOSTILE, f"{builder.HOSTILE} + {builder.HOSTILE}"
    }  # fmt: skip
    replies = {j["reply"] for e in data["entries"] for j in e["judged"] if j.get("reply")}
    assert replies == {builder.HOSTILE}
