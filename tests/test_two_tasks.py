"""One sweep over two benchmarks of different tasks: every pair has a row, in one right report."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from evals.cli import main
from evals.core.columns import read_columns
from evals.core.leaderboard import leaderboard
from evals.core.store import StoredRun, find_runs
from evals.core.summary import summarise
from evals.core.types import JSON, UNSUPPORTED_TASK, Fault, Output, Sample, Task
from evals.core.writing import RunWriter
from model.adapters.base import Adapter
from model.catalog import ADAPTERS
from reports.html import build_report
from reports.sections import sections_of
from reports.tables import leaderboard_tables
from tests.performance.folders import Folder, build, invented
from tests.reports.test_browser import Visit, browser  # noqa: F401

HERE = "tests.test_two_tasks"
SAMPLES = 18
REFUSAL = Fault(kind="refused", message="I do not look at pictures.", origin="model")


class Scripted:
    """Answers right, wrong, at length, not at all, or refuses, by the number of the sample.

    No `Adapter` behind it: whatever it is asked beyond its task is a failed test.
    """

    name = "scripted"
    tasks: frozenset[Task] = frozenset({"understand"})
    batch_size = 5

    def describe(self) -> Mapping[str, JSON]:
        return {"adapter": "scripted"}

    def check(self, samples: Sequence[Sample]) -> list[str]:
        assert {s.task for s in samples} == {"understand"}
        return []

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        return [self._one(s) for s in samples]

    def _one(self, sample: Sample) -> Output:
        right, turn = sample.reference.answer, int(sample.id.rpartition("-")[2])
        if turn == 7:
            return Output(status="refused", fault=REFUSAL)
        said = {0: right, 1: f"I see it.\n\nThe answer is **{right}**.", 2: right, 3: right}
        wrong = {4: "it could be 1, 2, A or B, yes and no", 5: "", 6: "nobody knows 99 Z"}
        return Output(text={**said, **wrong}[turn])

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        raise AssertionError("it was asked for what it does not do")

    generate = edit


@dataclass
class Pupil(Adapter):
    """Learns a task between two commands."""

    learnt: bool = False
    name: str = "pupil"
    batch_size: int = 50

    def __post_init__(self) -> None:
        self.tasks: frozenset[Task] = frozenset({"edit", "understand"} if self.learnt else {"edit"})

    def describe(self) -> Mapping[str, JSON]:
        return {"adapter": "pupil"}

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        return [Output(images=(s.images[0],)) for s in samples]

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        if not self.learnt:
            return super().answer(samples, seeds)
        return [Output(text=s.reference.answer) for s in samples]


class Picky(Adapter):
    """Calls its hard samples unsupported, one by one, as if they were another task."""

    name = "picky"
    tasks: frozenset[Task] = frozenset({"understand"})

    def describe(self) -> Mapping[str, JSON]:
        return {"adapter": "picky"}

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        easy = [Output(text=s.reference.answer) for s in samples]
        return [
            o if s.group == ("read",) else self._unsupported("understand")
            for s, o in zip(samples, easy, strict=True)
        ]


def make_scripted(argument: str | None, options: Mapping[str, JSON]) -> Scripted:
    return Scripted()


def make_pupil(argument: str | None, options: Mapping[str, JSON]) -> Pupil:
    return Pupil()


def make_learnt(argument: str | None, options: Mapping[str, JSON]) -> Pupil:
    return Pupil(learnt=True)


def make_picky(argument: str | None, options: Mapping[str, JSON]) -> Picky:
    return Picky()


@pytest.fixture(scope="module", autouse=True)
def _adapters() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("scripted", "pupil", "picky"):
            patch.setitem(ADAPTERS, name, f"{HERE}:make_{name}")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return build(tmp_path_factory.mktemp("te"), invented(SAMPLES))


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    code: int
    out: str
    err: str


def call(*words: str | Path) -> Said:
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(w) for w in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def words_of(folder: Folder, out: Path, *models: str, metrics: Sequence[str] = (
    "ocr_official", "ocr_strict", "answer")) -> list[str | Path]:  # fmt: skip
    words: list[str | Path] = ["run", "-b", "textedit/full", "-b", "rendered-qa/synth"]
    for model in models:
        words += ["-m", model]
    for metric in metrics:
        words += ["--metric", metric]
    return [
        *words, "--data", f"textedit={folder.root}", "--out", out, "--workers", "1",
        "--ocr", "recorded", "--ocr-option", f"file={folder.readings}",
    ]  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """A finished sweep."""

    out: Path
    said: Said
    runs: tuple[StoredRun, ...]

    def run(self, benchmark: str, model: str) -> StoredRun:
        return next(r for r in self.runs if (r.benchmark, r.model) == (benchmark, model))


@pytest.fixture(scope="module")
def sweep(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    out = tmp_path_factory.mktemp("sweep")
    words = words_of(folder, out, "copy-source", f"replay:{folder.outputs}", "scripted")
    said = call(*words, "--export", out / "x")
    runs = tuple(StoredRun.read(f) for f in find_runs([out]))
    return Sweep(out=out, said=said, runs=runs)


# --- the runs ---------------------------------------------------------------------------------


def test_every_pair_has_a_run_and_the_command_is_done(sweep: Sweep) -> None:
    assert sweep.said.code == 0, sweep.said.err
    found = {(r.benchmark, r.model): (len(r.samples), bool(r.unsupported)) for r in sweep.runs}
    assert found == {
        ("textedit", "copy-source"): (SAMPLES, False),
        ("textedit", "ground-truth"): (SAMPLES, False),
        ("textedit", "bagel"): (SAMPLES, False),
        ("textedit", "scripted"): (SAMPLES, True),
        ("rendered-qa", "copy-source"): (48, True),
        ("rendered-qa", "ground-truth"): (48, False),
        ("rendered-qa", "bagel"): (48, True),
        ("rendered-qa", "scripted"): (48, False),
    }
    assert all(r.manifest["finished"] for r in sweep.runs)


def test_the_command_says_what_is_left_out(sweep: Sweep) -> None:
    told = "scripted on textedit/full: does not do 'edit' (it does 'understand'): textedit is left"
    assert told in sweep.said.err
    assert "bagel on rendered-qa/synth: does not do 'understand'" in sweep.said.err
    assert "scripted on rendered-qa/synth: predict: 48/48 done, 6 failed" in sweep.said.err
    assert "scripted on textedit/full: predict" not in sweep.said.err


def test_an_unsupported_run_says_so_of_every_sample(sweep: Sweep) -> None:
    run = sweep.run("textedit", "scripted")
    assert {p.status for p in run.predictions.values()} == {"unsupported"}
    faults = [p.fault for p in run.predictions.values() if p.fault]
    assert {(f.kind, f.origin) for f in faults} == {(UNSUPPORTED_TASK, "model")}
    assert faults[0].message == "scripted does not do the task 'edit'."
    assert run.scores == {}
    assert len(run.predictions) == SAMPLES


def test_the_base_of_all_adapters_has_the_same_word() -> None:
    fault = Pupil().answer([object()], [0])[0].fault  # type: ignore[list-item]
    assert fault is not None
    assert fault.kind == UNSUPPORTED_TASK


def test_an_unsupported_run_has_no_number_in_any_profile(sweep: Sweep) -> None:
    run = sweep.run("textedit", "scripted")
    for profile in ("official", "strict", "paper"):
        for column in read_columns(run, profile=profile).values():
            assert set(column.kinds) == {"unsupported"}
            assert not column.usable
            assert not column.open.any()
    summary = summarise(run, resamples=100)
    assert summary.complete
    for cell in summary.cells.values():
        assert (cell.state, cell.mean, cell.scored, cell.imputed, cell.n) == (
            "unsupported", None, 0, 0, 0,
        )  # fmt: skip
        assert cell.planned == sum(cell.reasons.values())


def test_ranks_are_of_those_who_were_asked(sweep: Sweep) -> None:
    board = leaderboard(sweep.runs, resamples=100)
    by_name = {b.benchmark: b for b in board.boards}
    assert len(board.boards) == 2
    rows = {r.model: r for r in by_name["rendered-qa"].rows}
    assert [r.model for r in by_name["rendered-qa"].rows][:2] == ["scripted", "ground-truth"]
    assert rows["scripted"].headline.value == pytest.approx(24 / 48)
    assert rows["scripted"].rank == 1
    for model in ("copy-source", "bagel"):
        assert (rows[model].rank, rows[model].headline.value) == (None, None)
        assert rows[model].note == "not supported: the model does not do the task 'understand'"
        assert not rows[model].headline.supported
        assert not rows[model].headline.partial
    assert by_name["rendered-qa"].pairs == ()
    last = by_name["textedit"].rows[-1]
    assert (last.model, last.rank, last.headline.value) == ("scripted", None, None)


def test_a_plain_headline_needs_no_anchor(sweep: Sweep) -> None:
    asked, truth = (sweep.run("rendered-qa", m) for m in ("scripted", "ground-truth"))
    unscored = replace(truth, scores={})
    (board,) = leaderboard([asked, unscored], resamples=100).boards
    rows = {r.model: r.headline for r in board.rows}
    assert rows["scripted"].value == pytest.approx(0.5)
    assert rows["ground-truth"].value is None


# --- tables and exports -----------------------------------------------------------------------


def test_the_terminal_shows_both_tables_and_the_overview(sweep: Sweep) -> None:
    edit, asked, both = leaderboard_tables(sweep.runs)
    if edit.title.startswith("Rendered"):
        edit, asked = asked, edit
    assert edit.title.startswith("TextEdit full")
    assert asked.title == "Rendered questions synth"
    rows = {r[0]: r for r in asked.rows}
    assert asked.headers == ("model", "rank", "accuracy", "parsed ↑", "Predictions")
    assert rows["scripted"][1] == "1"
    assert rows["scripted"][2].startswith("0.500 ±")
    assert rows["scripted"][3].endswith("(42/48, 6 as worst)")
    # Right answers, a text that is no word of the picture twice, and 99 for two numbers.
    assert rows["scripted"][3].startswith(f"{(24 + 2 + 2) / 48:.3f} ")
    assert rows["scripted"][4] == "42/48 (6 refused)"
    assert rows["bagel (unsupported)"] == ("bagel (unsupported)", "", "— not supported [1]",
                                           "— [1]", "—")  # fmt: skip
    assert "[1] not supported: the model does not do the task 'understand'" in asked.notes
    assert asked.notes[0] == "Synthetic, not comparable with any official benchmark."
    last = edit.rows[-1]
    assert last[0] == "scripted (unsupported)"
    assert all(c.startswith("—") for c in last[2:])
    assert not any("0.000" in c for c in last)
    assert both.title == "Overview"
    assert both.headers[1] == "Rendered questions synth (synthetic)"
    assert edit.title.startswith(both.headers[2])
    cells = {r[0]: r[1:] for r in both.rows}
    assert cells["bagel"][0] == cells["scripted"][1] == "not supported"
    assert cells["scripted"][0].startswith("0.500 ±")
    assert "\nOverview\n" in sweep.said.out
    for table in (edit, asked):
        assert table.title in sweep.said.out
        assert sum("not supported" in n for n in table.notes) == 1


def test_exports_say_so_explicitly(sweep: Sweep) -> None:
    rows = list(csv.DictReader((sweep.out / "x" / "leaderboard.csv").open(encoding="utf-8")))
    found = {(r["benchmark"], r["model"]): r for r in rows}
    assert found["rendered-qa", "scripted"]["supported"] == "True"
    assert float(found["rendered-qa", "scripted"]["headline"]) == pytest.approx(0.5)
    assert found["rendered-qa", "scripted"]["ocr_strict.OA"] == ""
    row = found["rendered-qa", "bagel"]
    assert (row["supported"], row["headline"], row["rank"]) == ("False", "", "")
    assert row["reason"] == "not supported: the model does not do the task 'understand'"
    cells = list(csv.DictReader((sweep.out / "x" / "cells.csv").open(encoding="utf-8")))
    own = [c for c in cells if (c["benchmark"], c["model"]) == ("textedit", "scripted")]
    assert own
    assert {(c["state"], c["mean"], c["complete"]) for c in own} == {("unsupported", "", "True")}
    summary = json.loads((sweep.out / "x" / "summary.json").read_text(encoding="utf-8"))
    states = {
        (s["benchmark"], r["model"]): r["supported"] for s in summary["sections"] for r in s["rows"]
    }
    assert states["textedit", "scripted"] is False
    assert states["textedit", "bagel"] is True
    latex = (sweep.out / "x" / "leaderboard.tex").read_text(encoding="utf-8")
    assert latex.count(r"\begin{table}") == 2


# --- the page ---------------------------------------------------------------------------------


def page_data(page: str) -> dict[str, dict[str, Any]]:
    blocks = page.split('<script type="application/json" class="data">')[1:]
    found = [json.loads(b.split("</script>")[0]) for b in blocks]
    return {d["id"]: d for d in found}


def test_the_page_has_a_section_per_benchmark(sweep: Sweep) -> None:
    page = build_report(sweep.runs)
    sections = {s.id: s for s in sections_of(sweep.runs)}
    assert set(sections) == {"textedit-full", "rendered-questions-synth"}
    edit, asked = sections["textedit-full"], sections["rendered-questions-synth"]
    assert (edit.facts, asked.facts) == (
        f"{SAMPLES} samples · 1 model · OCR by recorded", "48 samples · 1 model",
    )  # fmt: skip
    parts = page.split('<section class="suite"')[1:]
    texts = {p.split('"')[1]: p.split("</section>")[0] for p in parts}
    told = texts["rendered-questions-synth"]
    assert "<strong><bdi>scripted</bdi></strong> reaches" in told
    assert "bagel, copy-source do not do the task" in told
    assert told.count(">unsupported</span>") == 2
    assert "Groups (6)" in told
    assert "Sub-class" not in told
    assert 'name="diff"' not in told
    assert "published rows" not in told
    for name in ("bagel", "copy-source"):
        assert told.count(f'data-model="{name}"') == 2, "headline and one column, nothing below"
        assert f">{name}</option>" not in told
    assert "scripted does not do the task" in texts["textedit-full"]
    assert 'name="diff"' in texts["textedit-full"]
    assert "unsupported, of" not in page, "that is said once, and in words"


def test_the_gallery_shows_answers_beside_what_was_expected(sweep: Sweep) -> None:
    data = page_data(build_report(sweep.runs))
    asked, edit = data["rendered-questions-synth"], data["textedit-full"]
    assert (asked["words"], edit["words"]) == (True, False)
    models = [m["name"] for m in asked["models"]]
    assert {models[e["model"]] for e in asked["entries"]} == {"scripted", "ground-truth"}
    assert {edit["models"][e["model"]]["name"] for e in edit["entries"]} == {
        "copy-source", "ground-truth", "bagel",
    }  # fmt: skip
    assert models[int(asked["first"])] == "scripted"
    run, places = sweep.run("rendered-qa", "scripted"), {}
    for entry in asked["entries"]:
        if models[entry["model"]] == "scripted":
            places[asked["samples"][entry["sample"]]["id"]] = entry
    for sample in run.samples:
        entry, turn = places[sample["id"]], int(sample["id"].rpartition("-")[2])
        shown = next(s for s in asked["samples"] if s["id"] == sample["id"])
        assert shown["answer"] == sample["reference"]["answer"]
        assert shown["choices"] == sample["reference"]["choices"]
        assert shown["prompt"] == sample["prompt"]
        assert (entry.get("right"), entry["status"]) == {
            **dict.fromkeys(range(4), (True, "ok")), **dict.fromkeys((4, 5, 6), (False, "ok")),
            7: (None, "refused"),
        }[turn]  # fmt: skip
        if turn == 5:
            assert (entry["text"], entry["said"]) == ("", "")
            assert "counted as wrong: it is empty" in entry["notes"]["answer"]
        if turn == 1:
            assert entry["said"] == sample["reference"]["answer"]
        assert "evidence" not in entry, "what is shown is not told twice"


def test_the_same_runs_give_the_same_page_in_any_order(sweep: Sweep) -> None:
    page = build_report(sweep.runs)
    assert build_report(sweep.runs) == page
    turned = page_data(build_report(tuple(reversed(sweep.runs))))
    assert set(turned) == set(page_data(page))


@pytest.mark.parametrize("width", [1440, 400])
def test_the_page_in_a_browser(browser: Any, sweep: Sweep, width: int) -> None:  # noqa: F811
    visit = Visit(browser, sweep.out / "report.html", width)
    page, here = visit.page, "#rendered-questions-synth"
    page.evaluate(f"document.querySelector('{here} .gallery').scrollIntoView()")
    page.wait_for_selector(f"{here} .card")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    gallery = page.locator(f"{here} .gallery")
    gallery.locator("[name=q]").fill("colour-")
    cards = gallery.locator(".card")
    assert cards.count() == 8
    first = cards.first.inner_text()
    assert "What colour is the" in first
    assert "\nB. " in first, "choices stand on lines of their own"
    sample = next(s for s in sweep.run("rendered-qa", "scripted").samples if s["id"] == "colour-0")
    answer = sample["reference"]["answer"]
    spelt = f"{answer} ({sample['reference']['choices']['ABCD'.index(answer)]})"
    assert f"expected {spelt}" in " ".join(first.split())
    assert cards.first.locator(".badge", has_text="right").count() == 1
    assert "no single answer" in cards.nth(4).inner_text()
    assert cards.nth(4).locator(".badge", has_text="wrong").count() == 1
    assert "The reply is empty." in cards.nth(5).inner_text()
    assert "I do not look at pictures." in cards.nth(7).inner_text()
    cards.nth(4).locator("button.frame").first.click()
    page.wait_for_selector("dialog[open]")
    dialog = page.locator("dialog[open]")
    assert dialog.locator(".answers button").count() == 2
    assert "it could be 1, 2, A or B" in dialog.locator(".reply").inner_text()
    dialog.locator(".answers button", has_text="ground-truth").click()
    assert dialog.locator(".name").first.inner_text() == "ground-truth"
    assert dialog.locator(".read .badge").inner_text() == "right"
    assert "output" not in dialog.inner_text()
    page.keyboard.press("Escape")
    page.locator(f"{here} .heat .cell[data-path=count]").nth(1).click()
    page.wait_for_function(
        "document.querySelector('#rendered-questions-synth .count').textContent.includes('of 8')"
    )
    page.evaluate("document.querySelector('#textedit-full .gallery').scrollIntoView()")
    page.wait_for_selector("#textedit-full .card .panes")
    assert visit.problems == []
    assert visit.outside == []


def test_a_report_of_nothing_but_an_unsupported_run(sweep: Sweep, tmp_path: Path) -> None:
    folder = sweep.run("rendered-qa", "bagel").folder
    said = call("report", folder, "-o", tmp_path / "r.html", "--export", tmp_path / "x")
    assert said.code == 0, said.err
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "No model can be ranked on Rendered questions synth: no model here does its task." in (
        page
    )
    assert "bagel does not do the task" in page


def test_comparing_with_an_unsupported_run_says_why(sweep: Sweep) -> None:
    scripted = sweep.run("rendered-qa", "scripted").folder
    said = call("compare", scripted, sweep.run("rendered-qa", "bagel").folder)
    assert said.code == 0, said.err
    assert "not comparable: the model does not do the task 'understand'" in said.out
    across = call("compare", scripted, sweep.run("textedit", "bagel").folder)
    assert across.code == 0
    assert "benchmark differs" in across.out


# --- commands ---------------------------------------------------------------------------------


def test_the_same_command_again_has_nothing_to_do(folder: Folder, sweep: Sweep) -> None:
    before = {p: p.read_bytes() for p in sweep.out.rglob("*.jsonl")}
    words = words_of(folder, sweep.out, "copy-source", f"replay:{folder.outputs}", "scripted")
    said = call(*words)
    assert said.code == 0
    assert "done" not in said.err
    assert {p: p.read_bytes() for p in sweep.out.rglob("*.jsonl")} == before
    assert (
        said.out.splitlines()[:-1]
        == [line for line in sweep.said.out.splitlines() if not line.startswith("export")][:-1]
    )


def test_dry_run_asks_nothing_of_an_unsupported_pair(folder: Folder, tmp_path: Path) -> None:
    words = words_of(folder, tmp_path / "r", "scripted", "copy-source")
    rows = json.loads(call(*words, "--dry-run", "--json").out)["runs"]
    found = {(r["benchmark"], r["model"]): (r["supported"], r["predictions"]) for r in rows}
    assert found["textedit/full", "scripted"] == (False, 0)
    assert found["rendered-qa/synth", "scripted"] == (True, 48)
    assert found["rendered-qa/synth", "copy-source"] == (False, 0)
    table = call(*words, "--dry-run").out
    assert "textedit-full/scripted\tunsupported\t0" in table
    assert not (tmp_path / "r").exists()


def test_a_judge_is_not_priced_for_an_unsupported_pair(folder: Folder, tmp_path: Path) -> None:
    words = words_of(folder, tmp_path, "scripted", metrics=())
    rows = json.loads(call(*words, "--judge", "openai:m", "--dry-run", "--json").out)["runs"]
    calls = {(r["benchmark"], r["model"]): r["judge_calls"] for r in rows}
    assert calls["textedit/full", "copy-source"] == SAMPLES
    assert calls["textedit/full", "scripted"] == 0


def test_a_model_that_does_none_of_it_is_refused(folder: Folder, tmp_path: Path) -> None:
    one = call("run", "-m", "copy-source", "-b", "rendered-qa", "-o", tmp_path)
    assert one.code == 2
    assert one.err.strip() == (
        "umm-evals: copy-source does not do 'understand' (it does: edit), which rendered-qa needs; "
        "leave it out, or add a benchmark it does."
    )
    assert list(tmp_path.iterdir()) == []
    data = f"textedit={folder.root}"
    two = call("run", "-m", "scripted", "-b", "textedit/full", "--data", data, "-o", tmp_path)
    assert two.code == 2
    assert "scripted does not do 'edit' (it does: understand), which textedit needs" in two.err


def test_metric_names_belong_to_one_of_the_benchmarks(folder: Folder, tmp_path: Path) -> None:
    models = ("scripted", "copy-source")
    words = words_of(folder, tmp_path, *models, metrics=("answr",))
    assert "no metric of textedit or rendered-qa 'answr'. Did you mean 'answer'" in call(*words).err
    words = words_of(folder, tmp_path, *models, metrics=("answer",))
    said = call(*words)
    assert said.code == 2
    assert "--metric answer names none of the metrics of textedit (ocr_official" in said.err


def test_a_rescore_of_one_benchmark_leaves_the_other(folder: Folder, tmp_path: Path) -> None:
    words = words_of(folder, tmp_path, "scripted", "copy-source")
    assert call(*words, "--no-report").code == 0
    before = {p: p.read_bytes() for p in (tmp_path / "rendered-qa-synth").rglob("*.json*")}
    said = call("score", tmp_path, "--metric", "text_exact", "--workers", "1")
    assert said.code == 0, said.err
    assert said.err.count("has none of the metrics named") == 3
    assert "text_exact: 18/18 done" in said.err
    after = {p: p.read_bytes() for p in (tmp_path / "rendered-qa-synth").rglob("*.json*")}
    assert after == before
    said = call("score", tmp_path, "--metric", "text_exakt")
    assert said.code == 2
    assert "Did you mean 'text_exact'" in said.err
    run = StoredRun.read(tmp_path / "textedit-full" / "scripted")
    assert run.unsupported
    assert run.scores == {}


def test_a_model_that_learnt_the_task_is_asked(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*words_of(folder, tmp_path, "pupil"), "--no-report"]
    assert call(*words).code == 0
    assert StoredRun.read(tmp_path / "rendered-qa-synth" / "pupil").unsupported
    monkeypatch.setitem(ADAPTERS, "pupil", f"{HERE}:make_learnt")
    planned = json.loads(call(*words, "--dry-run", "--json").out)["runs"]
    (row,) = [r for r in planned if (r["model"], r["benchmark"]) == ("pupil", "rendered-qa/synth")]
    assert (row["supported"], row["predictions"], row["stored"]) == (True, 48, 0)
    said = call(*words)
    assert said.code == 0
    assert "pupil on rendered-qa/synth: predict: 48/48 done, 0 failed" in said.err
    run = StoredRun.read(tmp_path / "rendered-qa-synth" / "pupil")
    assert run.unsupported == ""
    (only,) = leaderboard([run], resamples=100).rows
    assert only.headline.value == 1.0


def test_leaving_out_samples_one_by_one_does_not_pay(tmp_path: Path) -> None:
    assert call("run", "-m", "picky", "-b", "rendered-qa", "-o", tmp_path, "--no-report").code == 0
    run = StoredRun.read(tmp_path / "rendered-qa-synth" / "picky")
    assert run.unsupported == ""
    cell = summarise(run, resamples=100).cells["answer.accuracy", ()]
    assert cell.mean == pytest.approx(8 / 48)
    assert (cell.scored, cell.imputed, cell.planned) == (8, 40, 48)


def test_a_run_is_unsupported_only_when_all_of_it_says_so(sweep: Sweep, tmp_path: Path) -> None:
    whole = sweep.run("rendered-qa", "bagel")
    kept = dict(list(whole.predictions.items())[:-1])
    assert replace(whole, predictions=kept).unsupported == "", "one is still to come"
    assert replace(whole, predictions={}).unsupported == ""
    assert replace(whole, samples=(), predictions={}).unsupported == ""
    assert whole.unsupported == "the model does not do the task 'understand'"
    key, last = list(whole.predictions.items())[-1]
    other = replace(last, fault=REFUSAL, status="refused")
    assert replace(whole, predictions={**kept, key: other}).unsupported == ""
    with RunWriter(tmp_path / "r", {**whole.manifest, "trials": 2}) as writer:
        writer.write_samples([])
        writer.add_predictions(list(whole.predictions.values()))
    assert StoredRun.read(tmp_path / "r").unsupported == ""
