"""Comic panels: speech and narration, and sound words (1.2.1, 1.2.2)."""

from __future__ import annotations

import math

from synth.paint import Box4, Canvas, gradient, mix, rgb, star, swatches, turned
from synth.scene import RGB, Picture, Point, Scene
from synth.textedit.kit import BLACK, WHITE, Kit

INK = rgb("14121a")
SKINS = (rgb("f3c9a5"), rgb("d99e73"), rgb("8d5a3b"), rgb("f6d7bd"))
HAIR = (rgb("2a1c16"), rgb("7a3b1c"), rgb("d9a441"), rgb("3b3b4f"))
COATS = (rgb("d8433b"), rgb("2f7dc4"), rgb("3f9b5b"), rgb("8a4fb0"), rgb("e69a2b"))


# --- 1.2.1 ----------------------------------------------------------------------------------


def dialogue(kit: Kit) -> Scene:
    """Two people, two bubbles and a narration box."""
    size = (704, 560)
    painters = {"city": _city, "kitchen": _kitchen, "park": _park}
    canvas = Canvas(painters[kit.layout](kit, size))
    coats, skins, hair = (kit.draw.shuffled(v) for v in (COATS, SKINS, HAIR))
    _person(canvas, 180, 560, skins[0], hair[0], coats[0], 1)
    _person(canvas, 530, 560, skins[1], hair[1], coats[1], -1)
    canvas.rect((14, 14, 304, 62), rgb("ffe27a"), outline=INK, width=3)
    _bubble(canvas, (56, 84, 372, 300), (206, 340))
    _bubble(canvas, (430, 176, 680, 288), (520, 336))
    for edge in ((0, 0, 704, 8), (0, 552, 704, 560), (0, 0, 8, 560), (696, 0, 704, 560)):
        canvas.rect(edge, WHITE)
    canvas.rect((8, 8, 696, 552), None, outline=INK, width=4)
    kit.text("narration", (22, 20, 296, 56), "hand", 25, INK)
    kit.text("before", (100, 112, 328, 152), "hand", 28, INK)
    kit.text("main", (78, 166, 350, 216), "hand", 40, INK)
    kit.text("after", (110, 230, 318, 270), "hand", 28, INK)
    kit.text("reply", (450, 210, 660, 252), "hand", 27, INK)
    template = (
        'Comic panel with the narration "{narration}"; a speech bubble says "{before}" "{main}" '
        '"{after}", the answer is "{reply}".'
    )
    return kit.scene(canvas.picture(), template)


def _bubble(canvas: Canvas, box: Box4, tip: Point) -> None:
    x0, y0, x1, y1 = box
    cx = (x0 + x1) / 2 + (tip[0] - (x0 + x1) / 2) * 0.5
    tail = [(cx - 22, y1 - 16), (cx + 22, y1 - 16), tip]
    canvas.poly([(cx - 26, y1 - 18), (cx + 26, y1 - 18), (tip[0], tip[1] + 6)], INK)
    canvas.rect((x0 - 3, y0 - 3, x1 + 3, y1 + 3), INK, radius=63)
    canvas.rect(box, WHITE, radius=60)
    canvas.poly(tail, WHITE)


def _person(
    canvas: Canvas, x: float, foot: float, skin: RGB, hair: RGB, coat: RGB, side: int
) -> None:
    """A head and shoulders, looking right (side 1) or left (side -1)."""
    y = foot - 130
    body = [(x - 104, foot), (x - 84, foot - 44), (x - 34, foot - 66), (x + 34, foot - 66),
            (x + 84, foot - 44), (x + 104, foot)]  # fmt: skip
    canvas.poly(body, coat, outline=INK, width=4)
    canvas.rect((x - 20, foot - 92, x + 20, foot - 56), mix(skin, INK, 0.15))
    canvas.ellipse((x - 66, y - 72, x + 66, y + 46), hair, outline=INK, width=4)
    canvas.ellipse((x - 54, y - 58, x + 54, y + 58), skin, outline=INK, width=4)
    canvas.pie((x - 58, y - 66, x + 58, y + 20), 180, 360, hair)
    for dx in (-4, 30):
        ex = x + side * dx
        canvas.ellipse((ex - 9, y - 10, ex + 9, y + 14), WHITE, outline=INK, width=2)
        canvas.disc(ex + 3 * side, y + 3, 4.5, INK)
        canvas.line([(ex - 10, y - 18), (ex + 10, y - 22 + 4 * side)], INK, 4)
    canvas.line([(x + side * 18, y + 10), (x + side * 28, y + 22), (x + side * 16, y + 24)], INK, 3)
    canvas.ellipse((x + side * 12 - 13, y + 30, x + side * 12 + 13, y + 46), rgb("a3322e"),
                   outline=INK, width=3)  # fmt: skip


def _dots(canvas: Canvas, box: Box4, colour: RGB, step: float, largest: float) -> None:
    """Halftone that grows downwards."""
    x0, y0, x1, y1 = box
    for row in range(int((y1 - y0) / step)):
        r = largest * (row + 1) * step / (y1 - y0)
        shift = step / 2 if row % 2 else 0
        for column in range(int((x1 - x0) / step)):
            canvas.disc(x0 + column * step + shift, y0 + row * step, r, colour)


def _city(kit: Kit, size: tuple[int, int]) -> Picture:
    sky = kit.rotate((rgb("7fc8e8"), rgb("f7b267"), rgb("b7a4e0")))
    canvas = Canvas(gradient(size, [sky, mix(sky, WHITE, 0.6)]))
    _dots(canvas, (0, 200, 720, 420), mix(sky, WHITE, 0.35), 16, 7)
    x = -20.0
    while x < 704:
        wide, top = kit.draw.uniform(70, 130), kit.draw.uniform(180, 330)
        tone = mix(sky, rgb("3a3d6b"), kit.draw.uniform(0.35, 0.65))
        canvas.rect((x, top, x + wide, 560), tone, outline=INK, width=3)
        for row in range(int((520 - top) // 34)):
            for column in range(int((wide - 16) // 24)):
                at = (x + 12 + 24 * column, top + 14 + 34 * row)
                canvas.rect((*at, at[0] + 13, at[1] + 20), mix(tone, WHITE, 0.35))
        x += wide
    return canvas.picture()


def _kitchen(kit: Kit, size: tuple[int, int]) -> Picture:
    wall = kit.rotate((rgb("f4d9b0"), rgb("bfe3d0"), rgb("f2c1b6")))
    canvas = Canvas(wall, size)
    for x in range(0, 704, 44):
        canvas.line([(x, 0), (x, 560)], mix(wall, INK, 0.1), 2)
    for y in range(0, 560, 44):
        canvas.line([(0, y), (704, y)], mix(wall, INK, 0.1), 2)
    canvas.rect((410, 30, 640, 150), rgb("9ad0ea"), outline=INK, width=4)
    canvas.line([(525, 30), (525, 150)], INK, 4)
    canvas.disc(590, 66, 20, rgb("fff1a8"))
    canvas.rect((0, 420, 704, 560), rgb("a86b42"), outline=INK, width=4)
    canvas.rect((300, 362, 400, 422), rgb("8d98a7"), radius=8, outline=INK, width=4)
    canvas.rect((288, 352, 412, 366), rgb("6f7a88"), radius=5, outline=INK, width=3)
    for i, tone in enumerate((rgb("d8433b"), rgb("3f9b5b"), rgb("e69a2b"))):
        canvas.rect((20 + 24 * i, 372, 40 + 24 * i, 422), tone, radius=4, outline=INK, width=3)
    return canvas.picture()


def _park(kit: Kit, size: tuple[int, int]) -> Picture:
    canvas = Canvas(gradient(size, [rgb("8fd3f4"), rgb("e8f7ff")]))
    canvas.rect((0, 380, 704, 560), rgb("7cc36a"))
    for _ in range(6):
        x, r = kit.draw.uniform(40, 660), kit.draw.uniform(40, 66)
        canvas.rect((x - 8, 330, x + 8, 420), rgb("7a4b2a"), outline=INK, width=3)
        canvas.ellipse((x - r, 300 - r, x + r, 320 + r * 0.6), rgb("4c9a4f"), outline=INK, width=3)
    return canvas.picture()


# --- 1.2.2 ----------------------------------------------------------------------------------


def sound(kit: Kit) -> Scene:
    """An explosion with an outlined, rotated sound word, a second word and a narration box."""
    size = (640, 560)
    back, burst, core, letters = kit.rotate(
        swatches(
            "2c5fb3 e2352b ffd93b ffffff",
            "5a2a82 ff8c1a fff05a e2352b",
            "13807a f2c230 fffbe6 e0407b",
            "c23b3b ffd447 ffffff 2f6fd0",
        )
    )
    canvas = Canvas(gradient(size, [back, mix(back, BLACK, 0.35)]))
    _dots(canvas, (0, 0, 660, 580), mix(back, WHITE, 0.16), 20, 8)
    {"star": _star, "cloud": _cloud, "rays": _rays}[kit.layout](kit, canvas, burst, core)
    canvas.rect((18, 18, 262, 62), rgb("fff6d6"), outline=INK, width=3)
    picture = canvas.picture()
    # Drawn letters that lean, jump and overlap: people read them, text recognisers do not. The
    # sub-class shows what a ceiling is.
    turn = kit.draw.uniform(24, 30) * (-1 if kit.spec.index % 3 else 1)
    kit.text("narration", (24, 22, 256, 58), "hand", 25, INK)
    kit.text(
        "main", turned(96, 196, 544, 384, turn), "sound", 164, letters, stroke=12, stroke_fill=INK,
        tracking=-0.12, bounce=0.3,
    )  # fmt: skip
    kit.text(
        "small", turned(440, 462, 616, 534, -turn), "sound", 52, core, stroke=4, stroke_fill=INK
    )
    template = (
        'Comic panel with the sound word "{main}" on an explosion, a smaller "{small}" and the '
        'narration "{narration}".'
    )
    return kit.scene(picture, template)


def _star(kit: Kit, canvas: Canvas, burst: RGB, core: RGB) -> None:
    turn = kit.draw.uniform(0, 0.4)
    canvas.poly(star(320, 290, 216, 300, 15, turn), INK)
    canvas.poly(star(320, 290, 208, 290, 15, turn), burst)
    canvas.poly(star(320, 290, 186, 236, 15, turn + 0.1), core)


def _cloud(kit: Kit, canvas: Canvas, burst: RGB, core: RGB) -> None:
    for grow, colour in ((8, INK), (0, burst), (-24, core)):
        for i in range(14):
            angle = math.tau * i / 14 + 0.2
            x, y = 320 + 196 * math.cos(angle), 290 + 130 * math.sin(angle)
            canvas.disc(x, y, 66 + grow + 8 * (i % 3), colour)
        canvas.ellipse((120 - grow, 150 - grow, 520 + grow, 430 + grow), colour)


def _rays(kit: Kit, canvas: Canvas, burst: RGB, core: RGB) -> None:
    for i in range(20):
        a, b = math.tau * i / 20, math.tau * (i + 0.5) / 20
        points = [(320.0, 290.0), (320 + 460 * math.cos(a), 290 + 460 * math.sin(a)),
                  (320 + 460 * math.cos(b), 290 + 460 * math.sin(b))]  # fmt: skip
        canvas.poly(points, burst)
    canvas.ellipse((80, 140, 560, 440), INK)
    canvas.ellipse((88, 148, 552, 432), core)
