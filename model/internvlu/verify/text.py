"""What is made of strings and whole numbers only: names of weights, prompts, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.core.errors import UserError
from model.internvlu import checkpoint
from model.internvlu.images import ResizeRule, smart_resize
from model.internvlu.loading import MODULES
from model.internvlu.prompts import SPECIAL, START, Branch, picture, question, user_text
from model.internvlu.verify.checks import Checks, listed
from model.internvlu.verify.recorded import CHECKPOINT, DECODER, Fixture
from model.internvlu.vlm import TIED, renames

BRANCH: Mapping[str, Branch] = {"none": "full", "text": "partial", "all": "blank"}
"""What the reference drops from a request -> our name of the branch."""

RELEASED_SIZES = "smart_resize_release_params"


def keys(fixture: Fixture, checks: Checks) -> None:
    """Names and shapes of all weights."""
    for name, entry in fixture.json("state_dict_keys.json").items():
        what = "names and shapes of weights"
        component, _, kind = name.rstrip(")").partition("(")
        ours: list[dict[str, tuple[int, ...]]] = []
        with checks.guard("keys", name, what):
            ours = _shapes(fixture, component, kind)
            if not ours:
                why = f"no folder beside the checkpoint holds a {component} of the kind {kind}"
                checks.leave_out("keys", name, what, why)
        if not ours:
            continue
        with checks.row("keys", name, what) as row:
            recorded = {k: tuple(s) for k, s in entry["tensors"].items()}
            tied = component == "vlm" and fixture.pipe.parts.config.vlm.text["tie_word_embeddings"]
            reports = [
                checkpoint.compare(name, recorded, own, TIED if tied else ()) for own in ours
            ]
            best = min(reports, key=_differences)
            row.cases, row.deviation = len(recorded), _differences(best)
            row.note = str(best)


def _differences(report: checkpoint.KeyReport) -> int:
    return len(report.missing) + len(report.unexpected) + len(report.reshaped)


def _shapes(fixture: Fixture, component: str, kind: str) -> list[dict[str, tuple[int, ...]]]:
    """Shapes by official name of the modules that an entry can mean."""
    if component not in MODULES:
        raise UserError(f"The model has no component {component!r}, only {', '.join(MODULES)}.")
    parts = fixture.pipe.parts
    modules: list[Any] = [parts.module(component)]
    if component == DECODER and kind:
        modules = [
            decoder for name, decoder in fixture.decoders.items()
            if name != CHECKPOINT and kind in (name, decoder.config.decoder_projector_type)
        ]  # fmt: skip
    rename = renames(parts.vlm) if component == "vlm" else {}
    own = [{k: tuple(v.shape) for k, v in m.state_dict().items()} for m in modules]
    return [checkpoint.on_disk(shapes, rename) for shapes in own]


def prompts(fixture: Fixture, checks: Checks) -> None:
    """The words around prompts, and the tokens with embeddings of their own."""
    recorded = fixture.json("prompts.json")
    tokenizer = fixture.pipe.parts.tokenizer
    with checks.row("prompts", "", "strings") as row:
        for entry in recorded["rows"]:
            for key, ours in _strings(entry["prompt"], entry["num_images"]).items():
                row.same(ours, entry[key], f"{key} of {entry['prompt']!r}")
    with checks.row("prompts", "", "order of special tokens") as row:
        row.same(list(SPECIAL), recorded["special_token_list"], "special_token_list")
    with checks.row("prompts", "", "ids of special tokens") as row:
        for word, number in recorded["special_token_ids"].items():
            row.same(tokenizer.convert_tokens_to_ids(word), number, word)
    _rest(checks, "prompts", recorded.keys() - {"rows", "special_token_list", "special_token_ids"})


def _strings(prompt: str, images: int) -> dict[str, str]:
    """All requests that are made of a prompt, by the names of the recording."""
    found = {"user_content": user_text(prompt, images), "text_mode": question(prompt, images).text}
    for dropped, branch in BRANCH.items():
        turn = picture(prompt, images, branch, editing=images > 0)
        found[f"image_mode.{dropped}"] = turn.text + START
    return found


def sizes(fixture: Fixture, checks: Checks) -> None:
    """Sizes that condition images get."""
    recorded = fixture.json("resize_rules.json")
    with checks.row("sizes", "released", "height and width") as row:
        for height, width, wanted in recorded[RELEASED_SIZES]:
            row.same(_resized(height, width, wanted), wanted, f"{height} x {width}")
    rest = recorded.keys() - {RELEASED_SIZES}
    fixed = {k for k in rest if k.startswith("dynamic_resize")}
    for name in sorted(fixed):
        checks.leave_out("sizes", name, "height and width", "no class of the release uses it")
    _rest(checks, "sizes", rest - fixed)


def _resized(height: int, width: int, wanted: list[int] | str) -> list[int] | str:
    """Our size; a refusal of ours stands for whatever the reference raised."""
    try:
        return list(smart_resize(height, width, ResizeRule()))
    except UserError as error:
        return wanted if isinstance(wanted, str) else str(error)


def _rest(checks: Checks, stage: str, names: set[str]) -> None:
    if names:
        checks.leave_out(stage, "", "file", f"not known: {listed(sorted(names))}")
