"""Wrong answers with known, graded defects, to see what a metric or a judge notices.

Every corruption starts from the exact ground truth and is the same `Scene.render` call with other
strings, or a filter over its pixels. Level 0 (resolution: 1) is the ground truth itself.

The columns that must fall, or must not move, are data; the table is the measured one of this
project (36 scenes, official OCR arithmetic). `must_fall` means: gets worse, whatever the
direction of the column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from evals.core.errors import unknown
from synth import typeface
from synth.draw import Draw
from synth.scene import RGB, Picture, Scene, Text, box_quad, slot_mask
from synth.textedit.build import build
from synth.textedit.spec import Spec
from synth.typeface import Role, font_file
from synth.words import vocabulary

Region = Literal["slot", "background", "anywhere"]
"""Where a corruption may change pixels of the ground truth: inside the slot mask, outside it, or
both."""


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One kind of defect.

    Attributes:
        name: as in `CORRUPTIONS`.
        doc: what is wrong, and what the level counts.
        levels: from the ground truth to the worst.
        apply: the answer of a spec at a level, as 8-bit RGB.
        region: where pixels may differ from the ground truth.
        must_fall: columns (``metric.quantity``) that must get worse with the level.
        must_not_move: columns that must stay, for some of them a documented blindness.
    """

    name: str
    doc: str
    levels: tuple[float, ...]
    apply: Callable[[Spec, float], Picture]
    region: Region
    must_fall: tuple[str, ...]
    must_not_move: tuple[str, ...] = ()


def corrupt(spec: Spec, name: str, level: float) -> Picture:
    """The answer to a spec with one defect; height x width x 3, 8-bit RGB.

    Args:
        spec: the item.
        name: one of `CORRUPTIONS`.
        level: how bad; levels between the listed ones are allowed.

    Raises:
        UserError: there is no such corruption.
        ValueError: the item cannot carry it, see `applies`.
    """
    if name not in CORRUPTIONS:
        raise unknown("corruption", name, CORRUPTIONS)
    if not applies(spec, name):
        raise ValueError(f"{name} does not apply to {spec.target!r} ({spec.sub_class})")
    return CORRUPTIONS[name].apply(spec, level)


def applies(spec: Spec, name: str) -> bool:
    """Whether an item can carry a corruption.

    Digits and capital-only fonts have no case; a scene with one text has no other to damage.
    """
    if name in {"erase_other", "garble_other"}:
        return any(not t.edited for t in build(spec).texts)
    if name != "case":
        return True
    lettered = spec.target != spec.target.swapcase()
    return lettered and not any(_capitals_only(t.font) for t in build(spec).edited)


def _capitals_only(font: str) -> bool:
    """Whether a font draws small letters as capitals."""
    small, large = (typeface.load(font, 64).getbbox(c, anchor="ls") for c in "xX")
    return small[1] < 0.95 * large[1]


def _answered(spec: Spec, change: Callable[[Text], Sequence[Text]] | None = None) -> Scene:
    """The scene of the ground truth, each edited text replaced by what `change` makes of it."""
    scene = build(spec)
    texts: list[Text] = []
    for text in scene.texts:
        if not text.edited:
            texts.append(text)
            continue
        answered = replace(text, string=spec.target, shares=(spec.source,))
        texts.extend(change(answered) if change else (answered,))
    return replace(scene, texts=tuple(texts))


def _truth(spec: Spec) -> tuple[Scene, Picture]:
    scene = build(spec)
    return scene, scene.render(spec.answer)


def misspelt(string: str, count: int, draw: Draw) -> str:
    """The string with `count` of its letters and digits replaced; more levels keep the earlier.

    >>> misspelt("AB1", 0, Draw("doctest"))
    'AB1'
    """
    places = draw.shuffled([i for i, c in enumerate(string) if c.isalnum()])
    letters = list(string)
    for i in places[:count]:
        old = letters[i]
        if old.isdigit():
            letters[i] = str((int(old) + draw.integer(1, 9)) % 10)
        else:
            others = [c for c in "abcdefghiklmnoprstuvz" if c != old.lower()]
            new = draw.pick(others)
            letters[i] = new.upper() if old.isupper() else new
    return "".join(letters)


# --- inside the slot ------------------------------------------------------------------------


def _typo(spec: Spec, level: float) -> Picture:
    wrong = misspelt(spec.target, round(level), Draw(spec.sha256, "typo"))
    return build(spec).render(dict.fromkeys(spec.edited, wrong))


def _ghost(spec: Spec, level: float) -> Picture:
    def haunted(text: Text) -> Sequence[Text]:
        left = replace(
            text, role=f"ghost of {text.role}", string=spec.source, shares=(spec.target,),
            alpha=text.alpha * level,
        )  # fmt: skip
        return (left, text) if level > 0 else (text,)

    return _answered(spec, haunted).render()


_PAINTS: tuple[RGB, ...] = ((214, 40, 40), (20, 120, 220), (24, 150, 60), (236, 178, 24))


def _style(spec: Spec, level: float) -> Picture:
    roles: tuple[Role, ...] = ("serif-bold", "hand")
    scene = build(spec)

    def restyled(text: Text) -> Sequence[Text]:
        styled = text
        if level >= 1:
            seen = [np.array(text.fill), _ground(scene, text)]
            far = max(_PAINTS, key=lambda c: min(float(np.abs(c - s).sum()) for s in seen))
            styled = replace(styled, fill=far)
        if level >= 2:
            other = next(f for r in roles if (f := font_file(spec.split, r)) != text.font)
            styled = replace(styled, font=other)
        if level >= 3:
            styled = replace(styled, size=max(8, round(styled.size_for(spec.target) * 0.6)))
        return (styled,)

    return _answered(spec, restyled).render()


def _ground(scene: Scene, text: Text) -> NDArray[np.float64]:
    """Mean colour under a slot."""
    inside = slot_mask(scene.size, (text.slot,)) > 0
    return np.asarray(scene.background[inside].mean(axis=0), np.float64)


def _case(spec: Spec, level: float) -> Picture:
    said = spec.target.swapcase() if level >= 1 else spec.target
    return build(spec).render(dict.fromkeys(spec.edited, said))


def _slot_noise(spec: Spec, level: float) -> Picture:
    scene, truth = _truth(spec)
    stream = np.random.RandomState(Draw(spec.sha256, "noise").seed32)
    dirt = stream.normal(0, 1, truth.shape) * level * (scene.mask()[..., None] > 0)
    return np.asarray(np.clip(np.rint(truth + dirt), 0, 255), np.uint8)


def _not_edited(spec: Spec, level: float) -> Picture:
    return build(spec).render(spec.answer if level < 1 else None)


def _erased(spec: Spec, level: float) -> Picture:
    scene = build(spec)
    return scene.render(spec.answer if level < 1 else dict.fromkeys(spec.edited, ""))


# --- outside it -----------------------------------------------------------------------------


def _others(spec: Spec, level: float) -> list[str]:
    """Roles of the first `level` other texts, in an order of the item's own."""
    roles = [role for role, _ in spec.strings if role not in spec.edited]
    return Draw(spec.sha256, "others").shuffled(roles)[: round(level)]


def _erase_other(spec: Spec, level: float) -> Picture:
    return build(spec).render({**spec.answer, **dict.fromkeys(_others(spec, level), "")})


def _garble_other(spec: Spec, level: float) -> Picture:
    wrong = {
        role: misspelt(spec.said[role], 99, Draw(spec.sha256, "garble", role))
        for role in _others(spec, level)
    }
    return build(spec).render({**spec.answer, **wrong})


def _invent(spec: Spec, level: float) -> Picture:
    scene = _answered(spec)
    draw = Draw(spec.sha256, "invent")
    said = " ".join([spec.source, spec.target, *spec.said.values()]).lower()
    words = [w for w in draw.shuffled(vocabulary(spec.split)) if len(w) < 7 and w not in said]
    for i in range(round(level)):
        scene = replace(scene, texts=(*scene.texts, _extra(scene, words[i], i, spec, draw)))
    return scene.render()


def unedited_with(spec: Spec, said: str) -> Picture:
    """The source picture with a line of text painted where no text stands.

    Not a graded corruption: it is for lines that try to talk to whoever looks at the picture.

    Args:
        spec: the item.
        said: one line, written in capitals.

    Raises:
        ValueError: the scene has no free place.
    """
    scene, draw = build(spec), Draw(spec.sha256, "painted", said)
    line = _extra(scene, said, 0, spec, draw, (_LINE_ROOM, *_WORD_ROOM))
    return replace(scene, texts=(*scene.texts, line)).render()


_WORD_ROOM = ((140, 36), (110, 30), (84, 24))
_LINE_ROOM = (280, 30)
"""Width and height in pixels that a word and a line want, less where there is less."""


def _extra(
    scene: Scene, word: str, number: int, spec: Spec, draw: Draw,
    rooms: Sequence[tuple[int, int]] = _WORD_ROOM,
) -> Text:  # fmt: skip
    """A new word where no text stands, in black or white, whichever is read better there."""
    taken = slot_mask(scene.size, tuple(t.slot for t in scene.texts))
    wide, high = scene.size
    for w, h in rooms:
        # Mean of the mask over every box of this size, at its top left corner.
        cover = cv2.boxFilter(
            taken.astype(np.float32), -1, (w, h), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
        )
        free = np.argwhere(cover[8 : high - h - 8 : 4, 8 : wide - w - 8 : 4] < 1e-3)
        if len(free):
            y, x = (8 + 4 * int(v) for v in free[draw.integer(0, len(free) - 1)])
            dark = float(scene.background[y : y + h, x : x + w].mean()) > 128
            return Text(
                role=f"invented {number}", string=word.upper(), slot=box_quad(x, y, x + w, y + h),
                font=font_file(spec.split, "bold"), size=round(h * 0.8),
                fill=(16, 16, 16) if dark else (244, 244, 244),
            )  # fmt: skip
    raise ValueError(f"{spec.sub_class} {spec.index} has no free place for another word")


def _background_blur(spec: Spec, level: float) -> Picture:
    scene, truth = _truth(spec)
    if level <= 0:
        return truth
    blurred = np.asarray(cv2.GaussianBlur(truth, (0, 0), level), np.uint8)
    return np.where(scene.mask()[..., None] > 0, truth, blurred)


def _shift(spec: Spec, level: float) -> Picture:
    _, truth = _truth(spec)
    step = round(level)
    if step <= 0:
        return truth
    padded = np.pad(truth, ((step, 0), (step, 0), (0, 0)), mode="edge")
    return padded[: truth.shape[0], : truth.shape[1]].copy()


def _resolution(spec: Spec, level: float) -> Picture:
    _, truth = _truth(spec)
    if level <= 1:
        return truth
    high, wide = truth.shape[:2]
    small = cv2.resize(
        truth, (round(wide / level), round(high / level)), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_CUBIC), np.uint8)


_BACKGROUND = ("fidelity.psnr_background", "fidelity.ssim_background")
_SLOT = ("fidelity.psnr_slot", "fidelity.ssim_slot")
_OCR = ("ocr_official.OA", "ocr_official.NED", "ocr_official.F1")

_ALL = (
    Corruption(
        name="typo",
        doc="level letters of the new text are wrong",
        levels=(0, 1, 2, 4, 99),
        apply=_typo,
        region="slot",
        must_fall=(*_OCR, "fidelity.ssim_slot", "judge.TA"),
        must_not_move=("fidelity.psnr_background",),
    ),
    Corruption(
        name="ghost",
        doc="the old text shines through the new one with opacity level",
        levels=(0, 0.07, 0.15, 0.25, 0.4),
        apply=_ghost,
        region="slot",
        must_fall=("fidelity.ssim_slot", "lpips.lpips_slot", "judge.TA", "judge.LR"),
        must_not_move=_BACKGROUND,
    ),
    Corruption(
        name="style",
        doc="the new text has another colour (1), font (2) and size (3)",
        levels=(0, 1, 2, 3),
        apply=_style,
        region="slot",
        must_fall=("lpips.lpips_slot", "judge.VC"),
        must_not_move=_BACKGROUND,
    ),
    Corruption(
        name="case",
        doc="capitals and small letters of the new text are swapped",
        levels=(0, 1),
        apply=_case,
        region="slot",
        must_fall=("text_exact.exact_match", "judge.TA"),
        must_not_move=("ocr_official.OA", *_BACKGROUND),
    ),
    Corruption(
        name="slot_noise",
        doc="noise of standard deviation level over the slot",
        levels=(0, 10, 25, 60),
        apply=_slot_noise,
        region="slot",
        must_fall=(*_SLOT, "lpips.lpips_slot", "judge.LR"),
        must_not_move=_BACKGROUND,
    ),
    Corruption(
        name="not_edited",
        doc="the source picture is handed back",
        levels=(0, 1),
        apply=_not_edited,
        region="slot",
        must_fall=(*_OCR, *_SLOT, "judge.TA"),
        must_not_move=_BACKGROUND,
    ),
    Corruption(
        name="erased",
        doc="the old text is gone and nothing is written",
        levels=(0, 1),
        apply=_erased,
        region="slot",
        must_fall=(*_OCR, *_SLOT, "judge.TA"),
        must_not_move=_BACKGROUND,
    ),
    Corruption(
        name="erase_other",
        doc="level other texts are gone",
        levels=(0, 1, 2, 3),
        apply=_erase_other,
        region="background",
        must_fall=("ocr_official.OR", "judge.TP", *_BACKGROUND),
        must_not_move=("ocr_official.OA", *_SLOT),
    ),
    Corruption(
        name="invent",
        doc="level words appear where there were none",
        levels=(0, 1, 2, 3),
        apply=_invent,
        region="background",
        must_fall=("ocr_official.OP", "judge.TP", *_BACKGROUND),
        must_not_move=("ocr_official.OR", *_SLOT),
    ),
    Corruption(
        name="garble_other",
        doc="all letters of level other texts are wrong",
        levels=(0, 1, 2, 3),
        apply=_garble_other,
        region="background",
        must_fall=("ocr_official.OP", "ocr_official.OR", "judge.TP", *_BACKGROUND),
        must_not_move=("ocr_official.OA", *_SLOT),
    ),
    Corruption(
        name="background_blur",
        doc="everything but the slot is blurred with standard deviation level",
        levels=(0, 1, 2, 4),
        apply=_background_blur,
        region="background",
        must_fall=(*_BACKGROUND, "lpips.lpips_background", "judge.SI"),
        must_not_move=("ocr_official.OA",),
    ),
    Corruption(
        name="shift",
        doc="the whole picture moves level pixels to the right and down",
        levels=(0, 1, 2, 4, 8),
        apply=_shift,
        region="anywhere",
        must_fall=(*_BACKGROUND, "lpips.lpips_background", "judge.SI"),
        must_not_move=("ocr_official.OA",),
    ),
    Corruption(
        name="resolution",
        doc="scaled down by level and up again",
        levels=(1, 2, 4, 8),
        apply=_resolution,
        region="anywhere",
        must_fall=("ocr_official.F1", *_BACKGROUND, *_SLOT, "judge.SI"),
    ),
)

CORRUPTIONS: Mapping[str, Corruption] = {c.name: c for c in _ALL}
"""By name, those of the slot first."""
