"""The 18 sub-classes as data: what stands in each scene, what is edited, what makes it hard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SubClass:
    """One sub-class of the TextEdit taxonomy and the scene that carries it.

    Attributes:
        id: official id.
        scene: ``module:function`` below `synth.textedit`.
        trap: what a model or a scorer stumbles over here.
        strings: role -> template of the string (see `edits.filled`), in reading order.
        edits: (kind of edit, roles that are edited), one per item, then from the start again.
        bench_layouts: arrangements for the split ``bench``.
        train_layouts: arrangements for ``train`` and ``val``; none of them is in `bench_layouts`.
    """

    id: str
    scene: str
    trap: str
    strings: Mapping[str, str]
    edits: tuple[tuple[str, tuple[str, ...]], ...]
    bench_layouts: tuple[str, ...]
    train_layouts: tuple[str, ...]


def _on(role: str, *kinds: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((kind, (role,)) for kind in kinds)


CLASSES: tuple[SubClass, ...] = (
    SubClass(
        id="1.1.1",
        scene="posters:event",
        trap="several other strings must survive",
        strings={
            "kicker": "{Name} presents", "title": "{WORD}", "date": "{day} {MONTH}",
            "place": "{Word} Hall", "doors": "Doors {hour} pm", "price": "${n2}",
        },
        edits=_on("title", "upper", "upper", "recase", "accent", "brand"),
        bench_layouts=("sunburst", "skyline", "confetti"),
        train_layouts=("waves", "rings"),
    ),
    SubClass(
        id="1.1.2",
        scene="posters:product",
        trap="price, badge and slogan must survive",
        strings={
            "brand": "{NAME}", "slogan": "with {word} and {word}", "badge": "NEW",
            "price": "${price}", "size": "{n3} ml",
        },
        edits=(*_on("brand", "upper", "multi", "brand", "title"), *_on("price", "price")),
        bench_layouts=("bottle", "jar"),
        train_layouts=("can",),
    ),
    SubClass(
        id="1.1.3",
        scene="posters:film",
        trap="tagline, date and credits must survive",
        strings={
            "tagline": "Every {word} has a price", "title": "{WORD}",
            "director": "A film by {Name} {Name}", "credits": "MUSIC {NAME}  CAMERA {NAME}",
            "date": "{day} {MONTH}",
        },
        edits=_on("title", "upper", "near", "recase", "upper", "title"),
        bench_layouts=("peaks", "eclipse"),
        train_layouts=("ocean",),
    ),
    SubClass(
        id="1.2.1",
        scene="comics:dialogue",
        trap="hand lettering; other lines of the same bubble must survive",
        strings={
            "narration": "Later, near {Name}...", "before": "BRING ME THE", "main": "{WORD}",
            "after": "BEFORE {hour}!", "reply": "WHICH {WORD}?",
        },
        edits=_on("main", "upper", "brand", "upper", "multi", "upper"),
        bench_layouts=("city", "kitchen"),
        train_layouts=("park",),
    ),
    SubClass(
        id="1.2.2",
        scene="comics:sound",
        trap="outlined, rotated onomatopoeia",
        strings={"narration": "Suddenly, at {hour}...", "main": "{sound}", "small": "{sound}"},
        edits=_on("main", "sound", "sound", "sound", "sound", "sound"),
        bench_layouts=("star", "cloud"),
        train_layouts=("rays",),
    ),
    SubClass(
        id="1.3.1",
        scene="slides:bullets",
        trap="the same word stands twice and both change",
        strings={
            "title": "{Word}", "subtitle": "Review of {Month} {year}",
            "first": "{Word} sales up {n2}%", "second": "New {word} team in {Name}",
            "third": "Less {word}, more {word}", "footer": "{Name}", "page": "{n2}",
        },
        edits=(
            ("title", ("title", "footer")), ("upper", ("title",)),
            ("title", ("title", "footer")), ("case", ("title",)), ("multi", ("title", "footer")),
        ),
        bench_layouts=("sidebar", "banner"),
        train_layouts=("plain",),
    ),
    SubClass(
        id="1.3.2",
        scene="slides:chart",
        trap="small labels and numbers close together",
        strings={
            "heading": "{Word} output", "v1": "{n2}", "v2": "{n2}", "v3": "{n2}", "v4": "{n2}",
            "l1": "{Word}", "l2": "{Word}", "l3": "{Word}", "l4": "{Word}",
            "note": "Source: {Name}",
        },
        edits=(*_on("l2", "title"), *_on("v3", "percent"), *_on("heading", "upper"),
               *_on("l4", "title"), *_on("v2", "digits")),
        bench_layouts=("bars", "columns"),
        train_layouts=("pie",),
    ),
    SubClass(
        id="1.4.1",
        scene="gui:game",
        trap="pixel font; counters must survive",
        strings={
            "score": "SCORE {n6}", "coins": "{n2}", "world": "WORLD {n1}-{n1}",
            "main": "{WORD}", "hint": "PRESS START", "rank": "{letter}",
        },
        edits=(*_on("main", "upper"), *_on("coins", "digits"), *_on("main", "brand"),
               *_on("rank", "short"), *_on("main", "upper")),
        bench_layouts=("platform", "space"),
        train_layouts=("maze",),
    ),
    SubClass(
        id="1.4.2",
        scene="gui:browser",
        trap="text of 18 px among other small strings",
        strings={
            "tab": "{Name} start page", "url": "www.{name}.example", "nav1": "{Word}",
            "nav2": "{Word}", "nav3": "{Word}", "hero": "{Word} made easy",
            "sub": "From {word} to {word}", "button": "Try {word}", "search": "{word}",
        },
        edits=(*_on("nav2", "title"), *_on("search", "lower"), *_on("hero", "upper"),
               *_on("button", "title"), *_on("nav1", "title")),
        bench_layouts=("shop", "journal"),
        train_layouts=("wiki",),
    ),
    SubClass(
        id="1.4.3",
        scene="gui:phone",
        trap="similar digits in every row",
        strings={
            "clock": "{time}", "head": "Alarms", "a1": "{time}", "l1": "{Word}", "a2": "{time}",
            "l2": "{Word}", "a3": "{time}", "l3": "{Word}", "steps": "{n4}", "unit": "steps",
        },
        edits=(*_on("a2", "time"), *_on("l1", "title"), *_on("a1", "time"),
               *_on("l3", "title"), *_on("steps", "digits")),
        bench_layouts=("dark", "light"),
        train_layouts=("cards",),
    ),
    SubClass(
        id="1.4.4",
        scene="gui:desktop",
        trap="outlined icon names on a photo",
        strings={
            "icon1": "{Word}", "icon2": "{Name}", "icon3": "{Word}", "icon4": "{Name}",
            "gauge": "{n2}", "weekday": "{Weekday}", "clock": "{time}",
        },
        edits=(*_on("clock", "time"), *_on("gauge", "digits"), *_on("icon2", "title"),
               *_on("clock", "time"), *_on("icon3", "title")),
        bench_layouts=("hills", "night"),
        train_layouts=("dunes",),
    ),
    SubClass(
        id="2.1",
        scene="street:box",
        trap="perspective; print on the other side of the box must survive",
        strings={
            "brand": "{NAME}", "kind": "{Word} biscuits", "count": "{n2}", "pieces": "PIECES",
            "side": "{WORD}", "net": "NET {n3} g",
        },
        edits=(*_on("brand", "upper", "brand", "title", "upper"), *_on("count", "digits")),
        bench_layouts=("table", "shelf"),
        train_layouts=("counter",),
    ),
    SubClass(
        id="2.2",
        scene="street:sign",
        trap="perspective, light falling off, texture beside the text",
        strings={
            "main": "{WORD}", "sub": "OPEN DAILY", "since": "EST. {year}", "number": "{n2}",
            "window": "{Word} sale",
        },
        edits=_on("main", "upper", "brand", "title", "recase", "upper"),
        bench_layouts=("bricks", "boards"),
        train_layouts=("plaster",),
    ),
    SubClass(
        id="2.3",
        scene="street:board",
        trap="chalk texture; other lines in the same hand must survive",
        strings={
            "head": "Menu of the day", "main": "{WORD}", "first": "{Word} soup {price}",
            "second": "{Word} pie {price}", "third": "{Word} tea {price}",
            "foot": "{Name}, thanks!",
        },
        edits=_on("main", "upper", "title", "multi", "lower", "upper"),
        bench_layouts=("chalk", "slate"),
        train_layouts=("white",),
    ),
    SubClass(
        id="2.4",
        scene="worn:shirt",
        trap="digits; the same digit may stand inside the small year",
        strings={"team": "TEAM {NAME}", "main": "{n2}", "year": "EST. {year}", "patch": "{WORD}"},
        edits=_on("main", "digits", "upper", "digit", "short", "digits"),
        bench_layouts=("tee", "jersey"),
        train_layouts=("hoodie",),
    ),
    SubClass(
        id="2.5",
        scene="worn:bus",
        trap="low contrast; route, fleet and plate numbers must survive",
        strings={
            "route": "{n2}", "goal": "{Word} Road", "main": "{NAME}", "slogan": "We move {word}",
            "fleet": "{n4}", "plate": "{letter}{letter} {n3}",
        },
        edits=(*_on("main", "upper"), *_on("route", "digits"), *_on("main", "brand"),
               *_on("fleet", "code"), *_on("main", "upper")),
        bench_layouts=("bus", "coach"),
        train_layouts=("tram",),
    ),
    SubClass(
        id="2.6",
        scene="paper:watermark",
        trap="translucent mark over picture content; the only text there is",
        strings={"main": "{name}"},
        edits=_on("main", "stock", "title", "upper", "stock", "brand"),
        bench_layouts=("lake", "field"),
        train_layouts=("coast",),
    ),
    SubClass(
        id="2.7",
        scene="paper:menu",
        trap="tilted page with many near lines",
        strings={
            "heading": "{Name} Kitchen",
            "d1": "{Word}", "p1": "${price}", "n1": "with {word}",
            "d2": "{Word}", "p2": "${price}", "n2": "with {word}",
            "d3": "{Word}", "p3": "${price}", "n3": "with {word}",
            "d4": "{Word}", "p4": "${price}", "n4": "with {word}",
            "d5": "{Word}", "p5": "${price}", "n5": "with {word}",
        },
        edits=(*_on("d3", "title"), *_on("p2", "price"), *_on("d4", "title"),
               *_on("heading", "upper"), *_on("d2", "accent")),
        bench_layouts=("wood", "cloth"),
        train_layouts=("stone",),
    ),
)  # fmt: skip
"""In class order."""

BY_ID: Mapping[str, SubClass] = {group.id: group for group in CLASSES}
