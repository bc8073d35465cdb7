"""The generation decoder against its straightforward formulation, at a middle size on the CPU.

The naive side (`naive_decoder`) applies both sets of weights to every token and asks for all three
branches of guidance, as the released code does. Both have the same random weights, and the bench
refuses to print a ratio when their velocities differ.

    python -m tests.performance model
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.internvlu.config import DecoderConfig
from model.internvlu.decoder import Condition, GenerationDecoder, Span
from model.internvlu.guidance import PLAIN
from model.internvlu.sampler import Branches, make_scheduler, sample
from tests.performance.naive_decoder import NaiveDecoder
from tests.performance.random_decoder import random_config, random_tensors

VISUAL = 16
"""Rows and columns of the visual tokens of an image, as released."""

WORDS = 64
TIMES = 3


def decoder_config(
    layers: int, heads: int, joint: int, axes: tuple[int, int, int] = (16, 56, 56)
) -> dict[str, Any]:
    """A `generation_decoder/config.json`, released but for the sizes given."""
    config = random_config(0)
    factors = {"video_position_scale_factor": 1.0, "vlm_cond_position_scale_factor": 0.25}
    inner = {
        "patch_size": 2, "in_channels": 64, "out_channels": 16, "num_layers": layers,
        "attention_head_dim": sum(axes), "num_attention_heads": heads,
        "joint_attention_dim": joint, "axes_dims_rope": list(axes), **factors,
    }  # fmt: skip
    return {
        **config, "decoder_config": inner, "decoder_projector_type": "identity",
        "input_hidden_size": joint, "output_hidden_size": joint, "pad_to_fix_length": False,
        "max_sequence_length": 768, "vlm_select_layer": [-1, -2], **factors,
    }  # fmt: skip


MIDDLE = decoder_config(layers=4, heads=6, joint=1024)
SCHEDULER = {
    "algorithm_type": "dpmsolver++", "prediction_type": "flow_prediction", "flow_shift": 3.0,
    "use_flow_sigmas": True, "solver_order": 2, "solver_type": "midpoint",
    "lower_order_final": True, "final_sigmas_type": "zero", "num_train_timesteps": 1000,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Work:
    """A batch to make: noise and conditions of guidance."""

    noise: list[Tensor]
    branches: list[Branches]

    def naive(self) -> tuple[Any, ...]:
        """Arguments of `NaiveDecoder.guided` but for the timestep: all three branches, always."""
        rows = [
            *(b.full for b in self.branches), *(b.partial or b.blank for b in self.branches),
            *(b.blank for b in self.branches),
        ]  # fmt: skip
        return (
            self.noise,
            [list(r.latents) for r in rows],
            [r.span.states for r in rows],
            [r.span.is_image for r in rows],
            [[(1, *g) for g in r.span.images] for r in rows],
        )


def make_work(joint: int, pixels: int, count: int, *, edit: bool, device: str = "cpu",
              dtype: torch.dtype = torch.float32) -> Work:  # fmt: skip
    """Random work: `count` squares of `pixels`, each with a condition image when editing."""
    source = torch.Generator().manual_seed(0)
    side = pixels // 8

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source).to(device, dtype)

    def span(words: int, visual: bool) -> Span:
        image = VISUAL**2 if visual else 0
        flags = torch.zeros(words + image, dtype=torch.bool)
        flags[4 : 4 + image] = True
        return Span(
            states=draw(words + image, joint), is_image=flags,
            images=((VISUAL, VISUAL),) if visual else (),
        )  # fmt: skip

    branches = []
    for _ in range(count):
        latents = (draw(16, side, side),) if edit else ()
        branches.append(
            Branches(
                full=Condition(span=span(WORDS, edit), latents=latents),
                partial=Condition(span=span(24, True), latents=latents) if edit else None,
                blank=Condition(span=span(29, False)),
            )
        )
    return Work(noise=[draw(16, side, side).float() for _ in range(count)], branches=branches)


def make_pair(config: dict[str, Any], device: str = "cpu", dtype: torch.dtype = torch.float32
              ) -> tuple[NaiveDecoder, GenerationDecoder]:  # fmt: skip
    """Both formulations over the same random weights, which exist once."""
    tensors = {k: t.to(device, dtype) for k, t in random_tensors(config, 0).items()}
    with torch.device("meta"):
        decoder = GenerationDecoder(DecoderConfig.read(config, "bench"))
    decoder.load_state_dict(tensors, assign=True)
    return NaiveDecoder(config, tensors), decoder.eval().requires_grad_(False)


def one_step(decoder: GenerationDecoder, work: Work, steps: int = 1) -> list[Tensor]:
    """Latents after a whole generation of `steps` steps."""
    return sample(decoder, make_scheduler(SCHEDULER, steps), work.noise, work.branches, PLAIN)


def naive_steps(naive: NaiveDecoder, work: Work, steps: int = 1) -> list[Tensor]:
    """The same by the naive formulation."""
    from tests.performance.naive_sampling import sample as naive_sample

    noise, *rows = work.naive()
    return naive_sample(
        naive, noise, *rows, steps=steps, all_scale=PLAIN.guidance_scale,
        part_scale=PLAIN.image_guidance_scale,
    )  # fmt: skip


def seconds(call: Callable[[], object], times: int = TIMES) -> float:
    """Median of several runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


@torch.no_grad()
def step_row(naive: NaiveDecoder, ours: GenerationDecoder, *, edit: bool) -> dict[str, str]:
    """One step of one image of 512 px, both ways in turn."""
    work = make_work(1024, 512, 1, edit=edit)
    pairs = zip(naive_steps(naive, work), one_step(ours, work), strict=True)
    worst = max(float((a - b).abs().max()) for a, b in pairs)
    if worst > 1e-3:
        raise RuntimeError(f"the two formulations differ by {worst}")
    slow, fast = [], []
    for _ in range(TIMES):
        slow.append(seconds(lambda: naive_steps(naive, work), 1))
        fast.append(seconds(lambda: one_step(ours, work), 1))
    before, after = statistics.median(slow), statistics.median(fast)
    what = "edit, one condition image" if edit else "text to image"
    return {
        "what": f"decoder step, {what}, 512 px, float32, 94 M parameters",
        "naive": f"{before:.2f} s", "ours": f"{after:.2f} s", "ratio": f"{before / after:.2f}",
        "aim": "1.6",
    }  # fmt: skip


@torch.no_grad()
def linear_rows(ours: GenerationDecoder) -> list[dict[str, str]]:
    """Time of a generation against its number of steps and images, at 256 px."""
    one, two = (make_work(1024, 256, n, edit=False) for n in (1, 4))
    base, steps, batch = [], [], []
    for _ in range(TIMES):
        base.append(seconds(lambda: one_step(ours, one, 4), 1))
        steps.append(seconds(lambda: one_step(ours, one, 16), 1))
        batch.append(seconds(lambda: one_step(ours, two, 4), 1))
    start = statistics.median(base)
    return [
        {"what": f"generation time, 4 times the {what}", "naive": f"{4 * start:.2f} s (linear)",
         "ours": f"{statistics.median(times):.2f} s",
         "ratio": f"{statistics.median(times) / (4 * start):.2f}", "aim": "1.10 at most"}
        for what, times in (("steps", steps), ("images", batch))
    ]  # fmt: skip


def peak(side: str) -> float:
    """Peak memory in MB of one edit step in a process of its own."""
    words = [sys.executable, "-m", "tests.performance.model", side]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["peak_mb"])


def measure() -> list[dict[str, str]]:
    """All rows on the CPU."""
    naive, ours = make_pair(MIDDLE)
    rows = [step_row(naive, ours, edit=False), step_row(naive, ours, edit=True)]
    rows += linear_rows(ours)
    before, after = peak("naive"), peak("ours")
    rows.append(
        {"what": "peak memory of an edit step, whole process", "naive": f"{before:.0f} MB",
         "ours": f"{after:.0f} MB", "ratio": f"{before / after:.2f}", "aim": "1 or more"}
    )  # fmt: skip
    return rows


@torch.no_grad()
def _alone(side: str) -> None:
    naive, ours = make_pair(MIDDLE)
    work = make_work(1024, 512, 1, edit=True)
    # Drawing the weights takes more than a step: the peak is counted from here (Linux).
    Path("/proc/self/clear_refs").write_text("5")
    if side == "naive":
        naive_steps(naive, work)
    else:
        one_step(ours, work)
    status = Path("/proc/self/status").read_text()
    print(json.dumps({"peak_mb": int(status.split("VmHWM:")[1].split()[0]) / 1024}))


if __name__ == "__main__":
    _alone(sys.argv[1])
