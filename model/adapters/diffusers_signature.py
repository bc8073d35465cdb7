"""What a diffusers pipeline can do, read from the signature of its `__call__`.

A class says which arguments it takes, and those say what it can be used for. What a signature
cannot say is a row of `QUIRKS`, and `BATCHED` lists the classes whose prompts may share a call.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.core.errors import UserError
from evals.core.types import JSON, Task

IMAGES = ("image", "images", "input_images")
"""How a parameter is called that takes the images to be edited. Others (``ip_adapter_image``,
``control_image``) steer a generation."""


@dataclass(frozen=True, kw_only=True)
class Quirk:
    """What the signature of a class does not say.

    Attributes:
        several: its image parameter takes all images of one sample, as a list.
        edits: its image parameter takes the images to be edited.
        follows_input: without a size it makes an image of the shape of its input.
        multiple: sizes have to be multiples of this many pixels.
        side: of a generated image in pixels, for a class that has no size of its own.
        edit: further arguments of an edit that has no size of its own.
        mark: what the prompt has to say of each image, numbered from 1.
    """

    several: bool = False
    edits: bool = True
    follows_input: bool = True
    multiple: int = 16
    side: int | None = None
    edit: Mapping[str, JSON] = field(default_factory=dict)
    mark: str = ""


QUIRKS: Mapping[str, Quirk] = {
    "FluxKontextPipeline": Quirk(follows_input=False),
    "GlmImagePipeline": Quirk(several=True, follows_input=False, multiple=32, side=1024),
    "OmniGenPipeline": Quirk(
        several=True,
        edit={"use_input_image_size_as_output": True},
        mark="<img><|image_{}|></img>",
    ),
    "QwenImage21Pipeline": Quirk(several=True),
    "QwenImageEditPlusPipeline": Quirk(several=True),
    "StableCascadeCombinedPipeline": Quirk(edits=False),
    "StableDiffusionXLInstructPix2PixPipeline": Quirk(follows_input=False, multiple=8),
    "UniDiffuserPipeline": Quirk(edits=False),
    "VersatileDiffusionDualGuidedPipeline": Quirk(edits=False),
}

BATCHED = frozenset({
    "FluxPipeline", "LatentConsistencyModelPipeline", "PixArtAlphaPipeline", "PixArtSigmaPipeline",
    "SanaPipeline", "StableDiffusion3Pipeline", "StableDiffusionPipeline",
    "StableDiffusionXLPipeline",
})  # fmt: skip
"""Classes that pad every prompt to the same length, so that a sample's image does not depend on the
prompts it shares a call with. All others are called with one sample at a time."""

_REFUSED: tuple[tuple[str, frozenset[str], tuple[str, ...]], ...] = (
    (
        "makes video",
        frozenset({"num_frames", "num_videos_per_prompt", "video", "video_length", "frame_size"}),
        ("Video",),
    ),
    (
        "makes sound",
        frozenset({"num_waveforms_per_prompt", "audio_duration", "audio_duration_s"}),
        ("Audio", "Music"),
    ),
    ("writes text", frozenset({"gen_length"}), ()),
    (
        "fills a masked region, and samples have no masks",
        frozenset({"mask_image", "control_mask", "user_mask"}),
        ("Inpaint",),
    ),
    (
        "follows a control image, which samples do not have",
        frozenset({
            "control_image", "controlnet_conditioning_scale", "adapter_conditioning_scale",
            "depth_map", "hint",
        }),
        ("ControlNet",),
    ),
    (
        "redraws an image from a description of the result, where samples hold instructions",
        frozenset({"strength"}),
        ("Img2Img",),
    ),
    ("enlarges or refines an image", frozenset(), ("Upscale", "SuperResolution", "Refiner")),
    ("takes an image apart into layers", frozenset({"layers"}), ()),
    ("is one half of a model", frozenset(), ("Prior", "Decoder")),
    ("is not run by torch", frozenset(), ("Onnx", "Flax")),
    (
        "takes prompts in a form of JSON that another model has to write",
        frozenset(),
        ("BriaFiboEdit",),
    ),
)  # fmt: skip
"""Why a class cannot be used here, by a parameter of its call or by a part of its name."""

_EDIT_ONLY = ("Edit", "Pix2Pix", "I2I")
"""Parts of the names of classes whose image has the default None, and is needed all the same."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What the call of a pipeline class takes.

    Attributes:
        name: of the class.
        parameters: name -> default; `inspect.Parameter.empty` for those without one.
        image: the parameter of the images to be edited; empty when it takes none.
        tasks: what it can do.
        quirk: what the signature does not say.
    """

    name: str
    parameters: Mapping[str, Any]
    image: str
    tasks: frozenset[Task]
    quirk: Quirk

    @property
    def batched(self) -> bool:
        """Whether several samples may share a call."""
        return self.name in BATCHED

    @property
    def sized(self) -> bool:
        """Whether the call takes the size of the result."""
        return "height" in self.parameters and "width" in self.parameters

    def first(self, *names: str) -> str:
        """The first of these parameters that there is; empty when there is none."""
        return next((n for n in names if n in self.parameters), "")

    def prompt(self, text: str, images: int) -> str:
        """A sample's prompt as the pipeline wants it for so many input images."""
        marks = [self.quirk.mark.format(n + 1) for n in range(images)] if self.quirk.mark else []
        return " ".join([*(m for m in marks if m not in text), text])


def read_signature(kind: type) -> Signature:
    """The signature of a pipeline class.

    Raises:
        UserError: the class cannot make or edit an image from what samples hold.
    """
    name = kind.__name__
    call = [p for p in inspect.signature(kind.__call__).parameters.values() if p.name != "self"]
    named = [p for p in call if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    parameters = {p.name: p.default for p in named}
    quirk = QUIRKS.get(name, Quirk())
    image = next((p for p in named if p.name in IMAGES), None) if quirk.edits else None
    reason = _refusal(name, parameters, image.name if image else "")
    if reason:
        raise UserError(
            f"{name} {reason}; name a checkpoint that makes an image from a prompt, or edits one "
            "as a prompt says."
        )
    tasks: frozenset[Task] = frozenset({"generate"})
    if image is not None:
        needed = image.default is image.empty or any(word in name for word in _EDIT_ONLY)
        tasks = frozenset({"edit"}) if needed else frozenset({"edit", "generate"})
        if name not in QUIRKS:
            quirk = Quirk(several=_takes_list(str(image.annotation)))
    return Signature(
        name=name,
        parameters=parameters,
        image=image.name if image else "",
        tasks=tasks,
        quirk=quirk,
    )


def _refusal(name: str, parameters: Mapping[str, Any], image: str) -> str:
    """Why a class cannot be used; empty when it can."""
    for reason, taken, words in _REFUSED:
        if taken & set(parameters) or any(word in name for word in words):
            return reason
    if "prompt" not in parameters:
        return "takes no prompt"
    if "generator" not in parameters:
        return "takes no generator, so that nothing it makes could be made again"
    if parameters.get("output_type", "pil") != "pil":
        return "does not make images"
    needs = [n for n, default in parameters.items() if default is inspect.Parameter.empty]
    if others := [n for n in needs if n not in {"prompt", "generator", image}]:
        return f"needs {' and '.join(others)}, which samples do not have"
    return ""


def _takes_list(annotation: str) -> bool:
    """Whether an image parameter takes all images of one sample as a list.

    ``PipelineImageInput``, which names arrays too, is diffusers' word for a batch of images.
    """
    text = annotation.lower()
    return "list[" in text and "ndarray" not in text and "pipelineimageinput" not in text
