"""Posters: an event, a product, a film (1.1.1, 1.1.2, 1.1.3)."""

from __future__ import annotations

import math

from synth.paint import (
    Canvas,
    blend,
    gradient,
    mix,
    noise,
    radial,
    ridge,
    shade,
    star,
    swatches,
)
from synth.scene import RGB, Picture, Scene
from synth.textedit.kit import BLACK, WHITE, Kit

Palette = tuple[RGB, ...]

PALETTES = swatches(
    "1d1b3a c8385a f7a440 fff3dc",
    "0b2b40 1f7a8c f2b134 f4f1de",
    "2b1331 8e3b8a ff7f6b ffe9d6",
    "12302b 2f7d5b f4c95d f7f5e6",
    "1a2a5e 3f6fd8 ffce4b f2f6ff",
)
"""Dark, main, accent and light colour of a design."""


# --- 1.1.1 ----------------------------------------------------------------------------------


def event(kit: Kit) -> Scene:
    """A poster for a concert or a fair."""
    size = (512, 704)
    palette = kit.rotate(PALETTES)
    dark, _, accent, light = palette
    ground = {
        "sunburst": _sunburst, "skyline": _skyline, "confetti": _confetti,
        "waves": _waves, "rings": _rings,
    }[kit.layout](kit, size, palette)  # fmt: skip
    on_paper = kit.layout in {"confetti", "rings"}
    strong = dark if on_paper else light
    low = dark if kit.layout == "rings" else light
    kit.text("kicker", (96, 44, 416, 80), "condensed", 26, strong, tracking=0.06)
    kit.text("title", (40, 88, 472, 200), "display", 104, strong, tracking=0.02)
    kit.text("date", (126, 214, 386, 256), "bold", 32, accent if not on_paper else dark)
    kit.text("place", (40, 600, 290, 636), "bold", 28, low, "left")
    kit.text("doors", (40, 640, 290, 670), "sans", 22, low, "left")
    kit.text("price", (376, 590, 476, 676), "display", 46, dark)
    template = (
        'Event poster titled "{title}": "{kicker}", "{date}", at "{place}", "{doors}", '
        'entrance "{price}".'
    )
    return kit.scene(ground, template)


def _ticket(canvas: Canvas, accent: RGB) -> None:
    canvas.disc(426, 633, 56, accent)


def _sunburst(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    dark, main, accent, light = palette
    canvas = Canvas(gradient(size, [mix(dark, main, 0.35), main, mix(main, accent, 0.55)]))
    cx, cy, turn = 256, 470, kit.draw.uniform(0, 0.3)
    for i in range(0, 28, 2):
        a, b = turn + math.pi * i / 14, turn + math.pi * (i + 1) / 14
        points = [
            (cx, cy), (cx + 800 * math.cos(a), cy + 800 * math.sin(a)),
            (cx + 800 * math.cos(b), cy + 800 * math.sin(b)),
        ]  # fmt: skip
        canvas.poly(points, accent, alpha=0.16)
    canvas.disc(cx, cy, 138, light, alpha=0.25)
    canvas.disc(cx, cy, 118, accent)
    seed = kit.draw.seed32
    canvas.poly(ridge(512, 500, 46, seed, 150, 704), mix(main, dark, 0.45))
    canvas.poly(ridge(512, 545, 34, seed + 1, 110, 704), mix(main, dark, 0.75))
    canvas.poly(ridge(512, 575, 16, seed + 2, 90, 704), dark)
    _ticket(canvas, accent)
    return canvas.picture()


def _skyline(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    dark, main, accent, light = palette
    sky = gradient(size, [mix(dark, BLACK, 0.4), dark, mix(dark, main, 0.9)])
    canvas = Canvas(sky)
    draw = kit.draw
    for _ in range(60):
        canvas.disc(draw.uniform(0, 512), draw.uniform(0, 420), draw.uniform(0.5, 1.5), light)
    moon = mix(light, accent, 0.3)
    canvas.disc(390, 330, 52, moon)
    for dx, dy, r in ((-18, -12, 11), (16, 14, 15), (8, -24, 7), (-14, 22, 8)):
        canvas.disc(390 + dx, 330 + dy, r, mix(moon, dark, 0.12))
    for depth, share in ((0, 0.55), (1, 0.12)):
        colour, x = mix(dark, main, share), -10.0
        while x < 512:
            wide, top = draw.uniform(38, 74), draw.uniform(370, 500) + 50 * depth
            canvas.rect((x, top, x + wide, 704), colour)
            if depth:
                _windows(kit, canvas, (x, top, x + wide, 572), accent)
            x += wide + draw.uniform(0, 6)
    canvas.rect((0, 575, 512, 704), mix(dark, BLACK, 0.35))
    _ticket(canvas, accent)
    return canvas.picture()


def _windows(kit: Kit, canvas: Canvas, box: tuple[float, float, float, float], lit: RGB) -> None:
    x0, y0, x1, y1 = box
    for row in range(int((y1 - y0 - 10) // 15)):
        for column in range(int((x1 - x0 - 8) // 12)):
            if kit.draw.chance(0.45):
                x, y = x0 + 7 + 12 * column, y0 + 9 + 15 * row
                canvas.rect((x, y, x + 6, y + 8), lit, alpha=0.85)


def _confetti(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    dark, main, accent, light = palette
    canvas = Canvas(light, size)
    draw = kit.draw
    for row in range(6):
        for column in range(8):
            x, y = column * 64, 270 + row * 64 - 6
            if y + 64 > 580:
                continue
            colours = draw.shuffled([dark, main, accent, mix(main, light, 0.5)])
            canvas.rect((x, y, x + 64, y + 64), colours[0], alpha=0.95)
            form = draw.integer(0, 3)
            if form == 0:
                canvas.disc(x + 32, y + 32, 22, colours[1])
            elif form == 1:
                canvas.pie((x - 64, y - 64, x + 64, y + 64), 0, 90, colours[1])
            elif form == 2:
                canvas.poly([(x, y + 64), (x + 64, y), (x + 64, y + 64)], colours[1])
            else:
                canvas.disc(x + 32, y + 32, 28, colours[1])
                canvas.disc(x + 32, y + 32, 13, colours[2])
    canvas.rect((0, 576, 512, 704), dark)
    canvas.rect((0, 0, 512, 18), main)
    _ticket(canvas, accent)
    return canvas.picture()


def _waves(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    dark, main, accent, light = palette
    canvas = Canvas(gradient(size, [dark, mix(dark, main, 0.8)]))
    canvas.disc(256, 400, 92, accent)
    for i in range(9):
        base, phase = 360 + 28 * i, kit.draw.uniform(0, 6)
        top = [(float(x), base + 12 * math.sin(x / 42 + phase)) for x in range(0, 520, 6)]
        tone = mix(mix(main, light, 0.35), dark, i / 8)
        canvas.poly([*top, (520.0, 704.0), (0.0, 704.0)], tone)
    _ticket(canvas, accent)
    return canvas.picture()


def _rings(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    _, main, accent, light = palette
    canvas = Canvas(light, size)
    cx, cy = kit.draw.uniform(180, 330), 430
    for i, r in enumerate(range(150, 10, -22)):
        canvas.disc(cx, cy, r, (main, light, accent)[i % 3])
    _ticket(canvas, accent)
    return canvas.picture()


# --- 1.1.2 ----------------------------------------------------------------------------------


def product(kit: Kit) -> Scene:
    """An advertisement with one product, a price in a star and a badge."""
    size = (640, 640)
    dark, main, accent, light = kit.rotate(PALETTES)
    back = gradient(size, [mix(main, light, 0.82), mix(main, light, 0.45)], 90)
    back = blend(back, WHITE, radial(size, (220, 370), 340) * 0.85)
    canvas = Canvas(back)
    canvas.poly([(0, 640), (0, 560), (640, 500), (640, 640)], main)
    canvas.poly([(0, 640), (0, 590), (640, 545), (640, 640)], dark)
    canvas.ellipse((96, 552, 344, 592), dark, alpha=0.35)
    {"bottle": _bottle, "jar": _jar, "can": _can}[kit.layout](canvas, dark, main, accent)
    canvas.rect((504, 36, 600, 76), dark, radius=20)
    canvas.poly(star(486, 400, 84, 104, 18, kit.draw.uniform(0, 0.3)), accent)
    picture = canvas.picture()
    kit.text("brand", (36, 84, 604, 186), "bold", 92, dark, "left")
    kit.text("slogan", (36, 192, 440, 230), "serif", 30, mix(dark, BLACK, 0.2), "left")
    kit.text("badge", (508, 40, 596, 72), "bold", 24, light)
    kit.text("price", (410, 368, 562, 432), "display", 52, dark)
    kit.text("size", (500, 584, 612, 620), "condensed", 28, light, "right")
    template = (
        'Product advertisement for "{brand}" "{slogan}" with a "{badge}" badge, the price '
        '"{price}" and the note "{size}".'
    )
    return kit.scene(picture, template)


def _gloss(canvas: Canvas, box: tuple[float, float, float, float], radius: float) -> None:
    x0, y0, x1, y1 = box
    wide = x1 - x0
    canvas.rect((x0 + wide * 0.1, y0, x0 + wide * 0.2, y1), WHITE, radius=radius, alpha=0.4)
    canvas.rect((x0 + wide * 0.8, y0, x1, y1), BLACK, radius=radius, alpha=0.12)


def _bottle(canvas: Canvas, dark: RGB, main: RGB, accent: RGB) -> None:
    canvas.rect((196, 252, 244, 300), dark, radius=6)
    canvas.rect((202, 292, 238, 340), mix(main, WHITE, 0.25))
    canvas.poly([(202, 330), (238, 330), (290, 384), (150, 384)], mix(main, WHITE, 0.25))
    canvas.rect((150, 372, 290, 576), mix(main, WHITE, 0.25), radius=18)
    canvas.rect((150, 420, 290, 520), accent)
    canvas.disc(220, 470, 32, dark)
    canvas.poly([(220, 446), (240, 482), (200, 482)], accent)
    _gloss(canvas, (150, 384, 290, 570), 6)


def _jar(canvas: Canvas, dark: RGB, main: RGB, accent: RGB) -> None:
    canvas.rect((118, 340, 322, 576), mix(accent, WHITE, 0.2), radius=34)
    canvas.rect((132, 296, 308, 352), dark, radius=10)
    for x in range(142, 304, 12):
        canvas.line([(x, 302), (x, 346)], mix(dark, WHITE, 0.2), 2)
    canvas.rect((118, 404, 322, 520), main)
    for i in range(6):
        angle = math.pi * i / 3
        canvas.disc(220 + 22 * math.cos(angle), 462 + 22 * math.sin(angle), 15, WHITE, alpha=0.9)
    canvas.disc(220, 462, 14, accent)
    _gloss(canvas, (118, 356, 322, 566), 8)


def _can(canvas: Canvas, dark: RGB, main: RGB, accent: RGB) -> None:
    canvas.rect((148, 300, 292, 576), main, radius=22)
    canvas.rect((148, 300, 292, 330), mix(dark, WHITE, 0.6), radius=12)
    for i in range(5):
        y = 370 + 36 * i
        canvas.poly([(148, y + 20), (292, y - 10), (292, y + 8), (148, y + 38)], accent)
    _gloss(canvas, (148, 326, 292, 566), 8)


# --- 1.1.3 ----------------------------------------------------------------------------------


def film(kit: Kit) -> Scene:
    """A film poster with a landscape, a lone figure and small credits."""
    size = (480, 704)
    dark, main, accent, light = kit.rotate(PALETTES)
    painters = {"peaks": _peaks, "eclipse": _eclipse, "ocean": _ocean}
    ground = painters[kit.layout](kit, size, (dark, main, accent, light))
    ground = shade(ground, 0.94 + 0.1 * noise(size, 3, kit.draw.seed32))
    top = kit.layout == "eclipse"
    title = (24, 60, 456, 160) if top else (24, 470, 456, 570)
    tag_y = 168 if top else 36
    kit.text("tagline", (60, tag_y, 420, tag_y + 34), "serif", 26, light)
    kit.text("title", title, "serif-bold", 84, light, tracking=0.04)
    kit.text("director", (70, 580, 410, 612), "serif", 24, mix(light, accent, 0.35))
    kit.text("credits", (60, 620, 420, 644), "condensed", 16, mix(light, dark, 0.25), tracking=0.08)
    kit.text("date", (120, 650, 360, 686), "display", 26, accent, tracking=0.08)
    template = (
        'Film poster of "{title}" with the line "{tagline}", "{director}", "{credits}", in '
        'cinemas "{date}".'
    )
    return kit.scene(ground, template)


def _figure(canvas: Canvas, x: float, foot: float, tall: float, tone: RGB) -> None:
    """A person seen from behind in a long coat."""
    head = tall * 0.11
    canvas.disc(x, foot - tall + head, head, tone)
    coat = [
        (x - tall * 0.12, foot - tall * 0.76), (x + tall * 0.12, foot - tall * 0.76),
        (x + tall * 0.19, foot - tall * 0.2), (x - tall * 0.19, foot - tall * 0.2),
    ]  # fmt: skip
    canvas.poly(coat, tone)
    canvas.rect((x - tall * 0.1, foot - tall * 0.3, x - tall * 0.02, foot), tone)
    canvas.rect((x + tall * 0.02, foot - tall * 0.3, x + tall * 0.1, foot), tone)


def _peaks(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    dark, main, accent, light = palette
    sky = gradient(size, [dark, mix(dark, main, 0.7), mix(main, accent, 0.8), accent])
    canvas = Canvas(sky)
    canvas.disc(250, 300, 66, mix(accent, light, 0.7))
    seed = kit.draw.seed32
    for i, (base, height, share) in enumerate(((360, 110, 0.25), (410, 80, 0.55), (450, 40, 0.85))):
        tone = mix(mix(main, accent, 0.3), mix(dark, BLACK, 0.45), share)
        canvas.poly(ridge(480, base, height, seed + i, 170 - 40 * i, 704), tone)
    canvas.rect((0, 462, 480, 704), mix(dark, BLACK, 0.5))
    _figure(canvas, kit.draw.uniform(150, 330), 452, 74, mix(dark, BLACK, 0.8))
    return canvas.picture()


def _eclipse(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    dark, main, accent, light = palette
    night = mix(dark, BLACK, 0.65)
    ground = gradient(size, [night, mix(dark, BLACK, 0.3), mix(dark, main, 0.4)])
    ground = blend(ground, accent, radial(size, (240, 370), 270) * 0.75)
    canvas = Canvas(ground)
    for _ in range(90):
        x, y = kit.draw.uniform(0, 480), kit.draw.uniform(0, 480)
        canvas.disc(x, y, kit.draw.uniform(0.4, 1.3), light, alpha=0.8)
    canvas.disc(240, 370, 116, mix(accent, light, 0.75))
    canvas.disc(246, 374, 112, night)
    canvas.poly(ridge(480, 550, 20, kit.draw.seed32, 120, 704), mix(night, BLACK, 0.5))
    _figure(canvas, 240, 556, 92, BLACK)
    return canvas.picture()


def _ocean(kit: Kit, size: tuple[int, int], palette: Palette) -> Picture:
    dark, main, accent, light = palette
    canvas = Canvas(gradient(size, [mix(main, light, 0.5), main, dark, mix(dark, BLACK, 0.4)]))
    canvas.poly([(160, 300), (330, 300), (300, 336), (190, 336)], mix(dark, BLACK, 0.5))
    canvas.poly([(242, 296), (242, 180), (318, 290)], light)
    canvas.line([(240, 300), (240, 170)], BLACK, 3)
    for i in range(6):
        y, phase = 330 + 16 * i, kit.draw.uniform(0, 6)
        top = [(float(x), y + 5 * math.sin(x / 24 + phase)) for x in range(0, 488, 6)]
        canvas.poly([*top, (488.0, 704.0), (0.0, 704.0)], mix(mix(main, accent, 0.1), dark, i / 5))
    return canvas.picture()
