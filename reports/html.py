"""One HTML file that opens from disk: a pure function of run folders.

The same runs give the same bytes: there is no clock and no random number here. Everything from a
run is escaped by the template engine, or is text inside JSON that the page's script only ever
turns into text nodes; the content policy in the page allows no other script, style or request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from evals.core.store import StoredRun
from evals.core.writing import write_atomic
from reports.board import board_panel, comparison_rows, verdict
from reports.columns import Column
from reports.gallery import section_gallery, section_images
from reports.heat import heat_panel, reading, strata_panel
from reports.judged import is_judge
from reports.judges import Agreement, gallery_choices, judges_panel
from reports.method import method_panel, provenance_panel
from reports.notices import warnings
from reports.overview import model_names, suites_of, wanted
from reports.panels import absences_panel, metrics_panel
from reports.published import published_panel
from reports.radar import MARKERS, mark_path, radar_panels, too_many
from reports.sections import Section, sections_of
from reports.sweep import overview_panel
from reports.thumbs import INLINE_LIMIT, Embed, PageImages
from reports.trend import trend_panel
from reports.variants import variants_panel

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
TITLED = 3
"""Up to so many suites are named in the title of a page."""
NO_IMAGE = {
    "thumbs": "image not on this machine",
    "link": "image not on this machine",
    "none": "images are not embedded",
}


def build_report(
    runs: Sequence[StoredRun],
    *,
    embed: Embed = "thumbs",
    title: str | None = None,
    limit: int = INLINE_LIMIT,
    judging: Agreement | None = None,
) -> str:
    """The page as one string.

    Args:
        runs: of any number of benchmarks and suites.
        embed: ``thumbs`` puts small copies of the images into the page, ``link`` refers to the
            files where they lie, ``none`` shows none.
        title: of the page; made from the sections when None.
        limit: bytes of images inside the page; those beyond it are left out here, and written
            beside the page by `write_report`.
        judging: run folder -> how far its judges agree, as plain data (see `reports.judges`);
            without it the page tells only what is counted.

    Raises:
        UserError: no runs, or a run that cannot be summarised.
    """
    return _render(runs, PageImages(embed, None, limit), embed, title, (), judging or {})


def write_report(
    runs: Sequence[StoredRun],
    path: Path,
    *,
    embed: Embed = "thumbs",
    title: str | None = None,
    limit: int = INLINE_LIMIT,
    downloads: Sequence[Path] = (),
    judging: Agreement | None = None,
) -> Path:
    """Write the page, whole or not at all, and return its path.

    Images beyond `limit` go to the folder ``<name>_files`` beside it, before the page itself.

    Args:
        runs: as `build_report`.
        path: of the HTML file.
        embed: as `build_report`.
        title: as `build_report`.
        limit: as `build_report`.
        downloads: exported files to link, at or below the page's folder.
        judging: as `build_report`.

    Raises:
        UserError: as `build_report`, or the page cannot be written.
    """
    images = PageImages(embed, path, limit)
    page = _render(runs, images, embed, title, _links(downloads, path), judging or {})
    write_atomic(path, page.encode("utf-8"))
    images.finish()
    return path


def _links(downloads: Sequence[Path], page: Path) -> list[dict[str, str]]:
    from urllib.parse import quote

    here = page.resolve().parent
    return [
        {"label": p.name, "href": quote(p.resolve().relative_to(here).as_posix())}
        for p in downloads
        if p.resolve().is_relative_to(here)
    ]


# --- rendering ------------------------------------------------------------------------------


@cache
def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def content_policy(script: str, style: str) -> str:
    """The page's content security policy: our one script and one style, and pictures."""
    return "; ".join(
        [
            "default-src 'none'",
            "img-src data: file: 'self'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def script_json(value: Any) -> Markup:
    r"""JSON for a data block: no text in it can end the block or open a comment.

    >>> str(script_json({"a": "</script><!--"}))
    '{"a":"\\u003c/script\\u003e\\u003c!--"}'
    """
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)


def _clean(text: str) -> str:
    """What UTF-8 and HTML cannot hold, replaced: lone surrogates and control characters."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", text)


def _render(
    runs: Sequence[StoredRun],
    images: PageImages,
    embed: Embed,
    title: str | None,
    downloads: Sequence[Mapping[str, str]],
    judging: Agreement,
) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    if not runs:
        raise UserError("There is no run to report; give at least one run folder.")
    sections = sections_of(runs)
    views = [_section_view(s, images, judging) for s in sections]
    script = _asset("judged.js") + _asset("answers.js") + _asset("report.js")
    style = _asset("report.css") + _asset("overview.css") + _asset("trend.css")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        title=title or _title(sections),
        policy=content_policy(script, style),
        style=Markup(style),
        script=Markup(script),
        sections=views,
        **_overview_view(sections),
        method=[method_panel(s) for s in sections],
        provenance=provenance_panel(sections),
        downloads=downloads,
        images=script_json(images.sources),
        none_text=json.dumps(NO_IMAGE[embed]),
        footer=_footer(images),
    )
    return _clean(page) + "\n"


def _overview_view(sections: Sequence[Section]) -> dict[str, Any]:
    """What stands above the sections where there is more than one benchmark."""
    if not wanted(sections):
        return {"overview": None, "radars": [], "undrawn": [], "key_marks": {}}
    suites = suites_of(sections)
    return {
        "overview": overview_panel(sections),
        "radars": radar_panels(suites, model_names(suites)[0]),
        "undrawn": too_many(suites),
        "key_marks": {m: mark_path(m, (17, 7)) for m in MARKERS},
    }


def _title(sections: Sequence[Section]) -> str:
    names = list(dict.fromkeys(f"{s.benchmark} {s.suite}" for s in sections))
    if len(names) <= TITLED:
        return ", ".join(names)
    areas = list(dict.fromkeys(s.area for s in suites_of(sections)))
    return f"{len(names)} suites: {', '.join(areas)}"


def _footer(images: PageImages) -> str:
    parts = [f"{len(images.sources):,} pictures."]
    if images.absent:
        parts.append(f"{images.absent:,} image files are not on this machine or cannot be read.")
    if images.left_out:
        parts.append(f"{images.left_out:,} pictures found no place in a page of this size.")
    return " ".join(["Made by umm-evals from stored runs; this page loads nothing.", *parts])


def _section_view(section: Section, images: PageImages, judging: Agreement) -> dict[str, Any]:
    images.add(section_images(section.runs))
    maps = [m for m in (heat_panel(section), strata_panel(section)) if m]
    gallery = _gallery_view(section)
    return {
        "id": section.id,
        "heading": section.heading,
        "benchmark": section.benchmark,
        "synthetic": section.synthetic,
        "official": section.official,
        "caveat": section.caveat,
        "facts": section.facts,
        "verdict": verdict(section),
        "warnings": warnings(section),
        "trend": trend_panel(section),
        "boards": [board_panel(section, b) for b in section.board.boards],
        "comparisons": comparison_rows(section),
        "variants": variants_panel(section),
        "metrics": metrics_panel(section),
        "absences": absences_panel(section),
        "judges": judges_panel(section, judging),
        "published": published_panel(section),
        "maps": maps,
        "gallery": gallery,
        "data": script_json(_page_data(section, maps, images)),
    }


def _gallery_view(section: Section) -> dict[str, Any]:
    runs, heads = [section.runs[i] for i in section.shown], section.model_heads()
    statuses = {p.status for r in runs for p in r.predictions.values()}
    missing = any(len(r.predictions) < len(r.samples) * r.trials for r in runs)
    words = section.task == "understand"
    click = "see the answers of all models" if words else "compare"
    return {
        "lede": f"Every sample of every run, not a selection. Click a picture to {click}.",
        "models": [{"at": i, **heads[i]} for i in section.shown],
        "words": words,
        "group": section.group_word.capitalize(),
        "groups": [{"path": "/".join(g.path), "title": g.title} for g in section.groups],
        "strata": [f"{label} = {value}" for label, value in section.strata],
        "statuses": sorted(statuses | ({"missing"} if missing else set())),
        "columns": [c for c in section.columns if section.measured(c.key)],
        **gallery_choices(section),
    }


def _page_data(
    section: Section, maps: Sequence[Mapping[str, Any]], images: PageImages
) -> dict[str, Any]:
    """Everything the page's script reads about one section."""
    first = next((i for i in section.shown if section.roles[i] == "model"), section.shown[0])
    measured = [c for c in section.columns if section.measured(c.key)]
    wanted = [k for t in section.tracks for k in (*t["columns"], *t.get("substitute", ()))]
    shown = [c.key for c in measured if c.key in wanted] or [c.key for c in measured if c.primary]
    return {
        "id": section.id,
        "first": str(first),
        "words": section.task == "understand",
        "trials": max(r.trials for r in section.runs),
        "models": section.model_heads(),
        "columns": [
            {"key": c.key, "short": _short(c), "digits": c.digits, "doc": c.doc,
             "profile": c.profile, "direction": c.direction, "reading": reading(c)}
            for c in section.columns
        ],
        "variants": [
            {"key": c.key, "doc": c.doc, "reading": reading(c)} for c in section.variants
        ],
        "show": shown[:6],
        "strata": list(section.strata),
        "maps": {m["name"]: m["all"] for m in maps},
        **section_gallery(section.runs, section.columns, images.number),
    }  # fmt: skip


def _short(column: Column) -> str:
    """A column's name in a line of values; a judge's quantities are called like nothing else."""
    name = f"{column.label} {column.profile}"
    return f"{column.metric} {name}" if is_judge(column.metric) else name
