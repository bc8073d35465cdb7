"""The model at its released sizes in bfloat16 with random weights; needs a CUDA device.

    python -m tests.performance.gpu

Prints Markdown: the decoder against its straightforward formulation, and the whole pipeline.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from model.internvlu import loading
from model.internvlu.config import ModelConfig
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.tiny import write_tiny
from model.internvlu.vlm import Sampling
from tests.performance.model import (
    decoder_config,
    make_pair,
    make_work,
    naive_steps,
    one_step,
    seconds,
)
from tests.released_sizes import released_config

STEPS, TOKENS = 20, 200


def measured(call: Callable[[], object], times: int = 1) -> tuple[float, float]:
    """Seconds and peak GiB, once warm."""
    torch.cuda.reset_peak_memory_stats()
    took = seconds(call, times)
    return took, torch.cuda.max_memory_allocated() / 2**30


@torch.no_grad()
def decoder_rows() -> Iterator[str]:
    """Images a second of both formulations."""
    config = decoder_config(layers=20, heads=12, joint=4096)
    naive, ours = make_pair(config, "cuda", torch.bfloat16)
    for edit in (False, True):
        for pixels in (512, 1024):
            for count in (1, 4):
                work = make_work(
                    4096, pixels, count, edit=edit, device="cuda", dtype=torch.bfloat16
                )
                naive_steps(naive, work, 1)
                one_step(ours, work, 3)
                slow, big = measured(lambda w=work: naive_steps(naive, w, STEPS))
                fast, small = measured(lambda w=work: one_step(ours, w, STEPS))
                name = f"{'edit' if edit else 'text to image'}, {pixels} px, batch {count}"
                yield (
                    f"| {name} | {count / slow:.2f} | {count / fast:.2f} | {slow / fast:.2f} | "
                    f"{big:.1f} | {small:.1f} |"
                )


@torch.no_grad()
def compiled_rows() -> Iterator[str]:
    """The decoder once more, with its layers compiled."""
    config = decoder_config(layers=20, heads=12, joint=4096)
    _, ours = make_pair(config, "cuda", torch.bfloat16)
    ours.compile_layers()
    for pixels, count in ((512, 1), (1024, 4)):
        work = make_work(4096, pixels, count, edit=False, device="cuda", dtype=torch.bfloat16)
        first = seconds(lambda w=work: one_step(ours, w, 3), 1)
        fast, small = measured(lambda w=work: one_step(ours, w, STEPS))
        name = f"compiled, text to image, {pixels} px, batch {count}"
        yield f"| {name} | {count / fast:.2f} | {fast:.2f} | {small:.1f} |, first {first:.0f} s"


@torch.no_grad()
def launched_rows() -> Iterator[str]:
    """The decoder once more, every step launched kernel by kernel."""
    from model.internvlu import replayed

    config = decoder_config(layers=20, heads=12, joint=4096)
    _, ours = make_pair(config, "cuda", torch.bfloat16)
    most, replayed.MOST_TOKENS = replayed.MOST_TOKENS, 0
    for pixels in (512, 1024):
        work = make_work(4096, pixels, 1, edit=False, device="cuda", dtype=torch.bfloat16)
        one_step(ours, work, 3)
        took, peak = measured(lambda w=work: one_step(ours, w, STEPS))
        name = f"no CUDA graph, text to image, {pixels} px, batch 1"
        yield f"| {name} | {1 / took:.2f} | {took:.2f} | {peak:.1f} |"
    replayed.MOST_TOKENS = most


@torch.no_grad()
def attention_rows() -> Iterator[str]:
    """Two long sequences through one call by length, and through the variable-length kernel."""
    from torch.nn.attention.varlen import varlen_attn

    count, length = 2, 8490
    batch = [
        torch.randn(count, 12, length, 128, device="cuda", dtype=torch.bfloat16) for _ in range(3)
    ]
    packed = [x.transpose(1, 2).flatten(0, 1).contiguous() for x in batch]
    starts = torch.arange(0, count * length + 1, length, device="cuda", dtype=torch.int32)
    calls = {
        "by length": lambda: torch.nn.functional.scaled_dot_product_attention(*batch),
        "variable length": lambda: varlen_attn(*packed, starts, starts, length, length),
    }
    for name, call in calls.items():
        call()
        took = seconds(lambda c=call: [c() for _ in range(10)], 3) / 10
        work = 4 * length**2 * 12 * 128 * count / took / 1e12
        yield (
            f"| attention {name}, {count} of {length} tokens | {1 / took:.0f} | {took:.4f} | |"
            f" {work:.0f} TFLOP/s"
        )


def random_parts(device: str, *, offload: bool = False) -> loading.Parts:
    """A pipeline's parts of the released sizes, weights drawn on the device."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_tiny(place / "tiny")
        processor = place / "tiny" / "processor"
        tokenizer = loading.load_tokenizer(processor)
        released_config(place / "released", tokenizer)
        config = ModelConfig.read(place / "released")
        vlm, decoder, vae = loading.build(config, tokenizer, str(processor))
    where = "cpu" if offload else device
    torch.manual_seed(0)
    for module in (vlm, decoder, vae):
        _draw(module, device, where)
    devices = {m: torch.device(device) for m in loading.MODULES}
    return loading.Parts(
        config=config, tokenizer=tokenizer, tokenizer_files=processor, vlm=vlm, decoder=decoder,
        vae=vae, devices=devices, offload=offload,
    )  # fmt: skip


def _draw(module: Any, device: str, where: str) -> None:
    for owner in module.modules():
        for key, parameter in list(owner.named_parameters(recurse=False)):
            shape = parameter.shape
            scale = shape[-1] ** -0.5 if len(shape) > 1 else 0.02
            values = torch.randn(shape, device=device, dtype=torch.bfloat16) * scale
            if len(shape) == 1 and key == "weight":
                values = values + 1
            setattr(owner, key, torch.nn.Parameter(values.to(where), requires_grad=False))
    module.to(where).eval()


PROMPT = "a red panda on a wooden bench in the rain, holding a sign that says OPEN"
Call = Callable[[int, int], object]
"""Of so many steps and tokens."""


def _calls(pipe: InternVLUPipeline) -> list[tuple[str, int, Call]]:
    """What is measured of a pipeline: name, how many results, call."""
    image = Image.effect_noise((1024, 1024), 60).convert("RGB")

    def generate(pixels: int, count: int) -> tuple[str, int, Call]:
        def call(steps: int, _: int) -> object:
            return pipe.generate([PROMPT] * count, height=pixels, width=pixels, steps=steps)

        return f"generate, {pixels} px, batch {count}", count, call

    def edit(count: int) -> tuple[str, int, Call]:
        def call(steps: int, _: int) -> object:
            return pipe.edit([PROMPT] * count, [[image]] * count, steps=steps)

        return f"edit, 1024 px, batch {count}", count, call

    def think(steps: int, tokens: int) -> object:
        how = Sampling(max_new_tokens=tokens, min_new_tokens=tokens)
        return pipe.generate([PROMPT], steps=steps, think=True, sampling=how)

    def answer(_: int, tokens: int) -> object:
        how = Sampling(max_new_tokens=tokens, min_new_tokens=tokens)
        return pipe.answer([PROMPT] * 8, [[image]] * 8, sampling=how)

    return [
        generate(1024, 1), edit(1), generate(512, 1), generate(512, 8), generate(1024, 4),
        edit(4), (f"generate with {TOKENS} tokens of reasoning, 1024 px", 1, think),
        (f"answers of {TOKENS} tokens about an image, batch 8", 8, answer),
    ]  # fmt: skip


def pipeline_rows() -> Iterator[str]:
    """The whole way from prompt to image, and answers."""
    for offload in (False, True):
        pipe = InternVLUPipeline(random_parts("cuda", offload=offload))
        for name, count, call in _calls(pipe)[: 2 if offload else None]:
            call(3, 3)  # kernels are chosen and memory is taken
            took, peak = measured(lambda c=call: c(STEPS, TOKENS))
            note = ", offload" if offload else ""
            yield f"| {name}{note} | {count / took:.2f} | {took:.2f} | {peak:.1f} |"
        del pipe, call
        torch.cuda.empty_cache()


def main() -> None:
    """Print everything there is a device for."""
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device here")
    start = time.perf_counter()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {STEPS} steps, bfloat16\n")
    print("| decoder | naive images/s | ours images/s | ratio | naive GiB | ours GiB |")
    print("|---|---|---|---|---|---|", flush=True)
    for row in decoder_rows():
        print(row, flush=True)
    torch.cuda.empty_cache()
    print("\n| whole pipeline | images or answers/s | s | peak GiB |\n|---|---|---|---|")
    rows = pipeline_rows(), launched_rows(), attention_rows(), compiled_rows()
    for row in itertools.chain.from_iterable(rows):
        print(row, flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
