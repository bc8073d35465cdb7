"""Recorded calls of the pipeline: each piece from what was recorded before it, then the whole.

Rows of the language model and of the decoder come as in the reference: the full branch of all
samples, the partial branch of all, the blank branch of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evals.core.errors import UserError
from model.internvlu import images as im
from model.internvlu.conditioning import Row as Request
from model.internvlu.conditioning import close, spans, tokenize
from model.internvlu.latents import encode
from model.internvlu.prompts import BRANCHES, question
from model.internvlu.verify.calls import REASONING, TEXT, Arguments, Run
from model.internvlu.verify.checks import LATENTS, PIXELS, STATES, Checks, Row
from model.internvlu.verify.language import compare_written
from model.internvlu.verify.processor import grid_of
from model.internvlu.verify.recorded import EXPECTED, Fixture, Tensors
from model.internvlu.verify.sampling import end_to_end, sampling
from model.internvlu.verify.velocity import compare_padded
from model.internvlu.writing import read, write

NAMES = "runs.json"


def runs(fixture: Fixture, checks: Checks) -> None:
    """All runs that have tensors or arguments."""
    files = {
        p.stem.removeprefix("run_"): p.name for p in fixture.expected.glob("run_*.safetensors")
    }
    entries = fixture.json(NAMES) if fixture.has(NAMES) else {}
    for name in sorted(files.keys() | entries.keys()):
        data, arguments = Tensors(f"run_{name}.safetensors", {}), None
        if name not in files:
            checks.leave_out("run", name, "tensors", f"{EXPECTED}/{data.name} is absent")
        if not fixture.has(NAMES):
            checks.leave_out("run", name, "arguments", f"{EXPECTED}/{NAMES} is absent")
        with checks.guard("run", name, "arguments"):
            if fixture.has(NAMES):
                arguments = Arguments.read(entries[name], fixture.pipe)
        with checks.guard("run", name, "tensors"):
            if name in files:
                data = fixture.tensors(files[name])
                if not data:
                    raise UserError(f"{EXPECTED}/{data.name} holds no tensors; record it again.")
        _replay(Run(name=name, fixture=fixture, checks=checks, data=data, arguments=arguments))


def _replay(run: Run) -> None:
    if run.data and run.arguments is not None and run.arguments.mode == TEXT:
        _answer(run, run.arguments)
    elif run.data:
        if run.arguments is not None:
            _reasoning(run, run.arguments)
            _requests(run, run.arguments)
            _grids(run, run.arguments)
            _pixels(run, run.arguments)
        _spans(run)
        _hidden_states(run)
        _padded(run)
        _conditions(run)
        sampling(run)
    if run.arguments is not None and run.arguments.mode != TEXT:
        end_to_end(run, run.arguments)


def _asked(run: Run, arguments: Arguments) -> list[list[Request]]:
    pictures = arguments.pictures(run.fixture.inputs)
    return run.fixture.pipe.requests(arguments.prompts, pictures, arguments.system)


def _answer(run: Run, arguments: Arguments) -> None:
    """A request for text; nothing but its ids is recorded of it."""
    parts = run.fixture.pipe.parts
    config = parts.config
    with run.row("ids of the answer") as row:
        asked = []
        pictures = arguments.pictures(run.fixture.inputs)
        for prompt, some in zip(arguments.prompts, pictures, strict=True):
            turn = question(prompt, len(some), arguments.system)
            ids = tokenize(parts.tokenizer, turn, config.vlm.tokens_per_image, compat=True)
            seen = [im.understanding_pixels(i, config.processor, config.vlm) for i in some]
            pixels = tuple(x.to(torch.bfloat16).float() for x in seen)
            asked.append(Request(ids=ids, pixels=pixels))
        if "vlm.input_ids" in run.data:
            recorded = [ids.tolist() for ids in run.attended()]
            row.same([list(r.ids) for r in asked], recorded, "vlm.input_ids")
        new = write(parts, asked, arguments.sampling, [0] * len(asked))
        compare_written(row, parts.vlm.tokens, new, run.data["generate_output"].tolist())


def _reasoning(run: Run, arguments: Arguments) -> None:
    if arguments.mode != REASONING:
        return
    with run.row("ids of the reasoning") as row:
        parts = run.fixture.pipe.parts
        asked = [full for full, *_ in _asked(run, arguments)]
        new = write(parts, asked, arguments.sampling, [0] * len(asked))
        compare_written(row, parts.vlm.tokens, new, run.data["generate_output"].tolist())


def _requests(run: Run, arguments: Arguments) -> None:
    """Prompts to ids, with the recorded reasoning in them."""
    with run.row("ids") as row:
        parts, count = run.fixture.pipe.parts, len(arguments.prompts)
        asked = _asked(run, arguments)
        said: list[Sequence[int] | None] = [None] * count
        if arguments.mode == REASONING:
            new = run.data["generate_output"].tolist()
            said = [read(parts, full, n, cut=True).ids
                    for (full, *_), n in zip(asked, new, strict=True)]  # fmt: skip
        closed = close(asked, said, parts.vlm.tokens, compat=True)
        ordered = [r for n in range(len(BRANCHES)) for r in closed[n :: len(BRANCHES)]]
        recorded = [ids.tolist() for ids in run.attended()]
        row.same(len(ordered), len(recorded), "rows")
        for n, (ours, ids) in enumerate(zip(ordered, recorded, strict=False)):
            row.same(list(ours.ids), ids, f"row {n}")
        lengths = arguments.results.get("prompt_attended_tokens")
        if lengths is not None:
            row.same([len(r.ids) for r in ordered], lengths, "prompt_attended_tokens")


def _grids(run: Run, arguments: Arguments) -> None:
    """Grids of latents: in each row those of the condition images, flagged 0, then the target's."""
    fixture, data = run.fixture, run.data
    with run.row("grids of latents") as row:
        processor = fixture.pipe.parts.config.processor
        factor = fixture.pipe.parts.config.decoder.vae_downsample_factor
        step = fixture.pipe.limits.rule.factor
        target = [1, *(side // step * step // factor for side in arguments.size)]
        pictures = arguments.pictures(fixture.inputs)
        conditions = [[grid_of(fixture, im.condition_pixels(i, processor)).tolist() for i in some]
                      for some in pictures]  # fmt: skip
        grids: list[list[int]] = []
        flags: list[int] = []
        for branch in BRANCHES:
            for some in conditions:
                own = [] if branch == "blank" else some
                grids += [*own, target]
                flags += [*(0 for _ in own), 1]
        targets = [target] * (len(BRANCHES) * len(pictures))
        row.same(targets, data["image_grid_thw_gen"].tolist(), "image_grid_thw_gen")
        row.same(flags, data["generation_flags"].tolist(), "generation_flags")
        row.same(grids, data["processor.image_grid_thw_gen"].tolist(),
                 "processor.image_grid_thw_gen")  # fmt: skip
        for n, some in enumerate(conditions * 2):
            if some:
                key = f"cond.{n}.image_grid_thw_gen_cond"
                row.same(some, data[key].tolist(), key)


def _pixels(run: Run, arguments: Arguments) -> None:
    """Condition images as the language model and as the VAE get them, rounded to bfloat16."""
    if not any(arguments.images):
        return
    config, inputs, data = run.fixture.pipe.parts.config, run.fixture.inputs, run.data
    with run.row("pixels for understanding, bfloat16", PIXELS) as row:
        flat = [i for some in arguments.pictures(inputs) for i in some]
        seen = [im.understanding_pixels(i, config.processor, config.vlm) for i in flat]
        # Of the full and of the partial branch.
        row.rounded(torch.stack(seen * 2), data["vlm.pixel_values"], "vlm.pixel_values")
    with run.row("condition images, bfloat16", PIXELS) as row:
        pictures = arguments.pictures(inputs)
        made = [[im.condition_pixels(i, config.processor) for i in some] for some in pictures]
        largest = im.pad_to_largest([x for some in made for x in some])
        padded = iter(largest)
        by_sample = [[next(padded) for _ in some] for some in made]
        for n, some in enumerate(by_sample * 2):
            if some:
                key = f"cond.{n}.conditional_image"
                row.rounded(torch.stack(some), data[key], key)


def _spans(run: Run) -> None:
    """Recorded ids and pixels to what the decoder is conditioned on."""
    vlm, config, data = run.fixture.pipe.parts.vlm, run.fixture.pipe.parts.config, run.data
    with run.row("spans", STATES) as row:
        rows, pixels = [], data.optional("vlm.pixel_values")
        left = [] if pixels is None else list(pixels)
        for ids in run.attended():
            images = int((ids == vlm.tokens.context).sum()) // config.vlm.tokens_per_image
            rows.append(Request(ids=tuple(ids.tolist()), pixels=tuple(left[:images])))
            left = left[images:]
        for n, span in enumerate(spans(vlm, rows, config.decoder.vlm_select_layer)):
            key = f"cond.{n}.encoder_hidden_states"
            row.near(span.states, data[key], key)
            key = f"cond.{n}.encoder_image_token_mask"
            row.near(span.is_image, data[key], key)
            key = f"cond.{n}.image_fhw_cond"
            ours = torch.tensor([(1, *grid) for grid in span.images]).view(-1, 3)
            row.near(ours, data[key], key)


def _hidden_states(run: Run) -> None:
    layers = run.data.matching(r"vlm\.hidden_states\[(-?\d+)\]")
    if not layers:
        return
    with run.row("hidden states", STATES) as row:
        ids, mask = run.data["vlm.input_ids"], run.data["vlm.attention_mask"]
        pixels = run.data.optional("vlm.pixel_values")
        states = run.fixture.pipe.parts.vlm.hidden_states(ids, mask, pixels)
        for key, match in layers.items():
            row.near(states[int(match[1])][mask.bool()], run.data[key][mask.bool()], key)


def _padded(run: Run) -> None:
    """Spans padded to one length, before or behind the projector."""
    decoder = run.fixture.pipe.parts.decoder
    with run.row("padded spans", STATES) as row:
        embeds, mask = run.data["prompt_embeds"], run.data["prompt_attention_mask"]
        spans = [c.span.states for c in run.conditions()]
        trials = []
        for projected in (True, False):
            trial = Row(STATES)
            compare_padded(trial, decoder, spans, embeds, mask, projected=projected)
            trials.append(trial)
        best = min(trials, key=lambda t: (bool(t.problem), t.deviation))
        compare_padded(row, decoder, spans, embeds, mask, projected=best is trials[0])


def _conditions(run: Run) -> None:
    """Condition images to latents."""
    data = run.data
    found = {
        k: m for k, m in data.matching(r"cond\.(\d+)\.conditional_image").items() if len(data[k])
    }
    if not found:
        return
    with run.row("condition latents", LATENTS) as row:
        for key, match in found.items():
            ours = encode(run.fixture.pipe.parts.vae, list(data[key]))
            row.near(torch.stack(ours), data[f"cond.{match[1]}.latents"], f"row {match[1]}")
