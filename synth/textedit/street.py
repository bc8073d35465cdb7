"""Things in the street and the house: a box, a sign, a board (2.1, 2.2, 2.3)."""

from __future__ import annotations

import numpy as np

from synth.paint import (
    Canvas,
    Face,
    blend,
    gradient,
    mix,
    noise,
    radial,
    rgb,
    shade,
    soft,
    swatches,
)
from synth.scene import RGB, Picture, Plane, Quad, Scene
from synth.textedit.kit import BLACK, WHITE, Kit

Size = tuple[int, int]


def lamp(kit: Kit, size: Size, low: float = 0.62) -> Plane:
    """Light from one lamp: 1.08 near it, `low` far away."""
    wide, high = size
    at = (kit.draw.uniform(0.25, 0.75) * wide, kit.draw.uniform(0.1, 0.45) * high)
    return np.asarray(low + (1.08 - low) * radial(size, at, wide * 0.95), np.float32)


def planks(size: Size, tone: RGB, seed: int, board: int) -> Picture:
    """Wooden boards across the picture, `board` pixels high."""
    wide, high = size
    grain = noise(size, (160, 3), seed, octaves=3)
    factor = 0.78 + 0.4 * grain
    for i, y in enumerate(range(0, high, board)):
        factor[y : y + board] *= 0.9 + 0.2 * ((i * 7919 + seed) % 13) / 12
        factor[y : y + 2] *= 0.55
    ground = np.tile(np.array(tone, np.uint8), (high, wide, 1))
    return shade(ground, factor)


def bricks(size: Size, tone: RGB, mortar: RGB, seed: int) -> Picture:
    """A brick wall."""
    wide, high = size
    canvas = Canvas(mortar, size)
    shades = noise((64, 64), 1, seed)
    for row in range(high // 28 + 1):
        shift = 36 if row % 2 else 0
        for column in range(wide // 72 + 2):
            x, y = column * 72 - shift, row * 28
            own = mix(mix(tone, BLACK, 0.25), mix(tone, WHITE, 0.16), float(shades[row, column]))
            canvas.rect((x + 2, y + 2, x + 70, y + 26), own, radius=2)
    return shade(canvas.picture(), 0.86 + 0.28 * noise(size, 4, seed + 1, 2))


def plaster(size: Size, tone: RGB, seed: int) -> Picture:
    """A rough wall."""
    wide, high = size
    ground = np.tile(np.array(tone, np.uint8), (high, wide, 1))
    return shade(ground, 0.82 + 0.2 * noise(size, 90, seed, 3) + 0.14 * noise(size, 2, seed + 1))


# --- 2.1 ------------------------------------------------------------------------------------


def box(kit: Kit) -> Scene:
    """A carton seen from a corner: print on the front and on the side."""
    size = (672, 544)
    main, second, ink = kit.rotate(
        swatches(
            "c8453b f6e3c5 3a1512",
            "2e7d6b f3ecd2 12332b",
            "2d5fa8 f5efe0 14264a",
            "e0a030 fff6df 4a2f0a",
        )
    )
    ground = _room(kit, size)
    front: Quad = ((92, 132), (418, 172), (410, 482), (108, 424))
    side: Quad = ((418, 172), (586, 122), (566, 398), (410, 482))
    top: Quad = ((92, 132), (270, 92), (586, 122), (418, 172))
    shadow = soft([(108, 430), (410, 492), (640, 410), (560, 380)], size, 15)
    ground = blend(ground, BLACK, shadow * 0.5)
    faces = Face((340, 310), front), Face((190, 300), side)
    ground = Face((320, 160), top).paste(ground, gradient((320, 160), [mix(main, WHITE, 0.35)] * 2))
    ground = faces[0].paste(ground, _front(main, second))
    ground = faces[1].paste(ground, _side(main, second))
    kit.text("brand", faces[0].at(20, 28, 320, 112), "bold", 72, second, absorb=0.8)
    kit.text("kind", faces[0].at(40, 126, 300, 160), "serif", 28, ink, absorb=0.8)
    kit.text("count", faces[0].at(110, 172, 230, 232), "display", 50, main, absorb=0.8)
    kit.text("pieces", faces[0].at(120, 248, 220, 272), "condensed", 20, ink, absorb=0.8)
    kit.text("side", faces[1].at(14, 60, 176, 108), "bold", 38, second, absorb=0.8)
    kit.text("net", faces[1].at(24, 240, 166, 276), "condensed", 27, ink, absorb=0.8)
    template = (
        'Photo of a carton with the brand "{brand}", "{kind}", "{count}" "{pieces}" on the front '
        'and "{side}", "{net}" on the side.'
    )
    return kit.scene(ground, template, light=lamp(kit, size, 0.75), blur=0.5, grain=1.6)


def _front(main: RGB, second: RGB) -> Picture:
    canvas = Canvas(second, (340, 310))
    canvas.rect((0, 0, 340, 118), main)
    canvas.rect((0, 286, 340, 310), main)
    canvas.ellipse((98, 166, 242, 282), mix(second, main, 0.16))
    for x, y in ((48, 224), (292, 224), (62, 258), (278, 258)):
        canvas.disc(x, y, 19, rgb("c98d4e"))
        canvas.disc(x - 5, y - 4, 3, rgb("7a4a24"))
        canvas.disc(x + 6, y + 3, 3, rgb("7a4a24"))
        canvas.disc(x - 2, y + 8, 3, rgb("7a4a24"))
    return canvas.picture()


def _side(main: RGB, second: RGB) -> Picture:
    canvas = Canvas(mix(second, BLACK, 0.12), (190, 300))
    canvas.rect((0, 0, 190, 118), mix(main, BLACK, 0.2))
    for i in range(5):
        canvas.rect((24, 142 + 16 * i, 166 - 18 * (i % 3), 148 + 16 * i), mix(second, BLACK, 0.4))
    canvas.rect((0, 284, 190, 300), mix(main, BLACK, 0.2))
    return canvas.picture()


def _room(kit: Kit, size: Size) -> Picture:
    seed = kit.draw.seed32
    if kit.layout == "shelf":
        wall = planks(size, rgb("8b6b4d"), seed, 68)
        board = planks((672, 200), rgb("b98a5a"), seed + 1, 200)
    elif kit.layout == "table":
        wall = plaster(size, rgb("9fb0b5"), seed)
        board = planks((672, 200), rgb("a06f45"), seed + 1, 66)
    else:
        wall = bricks(size, rgb("d5d0c6"), rgb("bdb8ae"), seed)
        board = plaster((672, 200), rgb("5c6066"), seed + 1)
    wall[344:] = board
    return blend(wall, BLACK, 0.25 * (1 - radial(size, (336, 300), 560)))


# --- 2.2 ------------------------------------------------------------------------------------


def sign(kit: Kit) -> Scene:
    """A shop sign on a wall, seen from the side, with a door number and a paper in the window."""
    size = (720, 528)
    seed = kit.draw.seed32
    wall = {
        "bricks": lambda: bricks(size, rgb("a4553d"), rgb("b7aa9c"), seed),
        "boards": lambda: planks(size, rgb("6f8578"), seed, 44),
        "plaster": lambda: plaster(size, rgb("d8c39a"), seed),
    }[kit.layout]()
    board, rim, ink = kit.rotate(
        swatches(
            "1f3b34 d8b25c f6ead0",
            "f1e6cf 5a2a22 5a2a22",
            "22304f c9ced9 f2f2f0",
            "7a1f2b e6c98f fbeed3",
        )
    )
    lean = 1 if kit.spec.index % 2 else -1
    high, low = (76, 112) if lean > 0 else (112, 76)
    quad: Quad = ((70, high), (650, low), (650, 300 - (low - 94) / 2), (70, 300 - (high - 94) / 2))
    face = Face((600, 210), quad)
    flat = Canvas(board, (600, 210))
    flat.rect((8, 8, 592, 202), None, radius=6, outline=rim, width=5)
    surface = shade(flat.picture(), 0.9 + 0.2 * noise((600, 210), (60, 3), seed + 2, 2))
    canvas = Canvas(_below(blend(wall, BLACK, _shadow(size, quad)), rim))
    ground = face.paste(canvas.picture(), surface)
    kit.text("main", face.at(36, 34, 564, 136), "display", 92, ink, tracking=0.03, wear=0.12,
             absorb=0.6)  # fmt: skip
    kit.text("sub", face.at(40, 148, 320, 186), "condensed", 29, rim, "left", absorb=0.6)
    kit.text("since", face.at(390, 148, 560, 186), "condensed", 29, rim, "right", absorb=0.6)
    kit.text("number", (604, 352, 668, 408), "bold", 38, rgb("22252b"))
    kit.text("window", (134, 398, 330, 446), "hand", 33, rgb("b3322b"))
    template = (
        'Photo of a shop sign reading "{main}", "{sub}", "{since}", house number "{number}" and a '
        'paper "{window}" in the window.'
    )
    return kit.scene(ground, template, light=lamp(kit, size), blur=0.5, grain=1.8)


def _shadow(size: Size, quad: Quad) -> Plane:
    return soft([(x + 10, y + 14) for x, y in quad], size, 16) * np.float32(0.55)


def _below(wall: Picture, rim: RGB) -> Picture:
    """The shop window with a paper, and a number plate."""
    canvas = Canvas(wall)
    canvas.rect((60, 350, 560, 528), rgb("2a2622"))
    canvas.rect((72, 362, 548, 528), rgb("38515f"))
    for i in range(4):
        x = 90 + 120 * i
        canvas.poly([(x, 362), (x + 60, 362), (x - 18, 528), (x - 30, 528)], WHITE, alpha=0.05)
    for i in range(3):
        x = 392 + 50 * i
        canvas.rect((x, 470 - 18 * (i % 2), x + 34, 528), mix(rim, BLACK, 0.15 * i), radius=6)
    canvas.rect((72, 362, 548, 372), BLACK, alpha=0.4)
    canvas.poly([(124, 392), (342, 388), (344, 456), (122, 454)], rgb("f3eedf"))
    canvas.rect((592, 344, 680, 416), rgb("efece4"), radius=6, outline=rgb("2c2f36"), width=3)
    return canvas.picture()


# --- 2.3 ------------------------------------------------------------------------------------


def board(kit: Kit) -> Scene:
    """A board on an easel or a wall, written by one hand."""
    size = (720, 560)
    seed = kit.draw.seed32
    white = kit.layout == "white"
    slate = {"chalk": rgb("2f4a3f"), "slate": rgb("2b2e33"), "white": rgb("eef1f2")}[kit.layout]
    frame = rgb("b9bec4") if white else rgb("8a5a34")
    wall = plaster(size, rgb("c9bba3"), seed)
    rim = planks((656, 500), frame, seed + 1, 500)
    surface = np.tile(np.array(slate, np.uint8), (456, 612, 1))
    wiped = noise((612, 456), (130, 40), seed + 2, 3) * noise((612, 456), 4, seed + 3)
    surface = blend(
        surface, rgb("dfe6e2"), np.asarray(wiped * (0.05 if white else 0.22), np.float32)
    )
    ground = blend(wall, BLACK, _shadow(size, ((32, 30), (688, 30), (688, 530), (32, 530))))
    ground[30:530, 32:688] = rim
    ground[52:508, 54:666] = surface
    canvas = Canvas(ground)
    chalks = ((rgb("f4f1e6"), rgb("f5d76e"), rgb("f0a3b0"), rgb("9fd4e8")) if not white else
              (rgb("1d3f8f"), rgb("c22f2f"), rgb("1d7d4a"), rgb("30343c")))  # fmt: skip
    order = [chalks[0], *kit.draw.shuffled(chalks[1:])]
    _doodles(canvas, order)
    wear = 0.25 if white else 0.75
    picture = canvas.picture()
    kit.text("head", (120, 70, 600, 120), "chalk", 40, order[1], wear=wear, stroke=1,
             stroke_fill=order[1])  # fmt: skip
    kit.text("main", (90, 132, 630, 226), "chalk", 84, order[0], wear=wear, stroke=2,
             stroke_fill=order[0])  # fmt: skip
    for i, role in enumerate(("first", "second", "third")):
        y = 258 + 58 * i
        kit.text(role, (110, y, 520, y + 50), "chalk", 38, order[0], "left", wear=wear, stroke=1,
                 stroke_fill=order[0])  # fmt: skip
    kit.text("foot", (250, 446, 640, 494), "chalk", 34, order[2], "right", wear=wear, stroke=1,
             stroke_fill=order[2])  # fmt: skip
    template = (
        'Photo of a board saying "{main}" under "{head}", with "{first}", "{second}", "{third}" '
        'and "{foot}".'
    )
    return kit.scene(picture, template, light=lamp(kit, size, 0.7), blur=0.4, grain=1.8)


def _doodles(canvas: Canvas, tones: list[RGB]) -> None:
    """A cup, some dots and an underline, in chalk."""
    canvas.arc((560, 330, 612, 382), 270, 450, tones[3], 4)
    canvas.rect((530, 330, 590, 400), None, radius=8, outline=tones[3], width=4)
    for i in range(3):
        canvas.arc((538 + 16 * i, 292, 556 + 16 * i, 322), 90, 270, tones[0], 3)
    canvas.line([(150, 238), (360, 234), (570, 240)], tones[2], 4)
    for i in range(3):
        canvas.disc(92, 284 + 58 * i, 5, tones[1])
    canvas.line([(84, 470), (120, 462), (160, 474), (200, 462), (226, 470)], tones[3], 3)
