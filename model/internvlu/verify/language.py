"""The understanding half: vision features, hidden states, ids, and gradients of its loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from evals.core.errors import UserError
from model.internvlu.verify.checks import STATES, Checks, Row
from model.internvlu.verify.gradients import compare_gradients
from model.internvlu.verify.recorded import EXPECTED, Fixture, Tensors
from model.internvlu.vlm import Sampling, Tokens, VisionLanguageModel, renames

FILE, NAMES = "vlm.safetensors", "vlm.json"


def language(fixture: Fixture, checks: Checks) -> None:
    """All recorded cases, then the loss."""
    data, vlm = fixture.tensors(FILE), fixture.pipe.parts.vlm
    for case in data.prefixes("input_ids", "attention_mask", "logits"):
        with checks.guard("vlm", case, "inputs"):
            _case(vlm, checks, data, case)
    for name in data.prefixes("labels", "loss"):
        with checks.guard("vlm", name, "inputs"):
            _loss(fixture, checks, data, name)


def _case(vlm: VisionLanguageModel, checks: Checks, data: Tensors, case: str) -> None:
    ids, mask = data[f"{case}.input_ids"], data[f"{case}.attention_mask"]
    pixels = None
    if bool((ids == vlm.tokens.context).any()):
        pixels = data[f"{case}.pixel_values"]
        _vision(vlm, checks, data, case, pixels)
    states = vlm.hidden_states(ids, mask, pixels)
    kept = mask.bool()
    with checks.row("vlm", case, "hidden states", STATES) as row:
        for n, ours in enumerate(states):
            key = f"{case}.hidden_states.{n}"
            row.near(ours[kept], data[key][kept], key)
    with checks.row("vlm", case, "logits", STATES) as row:
        logits = vlm.language_model.lm_head(states[-1])
        row.near(logits[kept], data[f"{case}.logits"][kept], f"{case}.logits")
    written = rf"{re.escape(case)}\.((?:greedy|beam(\d+)))_ids_(\d+)"
    if not data.matching(written):
        checks.leave_out("vlm", case, "ids", "none is recorded")
    for key, match in data.matching(written).items():
        with checks.row("vlm", case, f"ids, {match[1]}") as row:
            how = Sampling(max_new_tokens=int(match[3]), num_beams=int(match[2] or 1))
            new = vlm.write(ids, mask, pixels, how).tolist()
            compare_written(row, vlm.tokens, new, data[key].tolist())


def compare_written(
    row: Row, tokens: Tokens, ours: Sequence[Sequence[int]], recorded: Sequence[Sequence[int]]
) -> None:
    """Compare new ids row by row, up to the first stop token: what follows is padding."""
    row.same(len(ours), len(recorded), "rows")
    for n, (mine, theirs) in enumerate(zip(ours, recorded, strict=False)):
        row.same(_stopped(mine, tokens), _stopped(theirs, tokens), f"row {n}")


def _stopped(ids: Sequence[int], tokens: Tokens) -> list[int]:
    ends = [n for n, i in enumerate(ids) if i in (tokens.stop, tokens.start)]
    return list(ids[: ends[0] + 1] if ends else ids)


def _vision(
    vlm: VisionLanguageModel, checks: Checks, data: Tensors, case: str, pixels: Tensor
) -> None:
    states = vlm.vision(pixels)
    embedded = vlm.vision_model.embeddings(pixels)
    compute: Mapping[str, Callable[[], Tensor]] = {
        # With its grid, in some versions of transformers.
        "vit_embeddings": lambda: embedded[0] if isinstance(embedded, tuple) else embedded,
        # Of the last layer, whichever is selected for what follows.
        "vit_last_hidden_state": lambda: vlm.vision_model(pixels).last_hidden_state,
        "vit_pixel_shuffled": lambda: vlm.shuffled(states),
        "image_features": lambda: vlm.project(vlm.shuffled(states)),
    }
    with checks.row("vlm", case, "vision features", STATES) as row:
        for name, ours in compute.items():
            row.near(ours(), data[f"{case}.{name}"], f"{case}.{name}")


def _loss(fixture: Fixture, checks: Checks, data: Tensors, name: str) -> None:
    """The loss over the case whose ids the labels are."""
    vlm, labels = fixture.pipe.parts.vlm, data[f"{name}.labels"]
    case = _case_of(data, labels)
    ids, mask = data[f"{case}.input_ids"], data[f"{case}.attention_mask"]
    pixels = data.optional(f"{case}.pixel_values")
    if not fixture.has(NAMES):
        checks.leave_out("vlm", name, "gradients", f"{EXPECTED}/{NAMES} is absent")
        return
    names = fixture.json(NAMES)
    compare_gradients(
        checks, "vlm", name, vlm,
        lambda: vlm.next_token_loss(ids, mask, labels, pixels),
        (data[f"{name}.loss"], data[f"{name}.grad_norms"]), names[f"{name}.grad_names"],
        rename=renames(vlm), without=names.get(f"{name}.no_grad_names", ()),
    )  # fmt: skip


def _case_of(data: Tensors, labels: Tensor) -> str:
    learnt = labels != -100
    for case in data.prefixes("input_ids"):
        ids = data[f"{case}.input_ids"]
        if ids.shape == labels.shape and bool((ids == labels)[learnt].all()):
            return case
    raise UserError("The labels are of none of the recorded prompts.")
