"""Training at the released sizes in bfloat16 with random weights; needs a CUDA device.

    python -m tests.performance.gpu_training

Prints Markdown: tokens a second, peak memory and model-FLOPs utilisation, for adapters and for the
whole generation head. A token is one of the language model's or one patch of latents; model FLOPs
are those of a forward, twice that for gradients of what is trained and once for what they only pass
through. What gradient checkpointing computes again is not counted.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from model.data.text_edits import write_text_edits
from model.finetune import prepare
from model.finetune.batches import Stream
from model.finetune.devices import make_accelerator
from model.finetune.inputs import inputs_of
from model.finetune.logs import Window
from model.finetune.reading import build, merged
from model.finetune.trainer import Trainer
from model.internvlu import loading
from tests.performance.gpu import random_parts

PEAK = 989e12
"""Dense bfloat16 operations a second of an H100 SXM, as its maker says."""

RUNS: Mapping[str, Mapping[str, Any]] = {
    "adapters of rank 16 in both networks": {"preset": "lora_textedit"},
    "the whole generation head": {"preset": "stage2", "optimizer.warmup": 1},
}
WARM, TIMED = 2, 6


def training_row(
    checkpoint: Path, rows: Path, out: Path, how: Mapping[str, Any], *, pixels: int, samples: int,
    peak: float = PEAK, times: int = TIMED,
) -> str:  # fmt: skip
    """One configuration, one size.

    Args:
        checkpoint: to begin with.
        rows: text edits.
        out: of the run.
        how: preset, and keys over it.
        pixels: side of the images.
        samples: of a micro-batch; an update is two of them.
        peak: operations a second of the device.
        times: updates that are timed.
    """
    keys = {k: v for k, v in how.items() if k != "preset"}
    given = {
        "checkpoint": checkpoint, "out": out, "steps": WARM + times + 1, "batch": 2 * samples,
        "micro_batch": samples, "resolution.min": pixels, "resolution.max": pixels,
        "resolution.side": 2 * pixels, "data.mixture": f"[{{path: {rows}, task: edit}}]",
        "log.trackers": "[]", "data.workers": 2, **keys,
    }  # fmt: skip
    tree = merged(how["preset"], [f"{k}={v}" for k, v in given.items()])
    config = build(tree)
    trainer = Trainer(config, make_accelerator(config), None, lambda _: None)
    units = prepare.units_of(config, trainer.learnt, trainer.networks)
    operations = _operations(trainer, units)
    stream = Stream(units, config.data, 0, 1)
    window = Window()
    cuda = trainer.accelerator.device.type == "cuda"
    for n in range(WARM + times):
        if n == WARM:
            if cuda:
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
            window, begun = Window(), time.perf_counter()
        trainer._update(stream, window)
        trainer.step += 1
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - begun
    stream.close()
    held = torch.cuda.max_memory_allocated() / 2**30 if cuda else float("nan")
    used = operations * times / seconds / peak
    return (
        f"| {pixels} px, {samples} at once | {len(window.seen) / seconds:.2f} | "
        f"{window.tokens / seconds:,.0f} | {held:.1f} | {100 * used:.1f} % |"
    )


def _operations(trainer: Trainer, units: Any) -> float:
    """Model FLOPs of one update."""
    joint, total = trainer.networks.joint, 0.0
    passes = {name: _passes(joint, name) for name in ("vlm", "generation_decoder")}
    for number in range(trainer.config.units):
        inputs = inputs_of(units[number].examples, trainer.networks, trainer.config)
        with torch.no_grad(), trainer.accelerator.autocast():
            with FlopCounterMode(display=False) as both:
                joint(inputs)
            with FlopCounterMode(display=False) as reading:
                joint._read(inputs)
        language = reading.get_total_flops()
        total += language * passes["vlm"]
        total += (both.get_total_flops() - language) * passes["generation_decoder"]
    return total


def _passes(joint: Any, name: str) -> int:
    """Forwards that a network costs: 1 frozen, 2 where gradients pass, 3 where all is trained."""
    module = getattr(joint, name)
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    every = sum(p.numel() for p in module.parameters())
    return 1 if not trained else 2 if trained < every / 2 else 3


def rows_of(folder: Path) -> Iterator[str]:
    """The table, a line at a time."""
    write_text_edits(folder / "rows", task="edit", count=36, workers=4)
    loading.write_parts(random_parts("cuda"), folder / "checkpoint")
    torch.cuda.empty_cache()
    for number, (name, how) in enumerate(RUNS.items()):
        yield f"| {name} | samples/s | tokens/s | peak GiB | model-FLOPs utilisation |"
        yield "|---|---|---|---|---|"
        for pixels, samples in ((512, 1), (512, 4), (1024, 1), (1024, 2)):
            out = folder / f"run-{number}-{pixels}-{samples}"
            yield training_row(
                folder / "checkpoint", folder / "rows", out, how, pixels=pixels, samples=samples
            )
            torch.cuda.empty_cache()


def main() -> None:
    """Measure all."""
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device is here; run it where there is one.")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", file=sys.stderr)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        for row in rows_of(Path(name)):
            print(row, flush=True)
    print(f"\n{time.perf_counter() - begun:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
