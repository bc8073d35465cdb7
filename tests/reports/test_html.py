from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evals.core.errors import UserError
from evals.core.store import StoredRun
from reports.html import build_report, script_json, write_report
from reports.sections import Section, sections_of

VOID = {"meta", "link", "img", "input", "br", "wbr", "path", "circle"}


class Page(HTMLParser):
    """What a browser would find: elements with attributes, scripts, and where text lies."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.cells: list[tuple[dict[str, str | None], str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self._cell: list[Any] | None = None
        self._small = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag == "script":
            self.scripts.append((found, ""))
        if tag == "style":
            self.styles.append("")
        if tag == "td" and "data-v" in found:
            self._cell = [found, ""]
        if tag in {"small", "sup"}:
            self._small += 1
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"{tag} is closed out of order"
        if tag in {"small", "sup"}:
            self._small -= 1
        if tag == "td" and self._cell is not None:
            self.cells.append((self._cell[0], self._cell[1].strip()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            attrs, before = self.scripts[-1]
            self.scripts[-1] = (attrs, before + data)
        elif self._open and self._open[-1] == "style":
            self.styles[-1] += data
        else:
            self.text.append(data)
            if self._cell is not None and not self._small:
                self._cell[1] += data

    @property
    def data(self) -> list[dict[str, Any]]:
        """The data blocks of the sections."""
        return [json.loads(t) for a, t in self.scripts if a.get("class") == "data"]


@pytest.fixture(scope="module")
def parsed(page: str) -> Page:
    return Page(page)


@pytest.fixture(scope="module")
def sections(
    official_runs: list[StoredRun], synthetic_runs: list[StoredRun]
) -> tuple[Section, ...]:
    return sections_of([*official_runs, *synthetic_runs])


# --- numbers ----------------------------------------------------------------------------------


def split_by_section(page: str) -> list[str]:
    """The markup of each suite's section."""
    parts = page.split('<section class="suite"')[1:]
    return ['<section class="suite"' + p.split("</section>")[0] + "</section>" for p in parts]


def plain(markup: str) -> str:
    """Its text without the tags."""
    return re.sub(r"<[^>]*>", "", markup)


def test_every_metric_cell_equals_the_summary(page: str, sections: tuple[Section, ...]) -> None:
    seen = 0
    for text, section in zip(split_by_section(page), sections, strict=True):
        columns = {c.key: c for c in section.columns}
        cells = {
            (n, k, "/".join(g)): c
            for n, s in zip(section.names, section.summaries, strict=True)
            for (k, g), c in s.cells.items()
        }
        for attrs, shown in Page(text).cells:
            key = str(attrs.get("data-column"))
            if key not in columns:
                continue
            cell = cells[str(attrs["data-model"]), key, str(attrs["data-group"])]
            seen += 1
            if cell.mean is None:
                assert (attrs["data-v"], shown) == ("", "—")
            else:
                assert float(str(attrs["data-v"])) == cell.mean
                assert shown == columns[key].text(cell.mean)
    assert seen > 300


def test_every_headline_and_track_equals_the_leaderboard(
    page: str, sections: tuple[Section, ...]
) -> None:
    seen = 0
    for text, section in zip(split_by_section(page), sections, strict=True):
        values = {section.name_of(r.run): r.headline for r in section.board.rows}
        for attrs, _ in Page(text).cells:
            key, model = str(attrs.get("data-column")), str(attrs.get("data-model"))
            if key == "headline":
                want = values[model].value
            elif key.startswith("track:"):
                want = {t.name: t.value for t in values[model].tracks}.get(key[6:])
            else:
                continue
            assert attrs["data-v"] == ("" if want is None else repr(want))
            seen += 1
    assert seen == sum(len(s.board.rows) for s in sections) * 4


def test_every_heat_map_number_equals_the_summary(
    parsed: Page, sections: tuple[Section, ...]
) -> None:
    for data, section in zip(parsed.data, sections, strict=True):
        paths = [(), *(g.path for g in section.groups)]
        columns = {c.key: c for c in section.columns}
        assert len(paths) == 1 + 2 + 18
        for key, rows in data["maps"]["heat"].items():
            for path, row in zip(paths, rows, strict=True):
                for summary, (text, shade, _) in zip(section.summaries, row, strict=True):
                    mean = summary.cells[key, path].mean
                    assert text == columns[key].text(mean)
                    assert (shade == -1) == (mean is None)


def test_every_mean_by_kind_equals_the_plain_mean_of_its_samples(
    parsed: Page, sections: tuple[Section, ...]
) -> None:
    for data, section in zip(parsed.data, sections, strict=True):
        strata = [tuple(s) for s in data["strata"]]
        assert strata == [("edit", "word"), ("edit", "digits")]
        run = next(r for r in section.runs if r.model == "internvl-u")
        at = section.runs.index(run)
        for stratum, row in zip(strata, data["maps"]["kinds"]["ocr_strict.OA"], strict=True):
            values = [
                float(run.scores[s["id"], 0, "ocr_strict"].parts["OA"] or 0)
                for s in run.samples
                if s["strata"]["edit"] == stratum[1]
            ]
            assert row[at][0] == f"{sum(values) / len(values):.3f}"


def test_few_values_are_grey_and_counted(page: str, sections: tuple[Section, ...]) -> None:
    seen = set()
    for text, section in zip(split_by_section(page), sections, strict=True):
        assert "By kind of edit" in text
        kinds = text.split('data-map="kinds"')[1].split("</table>")[0]
        rows = dict(re.findall(r"<bdi>(edit = \w+)</bdi>(.*?)</tr>", kinds))
        for label, value in section.strata:
            row, shown = rows[f"{label} = {value}"], section.heat_order()
            cells = re.findall(
                r'class="cell s(-?\d)( few)?"[^>]*>[^<]+(?:<small>(.*?)</small>)?', row
            )
            for at, (shade, few, told) in zip(shown, cells, strict=True):
                n = section.strata_cells[at]["ocr_strict.OA", (label, value)].n
                assert (shade == "-1", bool(few)) == (n < 5, n < 5)
                assert told == (f"n = {n}" if n < 5 else "")
                seen.add(n < 5)
    assert seen == {True, False}


def test_samples_without_labels_make_no_panel(builder: ModuleType, tmp_path: Path) -> None:
    import dataclasses

    samples = [
        dataclasses.replace(s, strata={"edit": "word"})
        for s in builder.make_samples(tmp_path / "data", 1)
    ]
    run = builder.make_run(tmp_path / "run", builder.MODELS[2], samples)
    text = build_report([run], embed="none")
    assert 'data-map="heat"' in text
    assert 'data-map="kinds"' not in text
    assert 'name="stratum"' not in text


def test_gallery_values_equal_the_scores(parsed: Page, sections: tuple[Section, ...]) -> None:
    data, section = parsed.data[0], sections[0]
    assert len(data["entries"]) == sum(len(r.samples) for r in section.runs)
    for entry in data["entries"]:
        run = section.runs[entry["model"]]
        sample = data["samples"][entry["sample"]]["id"]
        assert entry["status"] == run.predictions[sample, 0].status
        for column, value in zip(data["columns"], entry["values"], strict=True):
            metric, _, name = column["key"].rpartition(".")
            score = run.scores.get((sample, 0, metric))
            want = None if score is None else score.parts[name]
            assert value == (None if want is None else pytest.approx(want, abs=1e-6))


def test_coverage_stands_in_every_affected_number(page: str, sections: tuple[Section, ...]) -> None:
    section = sections[0]
    at = section.names.index("bagel")
    cell = section.summaries[at].cells["ocr_official.OA", ()]
    assert cell.scored < cell.planned
    found = re.findall(
        r'data-column="(ocr_\w+\.\w+)" data-model="bagel" data-group=""[^>]*>(.*?)</td>',
        split_by_section(page)[0],
    )
    profiles = {key.split(".")[0] for key, _ in found}
    assert profiles == {"ocr_official", "ocr_strict", "ocr_paper"}
    for _, inner in found:
        assert f"{cell.scored}/{cell.planned}" in inner


# --- what the page says -----------------------------------------------------------------------


def test_unavailable_metrics_show_a_dash_and_their_command(page: str, builder: ModuleType) -> None:
    for metric, absence in builder.ABSENCES.items():
        assert metric in page
        assert absence["fix"].replace("'", "&#39;") in page


def test_a_footnote_says_what_brings_an_absent_metric(page: str, builder: ModuleType) -> None:
    notes = re.search(r'<ol class="notes">(.*?)</ol>', page, re.S)
    assert notes is not None
    absence = builder.ABSENCES["clip"]
    assert f"unavailable: {absence['reason']}; {absence['fix']}" in plain(notes[1])


def test_absent_metrics_of_one_reason_stand_together(builder: ModuleType, tmp_path: Path) -> None:
    same = {"reason": "it needs the package 'torch'", "fix": "run: pip install torch"}
    runs = builder.make_runs(tmp_path, per_class=1, absences={"clip": same, "lpips": same})
    text = build_report(runs, embed="none")
    assert re.search(r">clip, lpips</th>", text)
    assert '<code class="fix">pip install torch</code>' in text


def test_remarks_of_an_adapter_are_told_with_its_run(builder: ModuleType, tmp_path: Path) -> None:
    samples = builder.make_samples(tmp_path / "data", 1)
    remarks = ["37 of 2148 samples have no output in out/<b>", "5 were found under another name."]
    runs = [
        builder.make_run(tmp_path / "a", builder.MODELS[2], samples, remarks=remarks),
        builder.make_run(tmp_path / "b", builder.MODELS[4], samples),
    ]
    text = build_report(runs, embed="none")
    notices = re.findall(r"<li><b>(.*?)</b> <bdi>(.*?)</bdi></li>", text)
    told = [(t, n) for t, n in notices if "37 of 2148" in n]
    assert told == [
        ("internvl-u:", "37 of 2148 samples have no output in out/&lt;b&gt;. "
         "5 were found under another name.")
    ]  # fmt: skip


def test_sections_of_one_suite_are_told_apart_in_few_words(
    builder: ModuleType, tmp_path: Path
) -> None:
    two = builder.make_runs(tmp_path / "two", per_class=2)[:3]
    one = builder.make_runs(tmp_path / "one", per_class=1)[:3]
    assert [s.heading for s in sections_of([*two, *one])] == [
        "TextEdit mini (36 samples)", "TextEdit mini (18 samples)",
    ]  # fmt: skip
    other = builder.make_runs(
        tmp_path / "other", per_class=2, settings={"ocr": {"engine": "paddleocr"}},
        fingerprints={m["name"]: f"other-{m['name']}" for m in builder.METRICS},
    )[:3]  # fmt: skip
    headings = [s.heading for s in sections_of([*two, *other])]
    assert headings == ["TextEdit mini (rapidocr)", "TextEdit mini (paddleocr)"]
    assert "<h1><bdi>TextEdit mini</bdi></h1>" in build_report([*two, *one], embed="none")


def test_partial_headline_is_marked_and_its_formula_told(parsed: Page) -> None:
    text = " ".join(parsed.text)
    assert "hybrid v1 (partial)" in text
    assert "partial (fidelity substituted; judge missing): it must not be compared" in text
    assert "fidelity is substituted by slot.ssim" in text
    assert "cube root of text × fidelity × judge" in text


def test_part_of_a_suite_is_said(builder: ModuleType, tmp_path: Path) -> None:
    suite = {"name": "mini", "title": "mini", "version": "1", "synthetic": False, "size": 500}
    runs = builder.make_runs(tmp_path, per_class=1, suite=suite, limit=18)
    text = plain(build_report(runs, embed="none"))
    assert "Part of the suite: 18 of its 500 samples were planned" in text


def test_synthetic_suite_is_apart_and_labelled(page: str) -> None:
    official, synthetic = (plain(s) for s in split_by_section(page))
    assert "Synthetic, not comparable with TextEdit" in synthetic
    assert "Synthetic, not comparable" not in official
    for text, own, other in ((official, "mini", "synth"), (synthetic, "synth", "mini")):
        top = text.split("Leaderboard")[0]
        assert f"TextEdit {own}" in top
        assert f"TextEdit {other}" not in top


def test_published_rows_of_synthetic_suites_stand_without_measured_ones(page: str) -> None:
    official, synthetic = split_by_section(page)
    assert "Published rows, on other data" in synthetic
    for text, measured in ((official, True), (synthetic, False)):
        boxes = [t for t in re.findall(r"<table>.*?</table>", text, re.S) if "data-published" in t]
        assert len(boxes) == 2
        assert all(("Measured here" in t) is measured for t in boxes)


def test_published_rows_stand_as_printed_and_as_corrected(page: str, builder: ModuleType) -> None:
    official = split_by_section(page)[0]
    rows = re.findall(r'<tr class="published( corrected)?">(.*?)</tr>', official, re.S)
    assert len(rows) == 2 * len(builder.published_rows())
    assert sum("corrected" in mark for mark, _ in rows) == len(builder.published_rows())
    for mark, row in rows:
        assert ("as printed" in row) is not bool(mark)
        assert ("errata" in row) is not bool(mark)
    printed = {
        (r["model"], g, k, v) for r in builder.published_rows() for g, c in r["values"].items()
        for k, v in c.items()
    }  # fmt: skip
    for _, row in rows:
        model = re.search(r'class="name">([^<]+)<', row)
        assert model is not None
        shown = re.findall(r'data-published="([^"]+)" data-v="([^"]*)">([^<]*)<', row)
        assert shown
        for key, raw, text in shown:
            assert any((model[1], g, key, float(raw)) in printed for g in ("Real", "Virtual"))
            assert text == f"{float(raw):.2f}"


def test_every_difference_of_protocol_is_told(page: str, builder: ModuleType) -> None:
    for difference in builder.DIFFERENCES:
        assert difference.partition(": ")[2] in page
    assert "only paddleocr-official reads as the published rows do" in page


def test_a_column_names_each_of_its_footnotes_once(page: str) -> None:
    heads = re.findall(
        r'<th class="num" scope="col" title="[^"]+"><bdi>\w+</bdi><sup>([\d,]+)</sup>',
        page.replace("<wbr>", ""),
    )
    assert len(heads) > 10
    assert all(len(set(h.split(","))) == len(h.split(",")) for h in heads)


def test_heat_map_shows_the_ceiling_beside_the_models(page: str) -> None:
    head = re.search(r'<table class="heat">\s*<thead>(.*?)</thead>', page, re.S)
    assert head is not None
    names = re.findall(r"<bdi>(.*?)</bdi>(?:<span class=\"sub\">(\w+)</span>)?", head[1])
    assert names[0] == ("ground-truth", "ceiling")
    assert names[1] == ("copy-source", "floor")
    assert len(names) == 5


def images_of(page: str) -> list[str]:
    """The page's table of pictures."""
    text = next(t for a, t in Page(page).scripts if a.get("id") == "images")
    table: list[str] = json.loads(text)
    return table


# --- bytes ------------------------------------------------------------------------------------


def test_same_runs_give_the_same_bytes(
    official_runs: list[StoredRun], synthetic_runs: list[StoredRun], page: str
) -> None:
    again = [StoredRun.read(r.folder) for r in (*official_runs, *synthetic_runs)]
    assert build_report(again) == page


def test_policy_names_exactly_the_script_and_style_of_the_page(parsed: Page) -> None:
    policy = next(
        str(a["content"]) for t, a in parsed.elements if t == "meta" and "http-equiv" in a
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    code = [t for a, t in parsed.scripts if a.get("type") != "application/json"]
    assert len(code) == len(parsed.styles) == 1
    for kind, text in (("script-src", code[0]), ("style-src", parsed.styles[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy


def test_no_element_could_load_or_run_anything(parsed: Page) -> None:
    for tag, attrs in parsed.elements:
        assert tag not in {"iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") or name == "style" for name in attrs)
        for name in ("src", "href"):
            value = attrs.get(name) or ""
            assert value == "" or value.startswith(("#", "data:")), (tag, value)


def test_builds_without_the_benchmark_data(builder: ModuleType, tmp_path: Path) -> None:
    runs = builder.make_runs(tmp_path, per_class=1)
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(runs[0].folder / "images")
    text = build_report([StoredRun.read(r.folder) for r in runs])
    data = Page(text).data[0]
    assert all(n == -1 for s in data["samples"] for n in (*s["in"], *s["ref"]))
    assert "image not on this machine" in text
    assert "image files are not on this machine" in text


def test_images_beyond_the_limit_lie_beside_the_page(
    official_runs: list[StoredRun], tmp_path: Path
) -> None:
    path = write_report(official_runs[:2], tmp_path / "a b.html", limit=60_000)
    text = path.read_text()
    sources = images_of(text)
    inside = [s for s in sources if s.startswith("data:")]
    outside = [s for s in sources if not s.startswith("data:")]
    assert inside
    assert sum(len(s) for s in inside) < 62_000
    assert outside
    assert all(s.startswith("a%20b_files/") for s in outside)
    files = {f"a%20b_files/{f.name}" for f in (tmp_path / "a b_files").iterdir()}
    assert files == set(outside)
    write_report(official_runs[:2], path)
    assert not (tmp_path / "a b_files").exists(), "pictures of an earlier build stay behind"


def test_links_are_relative_and_none_embeds_nothing(
    official_runs: list[StoredRun], tmp_path: Path
) -> None:
    path = write_report(official_runs[:1], tmp_path / "r.html", embed="link")
    sources = images_of(path.read_text())
    assert sources
    assert all((tmp_path / s).is_file() for s in sources)
    text = build_report(official_runs[:1], embed="none")
    assert images_of(text) == []
    assert "images are not embedded" in text


def test_a_report_needs_a_run() -> None:
    with pytest.raises(UserError, match="no run"):
        build_report([])


# --- hostile input ----------------------------------------------------------------------------


def test_hostile_text_is_inert(hostile_page: Path, builder: ModuleType) -> None:
    text = hostile_page.read_bytes().decode("utf-8")
    assert "\x00" not in text
    page = Page(text)
    assert len([a for a, _ in page.scripts if a.get("type") != "application/json"]) == 1
    assert "img" not in [tag for tag, _ in page.elements]
    for tag, attrs in page.elements:
        assert not any(name.startswith("on") for name in attrs), tag
    data = page.data[0]
    assert data["samples"][0]["prompt"] == builder.HOSTILE
    assert builder.HOSTILE in [m["name"] for m in data["models"]]


def test_json_blocks_cannot_be_left() -> None:
    text = str(script_json({"<!--": "</script>\u2028\u2029&"}))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"<!--": "</script>\u2028\u2029&"}


def test_lone_surrogates_do_not_stop_a_report(
    official_runs: list[StoredRun], tmp_path: Path
) -> None:
    path = write_report(official_runs[:1], tmp_path / "r.html", title="bad \udc80 name")
    assert "bad ? name" in path.read_text(encoding="utf-8")
