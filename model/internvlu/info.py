"""What a checkpoint is made of, what it lacks, and what it needs, without reading its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from model.internvlu import checkpoint, loading
from model.internvlu.conditioning import find_tokens
from model.internvlu.config import ModelConfig
from model.internvlu.images import ResizeRule
from model.internvlu.vlm import TIED, renames

Shapes = Mapping[str, tuple[int, ...]]

PARTS: tuple[tuple[str, str, str], ...] = (
    ("vision encoder", "vlm", "vision_model."),
    ("projector", "vlm", "mlp1."),
    ("special token embeddings", "vlm", "special_token_embedding."),
    ("language model", "vlm", "language_model."),
    ("generation decoder", "generation_decoder", ""),
    ("VAE", "vae", ""),
)
"""Name for people, component, and how the keys of its tensors begin."""

DTYPES: Mapping[str, tuple[str, int]] = {
    "F64": ("float64", 8), "F32": ("float32", 4), "BF16": ("bfloat16", 2), "F16": ("float16", 2),
    "F8_E4M3": ("float8_e4m3", 1), "F8_E5M2": ("float8_e5m2", 1), "I64": ("int64", 8),
    "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1), "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}  # fmt: skip
"""Names of safetensors -> ours, and bytes of a number."""

HALF = 2
"""Bytes of a number in bfloat16."""

PROMPT = 256
"""Tokens of text that the estimate of memory takes a request to have."""

MEMORY_RULE = (
    f"Estimate: weights at {HALF} bytes, plus what the largest of three stages computes with:",
    "  language model  2 bytes x rows x tokens x (width x (layers + 1) + 3 x inner width)",
    "  decoder         2 bytes x 20 x tokens of all guidance branches x width",
    "  VAE             2 bytes x pixels x (7 x base width + inputs that its convolutions keep)",
    f"A request has {PROMPT} tokens of text, an edit one image of the size of the result. With",
    "--offload only the weights of one stage count. What the driver takes comes on top.",
)
"""How the memory is estimated, in lines for people."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the model.

    Attributes:
        parameters: that the configuration asks for.
        dtype: on disk; several where they are mixed, empty where there are no weights.
        bytes: on disk, of its tensors.
    """

    name: str
    parameters: int
    dtype: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Keys:
    """How the weights of a component fit its configuration.

    Attributes:
        component: of the layout.
        tensors: how many there should be.
        report: what differs; None when the weights cannot be read at all.
        error: why they cannot.
    """

    component: str
    tensors: int
    report: checkpoint.KeyReport | None = None
    error: str = ""

    @property
    def problem(self) -> str:
        """One sentence; empty when all is well."""
        if self.report is None:
            return self.error
        return "" if self.report.fits else f"{self.report}."


@dataclass(frozen=True, kw_only=True)
class Memory:
    """An estimate of what one image takes on an accelerator in bfloat16, in bytes.

    Attributes:
        task: ``generate``, or ``edit`` of one image.
        side: of the image in pixels; it is square.
        resident: with all weights there.
        offload: with one component there at a time.
    """

    task: str
    side: int
    resident: int
    offload: int


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What a checkpoint holds.

    Attributes:
        parts: see `Part`.
        keys: of the components that have weights.
        tokenizer: what is wrong with the tokenizer; empty when nothing is.
        sizes: name -> value of what decides how the model can be used.
        memory: estimates.
    """

    parts: tuple[Part, ...]
    keys: tuple[Keys, ...]
    tokenizer: str
    sizes: Mapping[str, Any]
    memory: tuple[Memory, ...]

    @property
    def parameters(self) -> int:
        """Of all parts."""
        return sum(p.parameters for p in self.parts)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the checkpoint cannot be used, one sentence each; empty when it can."""
        return tuple(p for p in (*(k.problem for k in self.keys), self.tokenizer) if p)


def inventory(folder: Path) -> Inventory:
    """Look at a checkpoint: its configuration and the headers of its weights.

    Args:
        folder: in the official layout; weights and tokenizer may be absent.

    Raises:
        UserError: its configuration cannot be used.
    """
    config = ModelConfig.read(folder)
    modules, vae = _wanted(config, str(folder))
    components = {n: _component(folder / n, shapes, config) for n, shapes in modules.items()}
    return Inventory(
        parts=tuple(_part(title, components[name], prefix) for title, name, prefix in PARTS),
        keys=tuple(c.keys for c in components.values()),
        tokenizer=_tokenizer_problem(folder / "processor", config),
        sizes=_sizes(config),
        memory=tuple(
            _memory(
                dataclasses.replace(config, vae=dict(vae)),
                {name: _count(c.wanted) for name, c in components.items()},
            )
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Component:
    """Tensors by their key on disk.

    Attributes:
        wanted: those that the configuration asks for.
        found: those in the files, with their dtype.
        keys: how the two fit.
    """

    wanted: Shapes
    found: Mapping[str, tuple[tuple[int, ...], str]]
    keys: Keys


def _component(folder: Path, wanted: Shapes, config: ModelConfig) -> _Component:
    try:
        found = checkpoint.shapes(folder)
    except UserError as error:
        tied = config.vlm.text["tie_word_embeddings"]
        wanted = _without(wanted, TIED if tied else ())
        keys = Keys(component=folder.name, tensors=len(wanted), error=str(error))
        return _Component(wanted=wanted, found={}, keys=keys)
    wanted = _without(wanted, [k for k in TIED if k not in found])
    report = checkpoint.compare(folder.name, {k: s for k, (s, _) in found.items()}, wanted)
    keys = Keys(component=folder.name, tensors=len(wanted), report=report)
    return _Component(wanted=wanted, found=found, keys=keys)


def _without(shapes: Shapes, absent: Sequence[str]) -> Shapes:
    return {k: s for k, s in shapes.items() if k not in absent}


class _NoTokenizer:
    """What modules are built with to see their shapes, which do not depend on any id."""

    unk_token_id = None
    eos_token_id = pad_token_id = 0

    def convert_tokens_to_ids(self, words: Sequence[str]) -> list[int]:
        return [0] * len(words)


def _wanted(config: ModelConfig, where: str) -> tuple[dict[str, Shapes], Mapping[str, Any]]:
    """Component -> key on disk -> shape; and the VAE's configuration, defaults included."""
    modules = dict(zip(loading.MODULES, loading.build(config, _NoTokenizer(), where), strict=True))
    own = {n: {k: tuple(v.shape) for k, v in m.state_dict().items()} for n, m in modules.items()}
    vlm = checkpoint.on_disk(own["vlm"], renames(modules["vlm"]))
    return {**own, "vlm": vlm}, modules["vae"].config


def _count(shapes: Shapes) -> int:
    return sum(prod(s) for s in shapes.values())


def _part(name: str, component: _Component, prefix: str) -> Part:
    wanted = {k: s for k, s in component.wanted.items() if k.startswith(prefix)}
    found = [v for k, v in component.found.items() if k.startswith(prefix)]
    kinds = [(DTYPES.get(kind, (kind, 0)), shape) for shape, kind in found]
    return Part(
        name=name,
        parameters=_count(wanted),
        dtype=", ".join(sorted({name for (name, _), _ in kinds})),
        bytes=sum(size * prod(shape) for (_, size), shape in kinds),
    )


def _tokenizer_problem(folder: Path, config: ModelConfig) -> str:
    try:
        tokenizer = loading.load_tokenizer(folder)
        find_tokens(tokenizer, str(folder))
    except UserError as error:
        return str(error)
    rows = config.vlm.llm.get("vocab_size", 0)
    if len(tokenizer) > rows:
        return (
            f"The tokenizer in {folder} has {len(tokenizer)} tokens, but the language model has "
            f"embeddings for {rows}; they are of different checkpoints."
        )
    return ""


def _sizes(config: ModelConfig) -> dict[str, Any]:
    """What decides how the model can be used; pixels unless the name says otherwise."""
    rule, decoder, llm = ResizeRule.of(config.processor), config.decoder, config.vlm.llm
    return {
        "image_read": [config.vlm.image_size, config.vlm.image_size],
        "tokens_per_image": config.vlm.tokens_per_image,
        "image_made": [decoder.gen_image_height, decoder.gen_image_width],
        "image_made_multiple": rule.factor,
        "condition_area": [rule.least, rule.most],
        "condition_longest_side": rule.side,
        "context_tokens": llm.get("max_position_embeddings"),
        "vocabulary_tokens": llm.get("vocab_size"),
        "vision_layers": config.vlm.vision.num_hidden_layers,
        "language_layers": llm.get("num_hidden_layers"),
        "decoder_layers": decoder.transformer.num_layers,
        "select_layers": list(decoder.vlm_select_layer),
        "flow_shift": config.scheduler.get("flow_shift"),
    }


# --- memory -------------------------------------------------------------------------------------


def _memory(config: ModelConfig, parameters: Mapping[str, int]) -> Iterator[Memory]:
    weights = {name: HALF * count for name, count in parameters.items()}
    for task, images in (("generate", 0), ("edit", 1)):
        for side in (512, 1024):
            stages = activations(config, side, images)
            yield Memory(
                task=task,
                side=side,
                resident=sum(weights.values()) + max(stages.values()),
                offload=max(weights[name] + stages[name] for name in weights),
            )


def activations(
    config: ModelConfig, side: int, images: int, *, itemsize: int = HALF
) -> dict[str, int]:  # fmt: skip
    """Component -> bytes that are alive at once while it makes one square image; see `MEMORY_RULE`.

    The 20 of the decoder and the 7 of the VAE are what their code holds at its widest point, in
    tensors of one token's or one pixel's width; the tests count them.

    Args:
        config: of the checkpoint, the VAE's with its defaults.
        side: of the image in pixels.
        images: condition images of the same size.
        itemsize: bytes of a number.
    """
    llm, net = config.vlm.llm, config.decoder.transformer
    text = [PROMPT + images * config.vlm.tokens_per_image] * (2 if images else 1) + [PROMPT]
    hidden, inner = int(llm["hidden_size"]), int(llm["intermediate_size"])
    states = hidden * (int(llm["num_hidden_layers"]) + 1) + 3 * inner
    target = (side // config.decoder.vae_downsample_factor // net.patch_size) ** 2
    # The branches of guidance: all but the blank one see the condition images.
    tokens = sum(text) + target * (len(text) + images * (len(text) - 1))
    return {
        "vlm": itemsize * sum(text) * states,
        "generation_decoder": itemsize * 20 * tokens * net.width,
        "vae": round(itemsize * side**2 * _vae_width(config.vae)),
    }


def _vae_width(vae: Mapping[str, Any]) -> float:
    """Numbers per pixel that the VAE holds at its widest point, the end of decoding."""
    base, convolutions = vae["base_dim"], 2 * (vae["num_res_blocks"] + 1)
    kept = sum(convolutions * mult / 4**level for level, mult in enumerate(vae["dim_mult"]))
    return base * (7 + kept)
