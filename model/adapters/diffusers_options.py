"""Options of the adapter for diffusers, and which arguments of a call they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.core.errors import UserError
from model.adapters.diffusers_signature import Signature
from model.adapters.options import option
from model.torch_tools import DTYPES

NAME = "diffusers"
PASSED: Mapping[str, tuple[str, ...]] = {
    "steps": ("num_inference_steps",),
    "guidance_scale": ("guidance_scale",),
    "true_cfg_scale": ("true_cfg_scale",),
    "image_guidance_scale": ("image_guidance_scale", "img_guidance_scale"),
    "negative_prompt": ("negative_prompt",),
    "height": ("height",),
    "width": ("width",),
}
"""Options that are handed to the call, and what pipelines name them."""

OURS = frozenset({
    "prompt", "generator", "latents", "output_type", "return_dict", "num_images_per_prompt",
    "callback", "callback_steps", "callback_on_step_end", "callback_on_step_end_tensor_inputs",
})  # fmt: skip
"""Arguments that the adapter decides, or that make no sense here."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user may choose; see `option` for how they are read."""

    steps: int | None = option(None, "denoising steps; the pipeline's own when not given", least=1)
    guidance_scale: float | None = option(None, "how closely the prompt is followed", least=0)
    true_cfg_scale: float | None = option(
        None, "the same of a guidance-distilled model; needs a negative_prompt", least=0
    )
    image_guidance_scale: float | None = option(
        None, "how closely the input image is followed", least=0
    )
    negative_prompt: str | None = option(None, "what the image should not show")
    height: int | None = option(None, "of the result in pixels; together with width", least=8)
    width: int | None = option(None, "of the result in pixels; together with height", least=8)
    edit_size: str = option(
        "auto", "of an edit: the pipeline's choice or the input's size", choices=("auto", "input")
    )
    max_pixels: int | None = option(
        None, "input images with more pixels are scaled down to this many", least=4096
    )
    call: dict[str, Any] | None = option(None, "further keyword arguments of the pipeline's call")
    batch_size: int = option(1, "samples a call, where the class allows it", least=1)
    dtype: str = option("auto", "of the weights", choices=DTYPES)
    device: str = option("auto", "torch device; auto is the first accelerator, else the CPU")
    offload: str = option(
        "none", "what waits in main memory for its turn", choices=("none", "model", "sequential")
    )
    variant: str | None = option(None, "of the weight files, e.g. fp16")
    trust_remote_code: bool = option(False, "run Python code that the checkpoint brings with it")


def given_arguments(signature: Signature, options: Options) -> dict[str, Any]:
    """Keyword arguments of the call that the user chose, under the names that the class gives them.

    Raises:
        UserError: the class does not take one, or two of them contradict each other.
    """
    found: dict[str, Any] = {}
    for name, parameters in PASSED.items():
        value = getattr(options, name)
        if value is None:
            continue
        parameter = signature.first(*parameters)
        if not parameter:
            takes = [n for n, known in PASSED.items() if signature.first(*known)]
            raise UserError(
                f"{signature.name} does not take the option {name}; of these options it takes "
                f"{', '.join(takes) or 'none'}."
            )
        found[parameter] = value
    if ("height" in found) != ("width" in found):
        raise UserError("The options height and width belong together; give both or neither.")
    _check_guidance(signature, found)
    _check_edits(signature, options, found)
    if options.batch_size > 1 and not signature.batched:
        raise UserError(
            f"{signature.name} is called with one sample at a time, because in a batch its images "
            "could depend on each other; leave batch_size at 1."
        )
    return found | _further(signature, options.call or {})


def _check_guidance(signature: Signature, found: Mapping[str, Any]) -> None:
    """Refuse half of a pair that works only as a pair."""
    if "true_cfg_scale" not in signature.parameters:
        return
    scale = found.get("true_cfg_scale", signature.parameters["true_cfg_scale"])
    if not isinstance(scale, int | float):
        return
    if found.get("true_cfg_scale", 0) > 1 and "negative_prompt" not in found:
        raise UserError(
            f"{signature.name} ignores true_cfg_scale without a negative prompt; set the option "
            'negative_prompt as well, to " " if need be.'
        )
    if "negative_prompt" in found and scale <= 1:
        raise UserError(
            f"{signature.name} ignores negative_prompt while true_cfg_scale is {scale:g}; set the "
            "option true_cfg_scale above 1."
        )


def _check_edits(signature: Signature, options: Options, found: Mapping[str, Any]) -> None:
    """Refuse options for input images where there is nothing for them to do."""
    for name in ("edit_size", "max_pixels"):
        if getattr(options, name) not in {None, "auto"} and "edit" not in signature.tasks:
            raise UserError(f"{signature.name} takes no images; leave the option {name} out.")
    if options.edit_size == "input" and ("height" in found or not signature.sized):
        reason = "height and width say" if "height" in found else f"{signature.name} decides on"
        raise UserError(f"The option edit_size has no meaning where {reason} the size; drop it.")


def _further(signature: Signature, call: Mapping[str, Any]) -> dict[str, Any]:
    """The option `call`, checked by name."""
    by_option = {p: name for name, known in PASSED.items() for p in known}
    for name in call:
        if name in by_option:
            raise UserError(f"Use the option {by_option[name]} in place of {name!r} in call.")
        if name in OURS or name == signature.image:
            raise UserError(f"The option call cannot set {name!r}; the adapter does.")
        if name not in signature.parameters:
            names = sorted(set(signature.parameters) - OURS - set(by_option) - {signature.image})
            raise UserError(
                f"The option call holds {name!r}, which {signature.name} does not take; it takes "
                f"{', '.join(names)}."
            )
    return dict(call)
