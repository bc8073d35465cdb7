"""A recorded call of the pipeline: its arguments, as our pipeline takes them, and its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from PIL import Image
from torch import Tensor

from evals.core.errors import UserError
from model.internvlu.decoder import Condition, Span
from model.internvlu.guidance import Scales, choose
from model.internvlu.pipeline import REASONING_TOKENS, STEPS, InternVLUPipeline, Picture
from model.internvlu.verify.checks import Checks, Row
from model.internvlu.verify.recorded import Fixture, Tensors
from model.internvlu.verify.velocity import cropped
from model.internvlu.vlm import Sampling

RESULTS = frozenset({
    "decoded_range", "decoded_saturated_fraction", "generated_text", "prompt_attended_tokens",
    "prompts_decoded", "step0_delta_norms", "steps", "timesteps",
})  # fmt: skip
"""What stands beside the arguments in ``runs.json``; all of it follows from recorded tensors."""

TEXT, IMAGE, REASONING = "text", "image", "text_image"
"""``generation_mode``: an answer, an image, an image after reasoning in words."""

_READ = frozenset({
    "all_cfg_scale", "generation_mode", "height", "image", "max_new_tokens", "min_new_tokens",
    "num_beams", "num_inference_steps", "part_cfg_scale", "prompt", "seed", "system_prompt",
    "width",
})  # fmt: skip
_WITHOUT_EFFECT: Mapping[str, Any] = {
    "do_sample": False, "num_images_per_prompt": 1, "output_hidden_states": None,
    "return_dict_in_generate": None,
}  # fmt: skip
"""Arguments that change nothing: with this value, or with any where it is None."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """One call.

    Attributes:
        prompts: of each sample.
        images: names of the condition images of each sample.
        size: height and width asked for, in pixels.
        steps: of the solver.
        scales: of guidance.
        mode: `TEXT`, `IMAGE` or `REASONING`.
        sampling: how text is decoded.
        seeds: one number for one stream, or one per sample.
        system: in place of the official system text.
        odd: names of arguments that our pipeline cannot repeat.
        results: what stands beside the arguments, see `RESULTS`.
    """

    prompts: tuple[str, ...]
    images: tuple[tuple[str, ...], ...]
    size: tuple[int, int]
    steps: int
    scales: Scales
    mode: str
    sampling: Sampling
    seeds: int | list[int]
    system: str | None
    odd: tuple[str, ...]
    results: Mapping[str, Any]

    @classmethod
    def read(cls, raw: Mapping[str, Any], pipe: InternVLUPipeline) -> Arguments:
        """An entry of ``runs.json``; what it leaves out has the official default.

        Raises:
            UserError: the mode is not known, or images and prompts do not go together.
        """
        mode = raw["generation_mode"]
        known = TEXT, IMAGE, REASONING
        if mode not in known:
            raise UserError(f"generation_mode {mode!r} is none of {', '.join(known)}.")
        given = {k: v for k, v in raw.items() if v is not None}
        prompts = [raw["prompt"]] if isinstance(raw["prompt"], str) else list(raw["prompt"])
        return cls(
            prompts=tuple(prompts),
            images=_images(given.get("image"), len(prompts)),
            size=(
                given.get("height", pipe.default_size[0]),
                given.get("width", pipe.default_size[1]),
            ),
            steps=given.get("num_inference_steps", STEPS),
            scales=choose(
                given.get("all_cfg_scale"), given.get("part_cfg_scale"), think=mode == REASONING
            ),
            mode=mode,
            sampling=Sampling(
                max_new_tokens=given.get("max_new_tokens", REASONING_TOKENS),
                min_new_tokens=given.get("min_new_tokens", 0),
                num_beams=given.get("num_beams", 1),
            ),
            seeds=given.get("seed", 0) if mode == TEXT else raw["seed"],
            system=given.get("system_prompt"),
            odd=tuple(sorted(k for k, v in given.items() if _is_odd(k, v))),
            results={k: v for k, v in given.items() if k in RESULTS},
        )

    def call(self, pipe: InternVLUPipeline, inputs: Mapping[str, Image.Image]) -> list[Picture]:
        """Make the call with our pipeline."""
        return pipe.make(
            self.prompts, self.pictures(inputs), [self.size] * len(self.prompts), steps=self.steps,
            scales=self.scales, seeds=self.seeds, think=self.mode == REASONING,
            sampling=self.sampling, system=self.system,
        )  # fmt: skip

    def pictures(self, inputs: Mapping[str, Image.Image]) -> list[list[Image.Image]]:
        """Condition images of each sample.

        Raises:
            UserError: one of them is not recorded.
        """
        absent = sorted({n for some in self.images for n in some} - inputs.keys())
        if absent:
            raise UserError(f"The input image {absent[0]!r} is not recorded.")
        return [[inputs[name] for name in some] for some in self.images]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One recorded call, and where its rows go.

    Attributes:
        arguments: None where they are not recorded.
    """

    name: str
    fixture: Fixture
    checks: Checks
    data: Tensors
    arguments: Arguments | None

    def row(self, what: str, tolerance: float = 0.0) -> AbstractContextManager[Row]:
        """See `Checks.row`."""
        return self.checks.row("run", self.name, what, tolerance)

    def attended(self) -> list[Tensor]:
        """Ids of each row of the language model, without padding."""
        ids, mask = self.data["vlm.input_ids"], self.data["vlm.attention_mask"].bool()
        return [i[m] for i, m in zip(ids, mask, strict=True)]

    def conditions(self) -> list[Condition]:
        """What each row of the decoder was conditioned on."""
        found = []
        for n in range(len(self.data["vlm.input_ids"])):
            key = f"cond.{n}"
            latents: list[Tensor] = []
            if f"{key}.latents" in self.data:
                grids = self.data[f"{key}.image_grid_thw_gen_cond"]
                latents = cropped(self.data[f"{key}.latents"], grids)
            seen = self.data[f"{key}.image_fhw_cond"].tolist()
            span = Span(
                states=self.data[f"{key}.encoder_hidden_states"],
                is_image=self.data[f"{key}.encoder_image_token_mask"],
                images=tuple((rows, columns) for _, rows, columns in seen),
            )
            found.append(Condition(span=span, latents=tuple(latents)))
        return found


def _is_odd(name: str, value: Any) -> bool:
    if name in _WITHOUT_EFFECT:
        return _WITHOUT_EFFECT[name] not in (None, value)
    return name not in _READ | RESULTS


def _images(given: Any, count: int) -> tuple[tuple[str, ...], ...]:
    """Names per prompt, of one name, one per prompt (or None), or several per prompt."""
    listed: Sequence[Any] = given if isinstance(given, list) else [given]
    if given is None:
        listed = [None] * count
    if len(listed) != count:
        raise UserError(f"{len(listed)} images are recorded for {count} prompts.")
    return tuple(
        () if one is None else (one,) if isinstance(one, str) else tuple(one) for one in listed
    )
