from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.core.store import StoredRun
from reports.html import write_report
from tests.reports import sweep_runs, variant_boards

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with api.sync_playwright() as started:
        made = started.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield made
        made.close()


class Visit:
    """A page opened from disk, with everything it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, width: int = 1280) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("console", lambda m: self.problems.append(m.text))
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => "
            "console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html.ready", timeout=20_000)

    def see_gallery(self) -> None:
        self.page.evaluate("document.querySelector('.gallery').scrollIntoView()")
        self.page.wait_for_selector(".card", timeout=20_000)

    @property
    def outside(self) -> list[str]:
        """Requests other than the page itself and pictures inside it."""
        return [u for u in self.requests[1:] if not u.startswith("data:")]


@pytest.fixture(scope="module")
def report(
    official_runs: list[StoredRun],
    synthetic_runs: list[StoredRun],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    return write_report([*official_runs, *synthetic_runs], folder / "report.html")


def test_opens_from_disk_without_a_request_or_a_complaint(browser: Any, report: Path) -> None:
    visit = Visit(browser, report)
    visit.see_gallery()
    loaded = visit.page.evaluate(
        "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))"
    )
    assert loaded
    assert all(width > 0 for width in loaded)
    assert visit.outside == []
    assert visit.problems == []


def test_heat_map_cell_filters_the_gallery_and_the_link_leads_back(
    browser: Any, report: Path
) -> None:
    visit = Visit(browser, report)
    page = visit.page
    cell = page.locator(".heat .cell[data-path='Real/2.2']").nth(3)
    model = page.locator(".heat thead bdi").nth(3).inner_text()
    cell.click()
    page.wait_for_selector(".card")
    assert page.locator(".gallery .count").first.inner_text() == "1 to 2 of 2 predictions"
    assert set(page.locator(".card .name").all_inner_texts()) == {model}
    assert all(i.startswith("2.2/") for i in page.locator(".card .id").all_inner_texts())
    page.locator(".card button.frame").nth(1).click()
    page.wait_for_selector("dialog[open]")
    first = page.locator("dialog[open] .id").inner_text()
    page.keyboard.press("j")
    second = page.locator("dialog[open] .id").inner_text()
    assert first != second
    link = page.evaluate("location.href")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("dialog[open]")
    assert page.locator("dialog[open] .id").inner_text() == second
    assert page.locator("dialog[open] .name").inner_text() == model
    assert visit.problems == []


def test_metric_choice_redraws_the_heat_map_from_the_summary(browser: Any, report: Path) -> None:
    visit = Visit(browser, report)
    shown = visit.page.evaluate(
        """() => {
          const section = document.querySelector('section.suite');
          const data = JSON.parse(section.querySelector('script.data').textContent);
          const select = section.querySelector('.heat-column');
          const map = section.querySelector('.map[data-map=heat]');
          const wrong = [];
          for (const option of select.options) {
            select.value = option.value;
            select.dispatchEvent(new Event('change'));
            map.querySelectorAll('.cell').forEach((b) => {
              const row = data.maps.heat[option.value][Number(b.dataset.row)];
              const want = row[Number(b.dataset.model)];
              if (b.textContent !== want[0] || b.title !== want[2]) wrong.push(option.value);
            });
          }
          return [select.options.length, wrong];
        }"""
    )
    assert shown[0] > 10
    assert shown[1] == []


def test_a_kind_of_edit_filters_the_gallery(browser: Any, report: Path) -> None:
    visit = Visit(browser, report)
    page = visit.page
    map_ = page.locator(".map[data-map=kinds]").first
    row = map_.locator("tbody tr", has_text="edit = digits")
    row.locator(".cell").nth(3).click()
    page.wait_for_selector(".card")
    gallery = page.locator(".gallery").first
    prompts = gallery.locator(".card .prompt").all_inner_texts()
    assert len(prompts) == 5
    assert all("2023" in p for p in prompts)
    model = map_.locator("thead bdi").nth(3).inner_text()
    assert set(gallery.locator(".card .name").all_inner_texts()) == {model}
    gallery.locator("[name=stratum]").select_option("")
    assert gallery.locator(".count").inner_text().endswith("of 36 predictions")
    digits = row.locator(".cell").first
    before = digits.inner_text()
    assert before
    map_.locator(".heat-column").select_option("text_exact.exact")
    assert digits.inner_text() != before
    other = page.locator(".map[data-map=kinds]").nth(1)
    few = other.locator("tbody tr", has_text="edit = digits").locator(".cell").first
    other.locator(".heat-column").select_option("text_exact.exact")
    assert "n = 2" in few.inner_text()
    assert "few" in str(few.get_attribute("class"))
    assert visit.problems == []


def test_statuses_sorting_search_and_tabs(browser: Any, report: Path) -> None:
    visit = Visit(browser, report)
    visit.see_gallery()
    page = visit.page
    gallery = page.locator(".gallery").first
    gallery.locator("[name=model]").select_option("")
    gallery.locator("[name=status]").select_option("not ok")
    assert gallery.locator(".card").count() == 3
    assert set(gallery.locator(".card .badge.bad").all_inner_texts()) == {
        "refused", "missing", "error",
    }  # fmt: skip
    gallery.locator("[name=status]").select_option("")
    gallery.locator("[name=sort]").select_option("ocr_strict.OA")
    chips = gallery.locator(".card .chips").all_inner_texts()
    worst = [float(c.split()[2]) for c in chips if c.startswith("OA strict") and "—" not in c]
    assert len(worst) == 12
    assert worst == sorted(worst)
    gallery.locator("[name=q]").fill("MATCHA")
    prompts = gallery.locator(".card .prompt").all_inner_texts()
    assert prompts
    assert all("MATCHA" in p for p in prompts)
    heads = page.locator("table.leaderboard >> nth=0 >> th button")
    heads.nth(2).click()
    values = page.eval_on_selector_all(
        "section.suite:first-of-type table.leaderboard tbody tr",
        "rows => rows.map(r => r.children[2].dataset.v)",
    )
    numbers = [float(v) for v in values if v]
    assert numbers == sorted(numbers, reverse=True)
    before = page.locator(".metrics").first.inner_text()
    page.locator(".group-tabs button", has_text="Real").first.click()
    assert page.locator(".metrics").first.inner_text() != before
    page.locator(".group-tabs button", has_text="All samples").first.click()
    assert page.locator(".metrics").first.inner_text() == before
    assert visit.problems == []


@pytest.mark.parametrize("width", [1440, 400])
def test_nothing_is_wider_than_the_window(browser: Any, report: Path, width: int) -> None:
    visit = Visit(browser, report, width)
    visit.see_gallery()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_few_nodes_at_once(browser: Any, official_runs: list[StoredRun], tmp_path: Path) -> None:
    visit = Visit(browser, write_report(official_runs, tmp_path / "one.html"))
    visit.see_gallery()
    assert visit.page.evaluate("document.getElementsByTagName('*').length") < 3000


def test_hostile_runs_do_nothing(browser: Any, hostile_page: Path) -> None:
    visit = Visit(browser, hostile_page)
    visit.page.on("dialog", lambda d: visit.problems.append(f"dialog {d.message}"))
    visit.see_gallery()
    visit.page.locator(".card button.frame").first.click()
    visit.page.wait_for_selector("dialog[open]")
    for summary in visit.page.locator("dialog[open] summary").all():
        summary.click()
    assert visit.outside == []
    assert visit.problems == []


def test_verdicts_are_filtered_and_told_side_by_side(
    browser: Any, panel_runs: list[StoredRun], tmp_path: Path
) -> None:
    visit = Visit(browser, write_report(panel_runs, tmp_path / "judged.html"))
    visit.see_gallery()
    page = visit.page
    page.locator("[name=model]").select_option("")
    page.locator("[name=verdict]").select_option("failed")
    assert page.locator(".card").count() == len(panel_runs)
    assert set(page.locator(".judged summary .badge.bad").all_inner_texts()) == {"refused"}
    first = page.locator(".card .judged").first
    first.locator("summary").click()
    first.locator("tbody tr").first.wait_for()  # what is inside is made when it opens
    assert "1 of 4 verdicts failed, first qwen: it declined" in first.inner_text()
    assert first.locator("tbody tr").first.locator(".each").nth(1).inner_text().endswith("✕")
    page.locator("[name=verdict]").select_option("apart")
    assert page.locator(".card").count() == len(panel_runs)
    assert page.locator(".card .judged summary", has_text="judges disagree").count() == 3
    page.locator(".card button.frame").nth(1).click()
    page.wait_for_selector("dialog[open] .judged table")
    rows = page.locator("dialog[open] .judged tbody tr")
    names = [t.split()[0] for t in rows.locator("th").all_inner_texts()]
    assert names == ["TA", "TP", "SI", "LR", "VC"]
    assert page.locator("dialog[open] .judged tr.apart th").all_inner_texts() == ["VC"]
    assert "gpt-4.1 says TA" in page.locator("dialog[open] .judged .why").first.inner_text()
    assert visit.problems == []


def test_hostile_verdicts_do_nothing(browser: Any, hostile_judged: Path) -> None:
    visit = Visit(browser, hostile_judged, 400)
    visit.page.on("dialog", lambda d: visit.problems.append(f"dialog {d.message}"))
    visit.see_gallery()
    for summary in visit.page.locator(".judged summary").all():
        summary.click()
    assert visit.page.locator(".judged pre").count() > 0
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 400
    assert visit.outside == []
    assert visit.problems == []


def test_variants_are_in_the_heat_map_and_have_no_samples_to_sort_by(
    browser: Any, tmp_path: Path
) -> None:
    runs = variant_boards.make_runs()
    visit = Visit(browser, write_report(runs, tmp_path / "page.html", embed="none"), width=1440)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth") == 1440
    chosen = page.locator(".map[data-map=heat] select")
    assert chosen.input_value() == "=points"
    chosen.select_option("=macro")
    assert "Mean over categories." in page.locator(".map[data-map=heat] .heat-doc").inner_text()
    page.locator(".map[data-map=heat] .cell").nth(3).click()
    assert page.locator("[name=sort]").input_value() == ""
    assert page.locator(".card").count() > 0
    assert visit.problems == []


@pytest.mark.parametrize("width", [1440, 400])
def test_the_overview_of_a_sweep(browser: Any, tmp_path: Path, width: int) -> None:
    path = write_report(sweep_runs.make_sweep(), tmp_path / "sweep.html", embed="none")
    visit = Visit(browser, path, width)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth") == width
    labels = page.locator(".radar text.label" if width > 640 else ".radar text.number")
    places = [b for b in (label.bounding_box() for label in labels.all()) if b]
    assert len(places) == len(sweep_runs.SUITES)
    body = page.locator(".radar-body").bounding_box()
    for at, a in enumerate(places):
        assert a["x"] >= body["x"] - 1
        assert a["x"] + a["width"] <= body["x"] + body["width"] + 1
        assert a["height"] >= 11, "it can be read"
        for b in places[at + 1 :]:
            apart = (
                a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
            )  # fmt: skip
            assert apart
    assert page.locator(".radar-key .axes").is_visible() is (width < 640)
    page.locator(".sweep thead a", has_text="WISE full").click()
    assert page.evaluate("location.hash") == "#wise-full"
    assert visit.outside == []
    assert visit.problems == []


def test_hostile_names_in_an_overview_do_nothing(
    browser: Any, builder: Any, tmp_path: Path
) -> None:
    bad = builder.HOSTILE
    suites = [
        dataclasses.replace(s, title=f"{bad}{at}", name=f"{bad}")
        for at, s in enumerate(sweep_runs.SUITES[:4])
    ]
    runs = sweep_runs.make_sweep(suites, {bad: 0.6, "m": 0.5})
    visit = Visit(browser, write_report(runs, tmp_path / "bad.html", embed="none"), 400)
    assert visit.page.locator(".radar svg").count() > 0
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 400
    assert visit.outside == []
    assert visit.problems == []
