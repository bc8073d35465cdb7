"""Slides: a title with bullets, and a chart (1.3.1, 1.3.2)."""

from __future__ import annotations

from synth.paint import Canvas, gradient, mix, swatches
from synth.scene import RGB, Scene
from synth.textedit.kit import BLACK, WHITE, Kit

THEMES = swatches(
    "12355b 2a9d8f f4f7fa 1c2733",
    "4a1942 d1495b fbf6f3 2d2330",
    "1b4332 e9a23b f6f8f3 1d2b24",
    "22223b 4f7cff f7f7fb 22223b",
)
"""Frame, accent, paper and ink colour of a slide master."""


# --- 1.3.1 ----------------------------------------------------------------------------------


def bullets(kit: Kit) -> Scene:
    """A slide whose title comes back in its footer."""
    frame, accent, paper, ink = kit.rotate(THEMES)
    canvas = Canvas(paper, (768, 480))
    banner = kit.layout == "banner"
    left = 196 if kit.layout == "sidebar" else 64
    head = WHITE if banner else frame
    if kit.layout == "sidebar":
        canvas.rect((0, 0, 150, 480), frame)
        for i in range(6):
            canvas.disc(
                30 + 46 * (i % 3), 380 + 40 * (i // 3), 13, mix(frame, accent, 0.3 + 0.1 * i)
            )
        canvas.disc(75, 92, 40, accent)
        canvas.poly([(56, 110), (75, 66), (94, 110)], frame)
    elif banner:
        canvas.rect((0, 0, 768, 150), frame)
        canvas.poly([(560, 0), (768, 0), (768, 150), (650, 150)], mix(frame, accent, 0.6))
        canvas.rect((0, 150, 768, 157), accent)
    else:
        canvas.rect((64, 150, 704, 153), accent)
        canvas.rect((0, 0, 14, 480), accent)
    canvas.line([(left, 436), (720, 436)], mix(paper, ink, 0.2), 1.5)
    for i in range(3):
        canvas.disc(left + 12, 217 + 72 * i, 8, accent)
    picture = canvas.picture()
    right = 600 if banner else 724
    kit.text("title", (left - 4, 26, right, 98), "bold", 60, head, "left")
    kit.text("subtitle", (left - 2, 104, right, 140), "sans", 25, mix(head, accent, 0.45), "left")
    for i, role in enumerate(("first", "second", "third")):
        y = 194 + 72 * i
        kit.text(role, (left + 34, y, 724, y + 46), "sans", 30, ink, "left")
    kit.text("footer", (left - 2, 444, left + 250, 472), "sans", 19, mix(ink, paper, 0.35), "left")
    kit.text("page", (664, 444, 720, 472), "sans", 19, mix(ink, paper, 0.35), "right")
    template = (
        'Slide titled "{title}", "{subtitle}", with the bullets "{first}", "{second}" and '
        '"{third}", the footer "{footer}" and page "{page}".'
    )
    return kit.scene(picture, template)


# --- 1.3.2 ----------------------------------------------------------------------------------


def chart(kit: Kit) -> Scene:
    """A chart with four labelled values."""
    frame, accent, paper, ink = kit.rotate(THEMES)
    canvas = Canvas(gradient((768, 512), [paper, mix(paper, frame, 0.05)]))
    canvas.rect((40, 98, 104, 103), accent)
    tones = [frame, accent, mix(accent, WHITE, 0.4), mix(frame, accent, 0.5)]
    kit.text("heading", (36, 28, 600, 92), "bold", 46, frame, "left")
    {"bars": _bars, "columns": _columns, "pie": _pie}[kit.layout](kit, canvas, tones, ink, paper)
    kit.text("note", (36, 476, 330, 504), "sans", 18, mix(ink, paper, 0.4), "left")
    template = (
        'Chart "{heading}": "{l1}" "{v1}", "{l2}" "{v2}", "{l3}" "{v3}", "{l4}" "{v4}", with the '
        'note "{note}".'
    )
    return kit.scene(canvas.picture(), template)


def _shares(kit: Kit) -> list[float]:
    """Length of each bar, so that chart and label agree; values above 100 fill the chart."""
    result = []
    for i in range(1, 5):
        digits = "".join(c for c in kit.spec.said[f"v{i}"] if c.isdigit())
        result.append(min(100, int(digits)) / 100)
    return result


def _bars(kit: Kit, canvas: Canvas, tones: list[RGB], ink: RGB, paper: RGB) -> None:
    for i in range(6):
        x = 190 + 88 * i
        canvas.line([(x, 128), (x, 458)], mix(paper, ink, 0.12), 1)
    for i, share in enumerate(_shares(kit)):
        y = 138 + 82 * i
        long = 40 + 380 * share
        canvas.rect((190, y, 190 + long, y + 56), tones[i], radius=5)
        kit.text(f"l{i + 1}", (36, y + 8, 180, y + 48), "sans", 22, ink, "right")
        kit.text(f"v{i + 1}", (198 + long, y + 8, 290 + long, y + 48), "bold", 22, ink, "left")


def _columns(kit: Kit, canvas: Canvas, tones: list[RGB], ink: RGB, paper: RGB) -> None:
    for i in range(5):
        y = 160 + 66 * i
        canvas.line([(48, y), (728, y)], mix(paper, ink, 0.12 if i < 4 else 0.5), 1.2)
    for i, share in enumerate(_shares(kit)):
        x, top = 84 + 168 * i, 424 - (24 + 210 * share)
        canvas.rect((x, top, x + 88, 424), tones[i])
        kit.text(f"l{i + 1}", (x - 32, 430, x + 120, 466), "sans", 22, ink)
        kit.text(f"v{i + 1}", (x - 16, top - 42, x + 104, top - 6), "bold", 22, ink)


def _pie(kit: Kit, canvas: Canvas, tones: list[RGB], ink: RGB, paper: RGB) -> None:
    shares = _shares(kit)
    start, total = -90.0, sum(shares)
    for tone, share in zip(tones, shares, strict=True):
        canvas.pie((70, 140, 370, 440), start, start + 360 * share / total, tone)
        start += 360 * share / total
    canvas.disc(220, 290, 74, paper)
    canvas.arc((70, 140, 370, 440), 0, 360, mix(paper, BLACK, 0.1), 1)
    for i in range(4):
        y = 168 + 64 * i
        canvas.rect((430, y, 456, y + 26), tones[i], radius=4)
        kit.text(f"l{i + 1}", (470, y - 8, 620, y + 34), "sans", 24, ink, "left")
        kit.text(f"v{i + 1}", (630, y - 8, 728, y + 34), "bold", 24, ink, "right")
