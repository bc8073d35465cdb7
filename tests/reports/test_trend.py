"""The curves of a training: what is drawn, and that every number below them is the run's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from evals.core.store import StoredRun
from evals.core.summary import summarise
from reports.html import build_report, write_report
from reports.sections import Section, sections_of
from reports.trend import DRAWN, trend_panel
from tests import training_runs
from tests.fake_runs import make_run
from tests.reports.test_browser import ARGS, CHROMIUM


def section_of(runs: Sequence[StoredRun]) -> Section:
    (section,) = sections_of(runs)
    return section


def panel_of(place: Path) -> dict[str, Any]:
    panel = trend_panel(section_of(training_runs.runs_below(place)))
    assert panel is not None
    return panel


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[StoredRun]:
    place = tmp_path_factory.mktemp("trend")
    training_runs.anchors(place)
    training_runs.steps(place)
    make_run(place / "other", "other", 24, quality=0.5, suite="val",
             manifest={"suite": training_runs.SUITE})  # fmt: skip
    return training_runs.runs_below(place)


@pytest.fixture(scope="module")
def panel(runs: list[StoredRun]) -> dict[str, Any]:
    made = trend_panel(section_of(runs))
    assert made is not None
    return made


@pytest.fixture(scope="module")
def page(runs: list[StoredRun]) -> str:
    return build_report(runs, embed="none")


# --- what is drawn ------------------------------------------------------------------------------


def test_headline_tracks_and_the_first_quantity_of_each_metric(panel: Mapping[str, Any]) -> None:
    keys = [m.key for m in panel["heads"]]
    assert keys[:3] == ["headline", "track:text", "track:fidelity"]
    assert "ocr_official.OA" in keys
    assert "ocr_paper.OA" not in keys, "one OA is enough, the official one"
    assert "track:judge" not in keys, "nothing was judged"
    assert len(panel["charts"]) == len(keys)


def test_a_curve_has_a_mark_per_step_and_one_band(panel: Mapping[str, Any]) -> None:
    for drawing in panel["charts"]:
        (curve,) = drawing["curves"]
        assert len(curve["marks"]) == 3
        assert curve["line"].count("M") == 1
        assert curve["line"].count("L") == 2
        assert curve["band"].count("Z") == 1
        assert [m["tip"].split(":")[0] for m in curve["marks"]] == [
            "toy, step 0", "toy, step 100", "toy, step 250"
        ]  # fmt: skip


def test_the_curve_rises_where_the_model_gets_better(panel: Mapping[str, Any]) -> None:
    for drawing in panel["charts"]:
        heights = [
            float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", drawing["curves"][0]["line"])
        ]
        better = -1 if drawing["measure"].direction == "lower" else 1
        # Down the page is up in SVG.
        assert (heights[0] - heights[-1]) * better > 0, drawing["measure"].key


def test_anchors_are_dashed_lines_or_named_at_the_edge(panel: Mapping[str, Any]) -> None:
    for drawing in panel["charts"]:
        told = " ".join(a["text"] for a in (*drawing["anchors"], *drawing["outside"]))
        assert "copy-source" in told
        assert "ground-truth" in told
    assert [r["name"] for r in panel["anchors"]] == ["copy-source", "ground-truth"]


def test_the_sentence_tells_what_was_learnt(panel: Mapping[str, Any]) -> None:
    (said,) = (s.striptags() for s in panel["sentences"])
    assert said.startswith("toy, from step 0 to 250: better in hybrid v1 (partial) (+0.")
    assert "lpips_region (−0." in said
    assert "worse" not in said


def test_a_missing_value_is_a_gap(tmp_path: Path) -> None:
    training_runs.anchors(tmp_path)
    learning = {0: 0.3, 10: 0.4, 20: 0.5, 30: 0.6, 40: 0.7}
    training_runs.steps(tmp_path, quality=learning, absent={20: ("clip",)})
    made = panel_of(tmp_path)
    (curve,) = next(c for c in made["charts"] if c["measure"].key == "clip.CLIP")["curves"]
    assert curve["line"].count("M") == 2
    assert len(curve["marks"]) == 4
    assert curve["band"].count("Z") == 2
    at = [m.key for m in made["heads"]].index("clip.CLIP")
    cell = made["groups"][0]["rows"]["steps"][2]["cells"][at]
    assert (cell.text, cell.value) == ("—", None)
    assert "clip is absent here" in made["notes"][cell.refs[0] - 1]


def test_a_step_alone_between_gaps_has_whiskers(tmp_path: Path) -> None:
    training_runs.anchors(tmp_path)
    training_runs.steps(tmp_path, quality={0: 0.3, 10: 0.4, 20: 0.5}, absent={10: ("clip",)})
    made = panel_of(tmp_path)
    (curve,) = next(c for c in made["charts"] if c["measure"].key == "clip.CLIP")["curves"]
    assert (curve["line"], curve["band"]) == ("", "")
    assert curve["whisker"].count("V") == 2


# --- numbers ------------------------------------------------------------------------------------


def test_every_number_of_the_table_is_the_runs(
    runs: list[StoredRun], panel: Mapping[str, Any]
) -> None:
    by_name = {r.model: summarise(r) for r in runs}
    rows = panel["groups"][0]["rows"]["steps"]
    assert [r["name"] for r in rows] == [f"toy @ step {n}" for n in (0, 100, 250)]
    for row in rows:
        assert row["n"] == "24"
        for measure, cell in zip(panel["heads"], row["cells"], strict=True):
            if "." not in measure.key:
                continue
            own = by_name[row["name"]].cells[measure.key, ()]
            assert cell.value == own.mean
            assert cell.small.startswith("±")


def test_the_change_row_has_difference_and_p(panel: Mapping[str, Any]) -> None:
    rows = panel["groups"][0]["rows"]
    assert rows["change"] == "0 → 250"
    for measure, cell in zip(panel["heads"], rows["changes"], strict=True):
        assert cell["small"].startswith("p "), measure.key
        assert "95 % CI [" in cell["tip"]
        assert cell["text"].startswith("−" if measure.direction == "lower" else "+")
        assert cell["css"] == "better"


# --- which runs belong together -----------------------------------------------------------------


def test_one_step_is_no_training(tmp_path: Path) -> None:
    training_runs.anchors(tmp_path)
    training_runs.steps(tmp_path, quality={100: 0.5})
    found = training_runs.runs_below(tmp_path)
    assert trend_panel(section_of(found)) is None
    assert "Over the training" not in build_report(found, embed="none")


def test_other_settings_are_another_curve(tmp_path: Path) -> None:
    training_runs.anchors(tmp_path)
    training_runs.steps(tmp_path, quality={0: 0.3, 100: 0.5})
    training_runs.steps(
        tmp_path, quality={0: 0.35, 100: 0.6}, more={"options": {"steps": 50}}, seed=5
    )
    made = panel_of(tmp_path)
    assert [g["name"] for g in made["groups"]] == ["toy, settings 1", "toy, settings 2"]
    assert [len(c["curves"]) for c in made["charts"]] == [2] * len(made["charts"])


def test_more_trainings_than_colours(tmp_path: Path) -> None:
    training_runs.anchors(tmp_path, 6)
    for n in range(DRAWN + 1):
        training_runs.steps(tmp_path, f"t{n}", {0: 0.3, 1: 0.4 + n / 20}, n=6)
    made = panel_of(tmp_path)
    assert len(made["groups"]) == DRAWN + 1
    assert all(len(c["curves"]) == DRAWN for c in made["charts"])
    assert f"first {DRAWN} of {DRAWN + 1}" in made["lede"]


def test_rows_of_a_training_stand_together_by_step(runs: list[StoredRun]) -> None:
    (board,) = section_of(runs).board.boards
    names = [r.model for r in board.rows if not r.anchor]
    assert names == ["toy @ step 0", "toy @ step 100", "toy @ step 250", "other"]
    ranks = {r.model: r.rank for r in board.rows}
    assert ranks["toy @ step 250"] == 1
    assert ranks["other"] == 2


def test_the_sentence_on_the_best_names_its_value(runs: list[StoredRun]) -> None:
    section = section_of(runs)
    values = {r.model: r.headline.value for r in section.board.rows}
    page = build_report(runs, embed="none")
    assert f"with <strong><bdi>{values['toy @ step 250']:.3f} ±" in page


# --- the page -----------------------------------------------------------------------------------


def test_the_drawings_are_well_formed_and_named(page: str) -> None:
    drawings = re.findall(r'<figure class="curve">.*?</figure>', page, re.S)
    assert len(drawings) > 5
    ids: list[str] = []
    for text in drawings:
        tree = ElementTree.fromstring(text.replace("<wbr>", ""))
        svg = tree.find("svg")
        assert svg is not None
        assert svg.get("role") == "img"
        names = [svg.find(tag) for tag in ("title", "desc")]
        assert all(n is not None and n.text for n in names)
        ids += [str(n.get("id")) for n in names if n is not None]
        assert str(svg.get("aria-labelledby")).split() == ids[-2:]
        assert all(float(v) >= 0 for v in re.findall(r'(?:x|y)="(-?[\d.]+)"', text))
    assert len(set(ids)) == len(ids)
    assert 'style="' not in page


def test_the_suite_says_that_it_is_a_validation_split(page: str) -> None:
    assert "Synthetic validation split" in page
    assert "nor with its other suites" in page


def test_a_hostile_name_is_text(tmp_path: Path) -> None:
    bad = "</title><script>alert(1)</script>"
    training_runs.anchors(tmp_path, 6)
    for step, own in ((0, 0.3), (5, 0.5)):
        model = {**training_runs.described(bad, step), "name": f"{bad} {step}"}
        make_run(tmp_path / f"s{step}", f"{bad} {step}", 6, quality=own, suite="val",
                 manifest={"suite": training_runs.SUITE, "model": model})  # fmt: skip
    page = build_report(training_runs.runs_below(tmp_path), embed="none")
    assert bad not in page
    assert page.count("<script") == 3


@pytest.mark.parametrize("width", [1440, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_in_a_browser(
    runs: list[StoredRun], tmp_path: Path, width: int, scheme: str
) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    path = write_report(runs, tmp_path / "page.html", embed="none")
    problems: list[str] = []
    with api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        view = context.new_page()
        view.on("console", lambda m: problems.append(m.text))
        view.goto(path.as_uri())
        view.wait_for_selector("html.ready", timeout=20_000)
        assert view.evaluate("document.documentElement.scrollWidth") <= width
        outside = view.evaluate(
            "[...document.querySelectorAll('.curve svg text')].filter(t => {"
            " const a = t.getBoundingClientRect(), b = t.closest('.curve').getBoundingClientRect();"
            " return a.left < b.left || a.right > b.right || a.bottom > b.bottom; })"
            ".map(t => t.textContent)"
        )
        assert outside == []
        contrasts = view.evaluate(CONTRAST)
        browser.close()
    assert problems == []
    assert min(contrasts["text"]) >= 4.5
    assert min(contrasts["line"]) >= 3.0


CONTRAST = """(() => {
  const rgb = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const lum = c => { const [r, g, b] = rgb(c).map(v => { v /= 255;
    return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05); };
  const card = getComputedStyle(document.querySelector('.curve')).backgroundColor;
  const all = (s, p) => [...document.querySelectorAll(s)].map(
    e => ratio(getComputedStyle(e)[p], card));
  return { text: all('.curve text', 'fill'), line: all('.curve .line, .curve .anchor', 'stroke') };
})()"""
