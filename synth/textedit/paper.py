"""Marks over photographs, and printed pages (2.6, 2.7)."""

from __future__ import annotations

import numpy as np

from synth.paint import (
    Canvas,
    Face,
    blend,
    gradient,
    mix,
    noise,
    rgb,
    ridge,
    shade,
    soft,
    swatches,
    turned,
)
from synth.scene import Picture, Scene
from synth.textedit.kit import BLACK, WHITE, Kit
from synth.textedit.street import lamp, planks, plaster
from synth.typeface import Role

# --- 2.6 ------------------------------------------------------------------------------------


def watermark(kit: Kit) -> Scene:
    """A landscape under the translucent mark of a picture agency."""
    size = (720, 512)
    picture = {"lake": _lake, "field": _field, "coast": _coast}[kit.layout](kit, size)
    turn = -14 if kit.spec.index % 2 else 0
    font: Role = "bold" if kit.spec.kind in {"stock", "title"} else "condensed"
    where = turned(150, 196, 570, 304, turn)
    kit.text("main", where, font, 86, WHITE, alpha=0.7, tracking=0.02)
    template = 'Landscape photo with the translucent watermark "{main}" and no other text.'
    return kit.scene(picture, template, light=lamp(kit, size, 0.86), blur=0.5, grain=1.6)


def _lake(kit: Kit, size: tuple[int, int]) -> Picture:
    seed = kit.draw.seed32
    top, low = kit.rotate(
        swatches(
            "4d7fb0 e8d3c0",
            "5c6fa8 f0b48c",
            "3f8fa8 dfeae6",
        )
    )
    canvas = Canvas(gradient((720, 300), [top, mix(top, low, 0.6), low]))
    tones = (mix(top, low, 0.45), mix(top, rgb("2f4a55"), 0.5), rgb("2c4a45"))
    for i, tone in enumerate(tones):
        canvas.poly(ridge(720, 190 + 42 * i, 90 - 28 * i, seed + i, 190 - 50 * i, 300), tone)
    upper = shade(canvas.picture(), np.asarray(0.9 + 0.2 * noise((720, 300), 6, seed + 7, 3)))
    mirror = upper[::-1][:212].astype(np.float32) * 0.72
    ripples = noise((720, 212), (70, 3), seed + 8, 3)[..., None]
    water = np.clip(mirror * (0.8 + 0.45 * ripples) + 8, 0, 255).astype(np.uint8)
    return np.vstack([upper, water])


def _field(kit: Kit, size: tuple[int, int]) -> Picture:
    seed = kit.draw.seed32
    sky = gradient(size, [rgb("5b8fc7"), rgb("a9cbe6"), rgb("f0ead8")])
    clouds = np.clip((noise(size, (220, 80), seed, 4) - 0.5) * 3, 0, 1)
    canvas = Canvas(blend(sky, WHITE, np.asarray(clouds, np.float32)))
    canvas.poly(ridge(720, 268, 18, seed + 1, 200, 512), rgb("5d7f52"))
    for i in range(26):
        x = -500 + 66 * i
        tone = mix(rgb("c8a648"), rgb("8f7a2c"), (i * 5 % 7) / 7)
        far, near = 360 + (x - 360) * 0.12, 360 + (x - 294) * 0.12
        canvas.poly([(far, 288), (near, 288), (x + 66, 512), (x, 512)], tone)
    for i in range(5):
        at, tall = kit.draw.uniform(20, 700), kit.draw.uniform(30, 60)
        canvas.disc(at, 270 - tall * 0.4, tall * 0.5, mix(rgb("3d5c36"), BLACK, 0.06 * i))
    return shade(
        canvas.picture(), np.asarray(0.84 + 0.28 * noise(size, 5, seed + 3, 3), np.float32)
    )


def _coast(kit: Kit, size: tuple[int, int]) -> Picture:
    seed = kit.draw.seed32
    canvas = Canvas(gradient(size, [rgb("e98f5a"), rgb("f6c98b"), rgb("567fa0"), rgb("27465f")]))
    canvas.disc(kit.draw.uniform(180, 540), 210, 38, rgb("fff0c4"))
    canvas.poly(ridge(720, 470, 50, seed, 240, 512), rgb("2b2a2f"))
    return shade(canvas.picture(), np.asarray(0.86 + 0.24 * noise(size, (60, 4), seed + 1, 3)))


# --- 2.7 ------------------------------------------------------------------------------------


def menu(kit: Kit) -> Scene:
    """A tilted card with five dishes, their prices and a small line under each."""
    size = (624, 736)
    seed = kit.draw.seed32
    table = {
        "wood": lambda: planks(size, rgb("6e4a30"), seed, 92),
        "cloth": lambda: _gingham(kit, size),
        "stone": lambda: plaster(size, rgb("77797c"), seed),
    }[kit.layout]()
    paper, ink, accent = kit.rotate(
        swatches(
            "f4ecd8 2c211a 8c2f22",
            "f7f4ea 1e2a33 2c6a5a",
            "efe3c8 33241c 5a3a78",
        )
    )
    lean = kit.draw.uniform(3.5, 7) * (-1 if kit.spec.index % 2 else 1)
    quad = turned(82, 48, 542, 688, lean)
    face = Face((460, 640), quad)
    flat = Canvas(paper, (460, 640))
    flat.rect((14, 14, 446, 626), None, outline=accent, width=2)
    flat.rect((19, 19, 441, 621), None, outline=accent, width=1)
    flat.line([(130, 112), (330, 112)], accent, 2)
    flat.poly([(230, 105), (238, 112), (230, 119), (222, 112)], accent)
    for i in range(5):
        for x in range(244, 330, 9):
            flat.disc(x, 170 + 92 * i, 1.2, mix(paper, ink, 0.6))
    surface = shade(flat.picture(), np.asarray(0.93 + 0.1 * noise((460, 640), 5, seed + 4, 3)))
    shadow = soft([(x + 9, y + 12) for x, y in quad], size, 15)
    ground = face.paste(blend(table, BLACK, shadow * 0.5), surface)
    kit.text("heading", face.at(40, 36, 420, 98), "serif-bold", 50, accent, absorb=0.7)
    for i in range(5):
        y = 138 + 92 * i
        kit.text(
            f"d{i + 1}", face.at(40, y - 2, 236, y + 38), "serif-bold", 34, ink, "left", absorb=0.7
        )
        kit.text(
            f"p{i + 1}", face.at(336, y - 2, 422, y + 38), "serif", 31, ink, "right", absorb=0.7
        )
        kit.text(f"n{i + 1}", face.at(42, y + 47, 300, y + 78), "serif", 23, mix(ink, paper, 0.3),
                 "left", absorb=0.7)  # fmt: skip
    dishes = ", ".join(f'"{{d{i}}}" "{{n{i}}}" "{{p{i}}}"' for i in range(1, 6))
    template = f'Photo of the menu of "{{heading}}": {dishes}.'
    return kit.scene(ground, template, light=lamp(kit, size, 0.78), blur=0.5, grain=1.6)


def _gingham(kit: Kit, size: tuple[int, int]) -> Picture:
    wide, high = size
    tone = kit.rotate((rgb("b5372f"), rgb("2f5f9a"), rgb("3d7a4a")))
    ground = np.tile(np.array(rgb("f2eee6"), np.uint8), (high, wide, 1))
    stripe_x = ((np.arange(wide) // 36) % 2).astype(np.float32)[None, :]
    stripe_y = ((np.arange(high) // 36) % 2).astype(np.float32)[:, None]
    cloth = blend(ground, tone, np.asarray((stripe_x + stripe_y) * 0.45, np.float32))
    return shade(cloth, np.asarray(0.84 + 0.24 * noise(size, 3, kit.draw.seed32 + 1, 2)))
