"""Screens: a game, a browser, a phone, a desktop (1.4.1 to 1.4.4)."""

from __future__ import annotations

import math

import numpy as np

from synth.paint import Box4, Canvas, gradient, mix, noise, rgb, ridge, swatches
from synth.scene import RGB, Picture, Scene
from synth.textedit.kit import BLACK, WHITE, Kit

# --- 1.4.1 ----------------------------------------------------------------------------------

_CELL = 8
_HINT_ROWS = range(29, 36)
"""Rows of cells that stay empty where a world is busy, so that the hint can be read."""


def game(kit: Kit) -> Scene:
    """A game of big pixels with counters above, a message and a hint."""
    wide, high = 640 // _CELL, 480 // _CELL
    world = {"platform": _platform, "space": _space, "maze": _maze}[kit.layout](kit, wide, high)
    picture = np.repeat(np.repeat(world, _CELL, axis=0), _CELL, axis=1).copy()
    picture[:48] = (picture[:48] * 0.25).astype(np.uint8)
    picture[144:232, 80:560] = rgb("10121c")
    for box in ((80, 144, 560, 152), (80, 224, 560, 232), (80, 144, 88, 232), (552, 144, 560, 232)):
        picture[box[1] : box[3], box[0] : box[2]] = rgb("f2f2e6")
    _coin(picture, 288, 16)
    gold, pale = rgb("ffd84a"), rgb("f5f5f0")
    kit.text("score", (12, 4, 270, 44), "pixel", 36, pale, "left")
    kit.text("coins", (320, 4, 420, 44), "pixel", 40, gold, "left")
    kit.text("world", (430, 4, 630, 44), "pixel", 36, pale, "right")
    kit.text("main", (104, 158, 536, 218), "pixel", 72, gold)
    kit.text("hint", (140, 242, 500, 282), "pixel", 36, pale, stroke=2, stroke_fill=BLACK)
    picture[64:128, 504:624] = rgb("10121c")
    picture[68:124, 508:620] = rgb("2a2d3f")
    kit.text("rank", (512, 70, 616, 122), "pixel", 56, rgb("ffe3dd"))
    template = (
        'Screen of a pixel game with the message "{main}", the hint "{hint}", rank "{rank}", '
        '"{score}", "{coins}" coins and "{world}".'
    )
    return kit.scene(picture, template)


def _coin(picture: Picture, x: int, y: int) -> None:
    picture[y + 2 : y + 14, x : x + 16] = rgb("ffd84a")
    picture[y : y + 16, x + 4 : x + 12] = rgb("ffd84a")
    picture[y + 4 : y + 12, x + 6 : x + 10] = rgb("c98a1b")


def _ground(colour: RGB, wide: int, high: int) -> Picture:
    return np.tile(np.array(colour, np.uint8), (high, wide, 1))


def _platform(kit: Kit, wide: int, high: int) -> Picture:
    sky = kit.rotate((rgb("5c94fc"), rgb("2b2d5b"), rgb("f09a5a")))
    world = _ground(sky, wide, high)
    for _ in range(5):
        x, y = kit.draw.integer(2, wide - 14), kit.draw.integer(8, 14)
        world[y + 1 : y + 3, x : x + 10] = mix(sky, WHITE, 0.75)
        world[y : y + 1, x + 3 : x + 8] = mix(sky, WHITE, 0.75)
    hills = noise((wide, 1), (16, 1), kit.draw.seed32, 2)[0]
    for x in range(wide):
        top = high - 12 - int(hills[x] * 12)
        world[top:, x] = mix(rgb("3fa34d"), sky, 0.3)
    world[high - 8 :] = rgb("9a5a2b")
    world[high - 8 : high - 7] = rgb("6ad04f")
    for x in range(0, wide, 4):
        world[high - 6 :, x] = rgb("6e3d1b")
    world[high - 4, :] = rgb("6e3d1b")
    for start, y in ((6, 42), (52, 38)):
        world[y : y + 3, start : start + 16] = rgb("c9773a")
        world[y, start : start + 16] = rgb("f0b07a")
        world[y : y + 3, start : start + 16 : 4] = rgb("7a4018")
    _sprite(world, kit.draw.integer(28, 40), high - 17)
    return world


def _sprite(world: Picture, x: int, y: int) -> None:
    """A small hero, 7 x 9 cells."""
    rows = ("..G....", ".GGG...", ".GGGG..", "WWWWWW.", "WKWWKW.", "WWWWWW.", ".WGGW..", ".WWWW..",
            ".K..K..")  # fmt: skip
    tones = {"G": rgb("3dbb78"), "W": rgb("f4efe0"), "K": rgb("2a1a12")}
    for dy, row in enumerate(rows):
        for dx, tone in enumerate(row):
            if tone in tones:
                world[y + dy, x + dx] = tones[tone]


def _space(kit: Kit, wide: int, high: int) -> Picture:
    world = _ground(rgb("0b0d1f"), wide, high)
    for _ in range(90):
        y, x = kit.draw.integer(6, high - 1), kit.draw.integer(0, wide - 1)
        if y not in _HINT_ROWS:
            world[y, x] = kit.draw.pick((rgb("ffffff"), rgb("7a86c9"), rgb("c9a0ff")))
    tones = kit.draw.shuffled((rgb("57e389"), rgb("62a0ea"), rgb("ff7b72")))
    shape = ("...XX...", "..XXXX..", "XXX..XXX", "XXX..XXX", "..XXXX..", "X..XX..X")
    for row in range(2):
        for column in range(6):
            for dy, line in enumerate(shape):
                for dx, mark in enumerate(line):
                    if mark == "X":
                        world[36 + row * 8 + dy, 4 + column * 10 + dx] = tones[row]
    x = kit.draw.integer(20, 56)
    world[high - 5 : high - 2, x : x + 9] = rgb("e8e8f0")
    world[high - 8 : high - 5, x + 3 : x + 6] = rgb("e8e8f0")
    return world


def _maze(kit: Kit, wide: int, high: int) -> Picture:
    world = _ground(rgb("0d1030"), wide, high)
    for y in range(8, high - 4, 6):
        for x in range(2, wide - 6, 8):
            if y in _HINT_ROWS or y + 4 in _HINT_ROWS:
                continue
            if kit.draw.chance(0.6):
                world[y : y + 2, x : x + 6] = rgb("3556e0")
            world[y + 4, x + 3] = rgb("ffe9a8")
    return world


# --- 1.4.2 ----------------------------------------------------------------------------------


def browser(kit: Kit) -> Scene:
    """A browser window with a page: navigation, headline, button and search field."""
    accent, dark, soft = kit.rotate(
        swatches(
            "2563eb 111827 e8effd",
            "0f9d76 10261f e3f5ef",
            "d9480f 2b1a12 fdeee6",
            "7c3aed 1e1433 f0e9fd",
        )
    )
    canvas = Canvas(WHITE, (768, 544))
    _chrome(canvas)
    shop = kit.layout != "journal"
    canvas.rect((0, 88, 768, 140), WHITE if shop else dark)
    canvas.disc(40, 114, 13, accent)
    canvas.rect((0, 140, 768, 141), rgb("d9dce3"))
    canvas.rect((0, 141, 768, 380), soft)
    _illustration(kit, canvas, accent, soft)
    canvas.rect((48, 306, 228, 350), accent, radius=8)
    canvas.rect((548, 97, 744, 131), rgb("f1f3f7"), radius=17)
    canvas.ellipse((562, 107, 574, 119), None, outline=rgb("8a93a5"), width=2)
    canvas.line([(572, 118), (577, 123)], rgb("8a93a5"), 2)
    for i in range(3):
        x = 48 + 232 * i
        canvas.rect((x, 404, x + 208, 524), WHITE, radius=8, outline=rgb("dfe3ea"), width=1.5)
        canvas.rect((x, 404, x + 208, 470), mix(soft, accent, 0.15 + 0.2 * i), radius=8)
        canvas.rect((x + 14, 484, x + 150, 492), rgb("d5dae3"), radius=4)
        canvas.rect((x + 14, 500, x + 110, 508), rgb("e3e7ee"), radius=4)
    link = dark if shop else WHITE
    kit.text("tab", (44, 8, 236, 38), "sans", 17, rgb("30343c"), "left")
    kit.text("url", (120, 48, 460, 80), "sans", 18, rgb("4a505c"), "left")
    for i in range(3):
        kit.text(f"nav{i + 1}", (72 + 120 * i, 98, 180 + 120 * i, 130), "sans", 19, link)
    kit.text("search", (586, 98, 738, 130), "sans", 18, rgb("555c6a"), "left")
    kit.text("hero", (46, 172, 450, 236), "bold", 44, dark, "left")
    kit.text("sub", (46, 244, 450, 284), "sans", 24, mix(dark, WHITE, 0.25), "left")
    kit.text("button", (58, 312, 218, 344), "bold", 20, WHITE)
    template = (
        'Browser window, tab "{tab}", address "{url}", links "{nav1}", "{nav2}", "{nav3}", '
        'search "{search}", headline "{hero}", "{sub}", button "{button}".'
    )
    return kit.scene(canvas.picture(), template)


def _chrome(canvas: Canvas) -> None:
    canvas.rect((0, 0, 768, 44), rgb("dee1e8"))
    canvas.rect((10, 8, 252, 60), WHITE, radius=9)
    canvas.disc(30, 24, 7, rgb("8a93a5"))
    canvas.rect((0, 44, 768, 88), WHITE)
    canvas.rect((104, 49, 752, 80), rgb("f1f3f7"), radius=15)
    for i, tone in enumerate((rgb("f2665c"), rgb("f5bd4f"), rgb("5fc454"))):
        canvas.disc(700 + 22 * i, 22, 7, tone)
    for i in range(3):
        x = 24 + 28 * i
        canvas.line([(x + 6, 57), (x - 2, 65), (x + 6, 73)], rgb("6a7180"), 2.5)
    canvas.rect((0, 87, 768, 88), rgb("d9dce3"))


def _illustration(kit: Kit, canvas: Canvas, accent: RGB, soft: RGB) -> None:
    canvas.rect((490, 170, 720, 350), mix(soft, accent, 0.3), radius=14)
    if kit.layout == "shop":
        canvas.disc(605, 250, 62, mix(accent, WHITE, 0.25))
        canvas.rect((560, 236, 650, 326), accent, radius=10)
        canvas.arc((582, 204, 628, 268), 180, 360, mix(accent, BLACK, 0.4), 5)
    else:
        for i in range(5):
            tall = kit.draw.uniform(40, 140)
            canvas.rect((514 + 40 * i, 334 - tall, 542 + 40 * i, 334), mix(accent, soft, 0.15 * i),
                        radius=4)  # fmt: skip


# --- 1.4.3 ----------------------------------------------------------------------------------


def phone(kit: Kit) -> Scene:
    """Alarms on a telephone."""
    size = (480, 760)
    dark = kit.layout == "dark"
    accent = kit.rotate((rgb("ff9f0a"), rgb("32b5a5"), rgb("5b8cff"), rgb("e0568a")))
    paper = rgb("0e0f13") if dark else rgb("f3f4f8")
    card, ink = (rgb("1b1d24"), rgb("f2f3f7")) if dark else (WHITE, rgb("15171c"))
    grey = mix(ink, paper, 0.4)
    canvas = Canvas(paper, size)
    for i in range(4):
        canvas.rect((398 + 9 * i, 34 - 4 * i, 404 + 9 * i, 38), ink, radius=1)
    canvas.rect((440, 22, 466, 38), None, radius=4, outline=ink, width=2)
    canvas.rect((443, 25, 458, 35), ink, radius=2)
    canvas.line([(432, 94), (456, 94)], accent, 3)
    canvas.line([(444, 82), (444, 106)], accent, 3)
    for i in range(3):
        y = 144 + 142 * i
        canvas.rect((20, y, 460, y + 124), card, radius=20)
        on = (i + kit.spec.index) % 2 == 0
        x, left = (40, 124) if kit.layout == "cards" else (372, 40)
        canvas.rect((x, y + 42, x + 64, y + 80), accent if on else mix(card, ink, 0.25), radius=19)
        canvas.disc(x + 45 if on else x + 19, y + 61, 16, WHITE)
        kit.text(f"a{i + 1}", (left, y + 16, left + 220, y + 80), "sans", 56, ink, "left")
        kit.text(f"l{i + 1}", (left, y + 82, left + 220, y + 116), "sans", 23, grey, "left")
    canvas.rect((20, 576, 460, 676), mix(card, accent, 0.16), radius=20)
    canvas.ellipse((44, 594, 108, 658), None, outline=mix(card, ink, 0.2), width=8)
    canvas.arc((44, 594, 108, 658), -90, kit.draw.uniform(60, 220), accent, 8)
    for i in range(4):
        x = 72 + 112 * i
        canvas.disc(x, 718, 13, accent if i == 1 else mix(paper, ink, 0.3))
    kit.text("clock", (28, 16, 120, 46), "bold", 21, ink, "left")
    kit.text("head", (24, 66, 300, 122), "bold", 42, ink, "left")
    kit.text("steps", (126, 598, 280, 654), "bold", 42, ink, "left")
    kit.text("unit", (290, 606, 440, 650), "sans", 26, grey, "left")
    template = (
        'Phone screen "{head}" at "{clock}": "{a1}" "{l1}", "{a2}" "{l2}", "{a3}" "{l3}", and '
        '"{steps}" "{unit}".'
    )
    return kit.scene(canvas.picture(), template)


# --- 1.4.4 ----------------------------------------------------------------------------------


def desktop(kit: Kit) -> Scene:
    """A desktop with icons on a picture, a gauge and a task bar."""
    wallpaper = {"hills": _hills, "night": _night, "dunes": _dunes}[kit.layout](kit)
    canvas = Canvas(wallpaper)
    tones = kit.draw.shuffled(
        (rgb("4a90e2"), rgb("e2574c"), rgb("f2b134"), rgb("3fa66b"), rgb("8e5bd0"))
    )
    for i in range(4):
        _icon(canvas, 36 + 150 * (i // 2), 34 + 150 * (i % 2), tones[i], i)
        x, y = 2 + 150 * (i // 2), 106 + 150 * (i % 2)
        kit.text(f"icon{i + 1}", (x, y, x + 132, y + 32), "sans", 21, WHITE, stroke=2,
                 stroke_fill=rgb("20242c"))  # fmt: skip
    canvas.rect((560, 32, 736, 208), rgb("11151d"), radius=20, alpha=0.72)
    canvas.arc((592, 58, 704, 170), 135, 405, rgb("3a4150"), 11)
    canvas.arc((592, 58, 704, 170), 135, kit.draw.uniform(220, 380), tones[4], 11)
    kit.text("gauge", (604, 84, 692, 140), "bold", 40, WHITE)
    canvas.rect((0, 456, 768, 512), rgb("161a22"), alpha=0.86)
    for i, tone in enumerate(tones):
        canvas.rect((24 + 52 * i, 466, 60 + 52 * i, 502), tone, radius=9)
        canvas.disc(42 + 52 * i, 484, 8, WHITE, alpha=0.9)
    kit.text("weekday", (500, 466, 640, 502), "sans", 22, rgb("d5d9e2"), "right")
    kit.text("clock", (656, 466, 748, 502), "bold", 25, WHITE, "right")
    template = (
        'Computer desktop with the icons "{icon1}", "{icon2}", "{icon3}" and "{icon4}", a gauge '
        'at "{gauge}", "{weekday}" and the clock "{clock}".'
    )
    return kit.scene(canvas.picture(), template)


def _icon(canvas: Canvas, x: float, y: float, tone: RGB, form: int) -> None:
    box: Box4 = (x, y, x + 64, y + 64)
    if form == 0:
        canvas.rect((x, y + 6, x + 30, y + 24), mix(tone, BLACK, 0.2), radius=5)
        canvas.rect((x, y + 14, x + 64, y + 60), tone, radius=6)
    elif form == 1:
        canvas.rect((x + 8, y, x + 56, y + 64), WHITE, radius=5)
        for i in range(4):
            canvas.rect((x + 16, y + 14 + 11 * i, x + 48, y + 18 + 11 * i), mix(tone, WHITE, 0.3))
    elif form == 2:
        canvas.rect(box, tone, radius=15)
        canvas.poly([(x + 24, y + 18), (x + 48, y + 32), (x + 24, y + 46)], WHITE)
    else:
        canvas.rect(box, tone, radius=15)
        canvas.disc(x + 32, y + 32, 18, WHITE)
        canvas.disc(x + 32, y + 32, 9, tone)


def _hills(kit: Kit) -> Picture:
    size = (768, 512)
    canvas = Canvas(gradient(size, [rgb("4aa3df"), rgb("bfe4f5"), rgb("f6fbff")]))
    seed = kit.draw.seed32
    for i, tone in enumerate((rgb("8cc7a1"), rgb("5fae72"), rgb("3d8b55"), rgb("2b6b44"))):
        canvas.poly(ridge(768, 300 + 50 * i, 60 - 8 * i, seed + i, 320 - 40 * i, 512), tone)
    return canvas.picture()


def _night(kit: Kit) -> Picture:
    size = (768, 512)
    canvas = Canvas(gradient(size, [rgb("0b1030"), rgb("2a2a6b"), rgb("a0508e"), rgb("f2a073")]))
    for _ in range(110):
        x, y = kit.draw.uniform(0, 768), kit.draw.uniform(0, 300)
        canvas.disc(x, y, kit.draw.uniform(0.5, 1.5), WHITE, alpha=0.85)
    canvas.disc(430, 130, 34, rgb("f6ecd0"))
    seed = kit.draw.seed32
    for i, tone in enumerate((rgb("54306b"), rgb("33204f"), rgb("191233"))):
        canvas.poly(ridge(768, 340 + 50 * i, 80 - 20 * i, seed + i, 200 - 40 * i, 512), tone)
    return canvas.picture()


def _dunes(kit: Kit) -> Picture:
    canvas = Canvas(gradient((768, 512), [rgb("f3b27a"), rgb("fbe3c0")]))
    for i in range(5):
        phase = kit.draw.uniform(0, 6)
        top = [(float(x), 250 + 56 * i + 30 * math.sin(x / 130 + phase)) for x in range(0, 776, 8)]
        canvas.poly([*top, (776.0, 512.0), (0.0, 512.0)], mix(rgb("e8a063"), rgb("7a3f22"), i / 5))
    return canvas.picture()
