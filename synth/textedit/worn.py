"""Prints on cloth and on vehicles (2.4, 2.5)."""

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
    ridge,
    shade,
    soft,
    swatches,
    turned,
)
from synth.scene import RGB, Picture, Plane, Point, Scene
from synth.textedit.kit import BLACK, WHITE, Kit
from synth.textedit.street import lamp, plaster

# --- 2.4 ------------------------------------------------------------------------------------


def shirt(kit: Kit) -> Scene:
    """A shirt on a hanger with a large print, a team line, a year and a patch."""
    size = (640, 640)
    seed = kit.draw.seed32
    cloth, ink, trim = kit.rotate(
        swatches(
            "f1efe8 1f3a68 c2372e",
            "23364f f3efe3 e2b33c",
            "a8312f f7efe0 20242c",
            "3a3d42 e9dfc8 d97a3a",
            "4f7a5b f5f2e2 1c2b22",
        )
    )
    wall = plaster(size, rgb("c4beb4"), seed)
    wall = blend(wall, BLACK, 0.3 * (1 - radial(size, (320, 280), 520)))
    outline = _outline(kit.layout)
    ground = blend(wall, BLACK, soft([(x + 12, y + 14) for x, y in outline], size, 15) * 0.5)
    canvas = Canvas(ground)
    canvas.arc((296, 18, 344, 66), 150, 390, rgb("6b6b70"), 5)
    canvas.line([(320, 66), (320, 92)], rgb("6b6b70"), 5)
    canvas.poly(outline, cloth)
    _trim(kit.layout, canvas, cloth, trim)
    canvas.rect((466, 186, 554, 222), trim, radius=5)
    picture = canvas.picture()
    inside = soft(outline, size, 3)
    folds = _folds(kit, size)
    picture = shade(picture, np.asarray(1 - inside + inside * folds, np.float32))
    lean = kit.draw.uniform(-2.5, 2.5)
    kit.text("team", turned(190, 184, 450, 226, lean), "condensed", 34, ink, absorb=0.9)
    kit.text("main", turned(168, 248, 472, 398, lean), "display", 150, ink, absorb=0.9, wear=0.18)
    kit.text("year", turned(210, 424, 430, 462, lean), "bold", 29, ink, absorb=0.9)
    patch_ink = WHITE if sum(trim) < 380 else BLACK
    kit.text("patch", (470, 190, 550, 218), "bold", 19, patch_ink, absorb=0.9)
    template = (
        'Photo of a shirt with the print "{main}" between "{team}" and "{year}", and a patch '
        'reading "{patch}".'
    )
    return kit.scene(picture, template, light=lamp(kit, size, 0.78), blur=0.5, grain=1.8)


def _outline(layout: str) -> list[Point]:
    half = [(270, 84), (226, 98), (160, 116), (46, 236), (112, 318), (150, 282), (146, 640)]
    if layout == "hoodie":
        half = [(286, 120), (232, 116), (150, 130), (56, 330), (40, 600), (116, 606), (140, 420),
                (136, 640)]  # fmt: skip
    left = [(float(x), float(y)) for x, y in half]
    return [*left, *((640 - x, y) for x, y in reversed(left))]


def _trim(layout: str, canvas: Canvas, cloth: RGB, trim: RGB) -> None:
    shadow = mix(cloth, BLACK, 0.35)
    if layout == "hoodie":
        canvas.ellipse((236, 74, 404, 196), shadow)
        canvas.ellipse((254, 84, 386, 178), mix(cloth, BLACK, 0.6))
        canvas.poly([(210, 640), (226, 520), (414, 520), (430, 640)], mix(cloth, BLACK, 0.12))
        return
    canvas.ellipse((262, 52, 378, 132), trim if layout == "jersey" else shadow)
    canvas.ellipse((272, 46, 368, 120), mix(cloth, BLACK, 0.6))
    if layout == "jersey":
        for side in (1, -1):
            points = [(46.0, 236.0), (112.0, 318.0), (122.0, 306.0), (57.0, 224.0)]
            canvas.poly([(320 + side * (x - 320), y) for x, y in points], trim)
        canvas.rect((146, 560, 494, 576), trim)
        canvas.rect((146, 584, 494, 592), trim)


def _folds(kit: Kit, size: tuple[int, int]) -> Plane:
    """Light on cloth: broad folds that hang from the shoulders, and a weave."""
    seed = kit.draw.seed32
    hang = noise(size, (46, 330), seed + 1, 2)
    cross = noise(size, (200, 70), seed + 2, 2)
    weave = noise(size, 1.6, seed + 3)
    return np.asarray(0.66 + 0.36 * hang + 0.18 * cross + 0.08 * weave, np.float32)


# --- 2.5 ------------------------------------------------------------------------------------


def bus(kit: Kit) -> Scene:
    """The side of a bus in a street."""
    size = (768, 512)
    body, dark, pale = kit.rotate(
        swatches(
            "b8322f 2a1414 d98a82",
            "2b6ca3 12222f 8fb6d4",
            "e3a72f 3a2a10 f6dc9b",
            "3f8a5c 14281d 9ccbaa",
            "ece8df 2a2d33 b5ae9f",
        )
    )
    flat = _coachwork(kit, body, dark)
    ground = _street(kit, size)
    lean = 16 if kit.spec.index % 2 else -16
    face = Face((700, 330), ((34, 84 - lean), (734, 84 + lean), (734, 436 - lean * 0.4),
                             (34, 436 + lean * 0.4)))  # fmt: skip
    shadow = Canvas(ground)
    shadow.ellipse((10, 408, 760, 462), BLACK, alpha=0.45)
    ground = _wheels(face.paste(shadow.picture(), flat), face)
    led = rgb("ffb02e")
    kit.text("route", face.at(26, 22, 110, 66), "mono", 42, led, alpha=0.92)
    kit.text("goal", face.at(168, 22, 458, 66), "mono", 34, led, "left", alpha=0.92)
    kit.text(
        "main", face.at(60, 180, 500, 246), "bold", 62, pale, "left", absorb=0.8, tracking=0.04
    )
    kit.text("slogan", face.at(62, 250, 380, 282), "sans", 25, pale, "left", absorb=0.8)
    kit.text("fleet", face.at(580, 196, 664, 226), "condensed", 27, pale, absorb=0.8)
    kit.text("plate", face.at(538, 272, 664, 300), "mono", 23, rgb("1c1e22"), absorb=0.4)
    template = (
        'Photo of a bus with "{main}" and "{slogan}" on its side, route "{route}" to "{goal}", '
        'fleet number "{fleet}", plate "{plate}".'
    )
    return kit.scene(ground, template, light=lamp(kit, size, 0.76), blur=0.5, grain=1.8)


def _wheels(ground: Picture, face: Face) -> Picture:
    """Wheels that reach below the coachwork."""
    canvas = Canvas(ground)
    for x in (136, 456):
        (ax, ay), _, (bx, by), _ = face.at(x - 43, 288, x + 43, 374)
        cx, cy, rx, ry = (ax + bx) / 2, (ay + by) / 2, (bx - ax) / 2, (by - ay) / 2
        for share, tone in ((1, "17181b"), (0.62, "3a3d42"), (0.5, "a2a5ab"), (0.16, "4a4d52")):
            box = (cx - rx * share, cy - ry * share, cx + rx * share, cy + ry * share)
            canvas.ellipse(box, rgb(tone))
    return canvas.picture()


def _coachwork(kit: Kit, body: RGB, dark: RGB) -> Picture:
    """The flat side, 700 x 330."""
    canvas = Canvas(body, (700, 330))
    canvas.rect((0, 0, 700, 14), mix(body, WHITE, 0.3))
    canvas.rect((14, 14, 470, 74), rgb("16181c"), radius=6)
    canvas.rect((0, 80, 700, 172), rgb("1c242b"))
    panes = 5 if kit.layout == "coach" else 7
    step = 680 / panes
    for i in range(panes):
        x = 10 + step * i
        canvas.rect((x + 3, 86, x + step - 3, 166), rgb("5d7c8c"), radius=7)
        glint = [(x + step * 0.3, 86), (x + step * 0.55, 86), (x + step * 0.25, 166), (x + 3, 166)]
        canvas.poly(glint, WHITE, alpha=0.16)
        if kit.draw.chance(0.5):
            canvas.disc(x + step * 0.6, 142, 15, rgb("2d3a44"))
            canvas.rect((x + step * 0.6 - 22, 152, x + step * 0.6 + 22, 166), rgb("2d3a44"))
    if kit.layout == "tram":
        canvas.rect((0, 290, 700, 330), dark)
    else:
        canvas.rect((0, 300, 700, 330), dark)
    canvas.rect((528, 266, 674, 306), rgb("f2f0e8"), radius=4, outline=rgb("33363c"), width=2)
    for x in (136, 456):
        canvas.ellipse((x - 54, 276, x + 54, 384), mix(dark, BLACK, 0.5))
    canvas.rect((0, 174, 700, 178), mix(body, WHITE, 0.35))
    dirt = noise((700, 330), (120, 30), kit.draw.seed32, 3)
    return shade(canvas.picture(), np.asarray(0.86 + 0.2 * dirt, np.float32))


def _street(kit: Kit, size: tuple[int, int]) -> Picture:
    sky = kit.rotate((rgb("b9cfdd"), rgb("d9c7b0"), rgb("aebfd6")))
    canvas = Canvas(gradient(size, [sky, mix(sky, WHITE, 0.5)]))
    seed = kit.draw.seed32
    if kit.layout == "coach":
        canvas.poly(ridge(768, 190, 60, seed, 220, 512), rgb("8aa08d"))
        canvas.poly(ridge(768, 250, 40, seed + 1, 160, 512), rgb("647f68"))
    else:
        x = -30.0
        while x < 768:
            wide, top = kit.draw.uniform(90, 160), kit.draw.uniform(6, 120)
            tone = mix(rgb("8d8073"), rgb("b8a48c"), kit.draw.uniform(0, 1))
            canvas.rect((x, top, x + wide, 440), tone)
            for row in range(9):
                for column in range(int((wide - 20) // 30)):
                    at = (x + 14 + 30 * column, top + 18 + 42 * row)
                    canvas.rect((*at, at[0] + 17, at[1] + 26), mix(tone, BLACK, 0.35))
            x += wide
    canvas.rect((0, 400, 768, 512), rgb("55585c"))
    canvas.rect((0, 396, 768, 406), rgb("8f9094"))
    for i in range(6):
        x = 20 + 140 * i
        canvas.poly([(x, 484), (x + 70, 484), (x + 64, 492), (x - 8, 492)], rgb("d8d5c8"))
    return shade(
        canvas.picture(), np.asarray(0.88 + 0.22 * noise(size, 3, seed + 5, 2), np.float32)
    )
