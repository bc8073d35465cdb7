"""The configuration of a checkpoint, read from the official JSON files and written back as it was.

Layout (OpenGVLab/InternVL-U at 018a59c): ``model_index.json`` and one folder each for ``vlm``,
``generation_decoder``, ``vae``, ``scheduler`` and ``processor``. Every class here names the keys
that we read; the rest is kept in `raw` and survives a round trip.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from evals.core.errors import UserError
from model.internvlu.consistency import check_consistency

INDEX = "model_index.json"
COMPONENTS: Mapping[str, str] = {
    "vlm": "InternVLUChatModel",
    "generation_decoder": "InternVLUGenerationDecoder",
    "vae": "AutoencoderKLQwenImage",
    "scheduler": "DPMSolverMultistepScheduler",
    "processor": "InternVLUProcessor",
}
"""Component -> the class that ``model_index.json`` names for it; others are refused."""

FILES: Mapping[str, str] = {
    "vlm": "config.json",
    "generation_decoder": "config.json",
    "vae": "config.json",
    "scheduler": "scheduler_config.json",
    "processor": "processor_config.json",
}
LANGUAGE_MODELS: Mapping[str, tuple[str, str]] = {
    "Qwen3ForCausalLM": ("Qwen3Config", "Qwen3ForCausalLM"),
    "Qwen2ForCausalLM": ("Qwen2Config", "Qwen2ForCausalLM"),
    "LlamaForCausalLM": ("LlamaConfig", "LlamaForCausalLM"),
    "Qwen3MoeForCausalLM": ("Qwen3MoeConfig", "Qwen3MoeForCausalLM"),
}
"""``llm_config.architectures[0]`` -> configuration and model class in transformers."""

Raw = dict[str, Any]
T = TypeVar("T", bound="_Read")


@dataclass(frozen=True, kw_only=True)
class _Read:
    """Values of a JSON object; `raw` is the whole object."""

    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls: type[T], raw: Raw, where: str) -> T:
        """The known keys of `raw`, with the official defaults for the others.

        Raises:
            UserError: a value has another type than its default.
        """
        values: Raw = {}
        for f in dataclasses.fields(cls):
            if f.name == "raw" or f.name not in raw or raw[f.name] is None:
                continue
            value = raw[f.name]
            known = isinstance(f.default, bool | int | float | str | tuple)
            kind = type(f.default) if known else dict if f.default_factory is dict else None
            values[f.name] = _as(kind, value, f"{where}: {f.name}")
        return cls(raw=raw, **values)


def _object(raw: Raw, name: str, where: str) -> Raw:
    value = raw.get(name)
    if not isinstance(value, dict):
        raise UserError(f"{where}: {name} is {value!r} and must be an object; mend the file.")
    return value


def _as(kind: type | None, value: Any, where: str) -> Any:
    if kind is None or kind is type(value):
        return value
    whole = isinstance(value, list) and all(type(x) is int for x in value)
    if kind is tuple and whole:
        return tuple(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # A longer integer has no float.
    if number and abs(value) < 1e300:
        if kind is float:
            return float(value)
        if kind is int and float(value).is_integer():
            return int(value)
    raise UserError(f"{where} is {value!r}, which is not of type {kind.__name__}; mend the file.")


@dataclass(frozen=True, kw_only=True)
class VisionConfig(_Read):
    """``vlm/config.json`` at ``vision_config``: an InternViT."""

    num_channels: int = 3
    patch_size: int = 14
    image_size: int = 224
    qkv_bias: bool = False
    hidden_size: int = 3200
    num_attention_heads: int = 25
    intermediate_size: int = 12800
    qk_normalization: bool = True
    num_hidden_layers: int = 48
    hidden_act: str = "gelu"
    norm_type: str = "rms_norm"
    layer_norm_eps: float = 1e-6
    dropout: float = 0.0
    attention_dropout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class VlmConfig(_Read):
    """``vlm/config.json``.

    `image_size` is the side in pixels that images are resized to for the vision encoder, and
    `tokens_per_image` how many ``<IMG_CONTEXT>`` one takes.
    """

    select_layer: int = -1
    force_image_size: int = 0
    downsample_ratio: float = 0.5
    vision: VisionConfig = field(default_factory=VisionConfig)
    llm: Raw = field(default_factory=dict)

    @classmethod
    def read(cls, raw: Raw, where: str) -> VlmConfig:
        """See `_Read.read`; also refuses a language model that we do not have."""
        base = super().read(raw, where)
        llm, seen = (_object(raw, name, where) for name in ("llm_config", "vision_config"))
        names = llm.get("architectures")
        name = names[0] if isinstance(names, list) and names else None
        if not isinstance(name, str) or name not in LANGUAGE_MODELS:
            raise UserError(
                f"{where}: llm_config.architectures names {name!r}, which is not supported; "
                f"supported are {', '.join(LANGUAGE_MODELS)}."
            )
        vision = VisionConfig.read(seen, f"{where}: vision_config")
        return dataclasses.replace(base, vision=vision, llm=llm)

    @property
    def image_size(self) -> int:
        """Side of the square that the vision encoder sees, in pixels."""
        return self.force_image_size or self.vision.image_size

    @property
    def grid(self) -> int:
        """Visual tokens per row and column of an image."""
        return int(self.image_size // self.vision.patch_size * self.downsample_ratio)

    @property
    def tokens_per_image(self) -> int:
        """Visual tokens of an image."""
        return self.grid**2

    @property
    def text(self) -> Raw:
        """``llm_config`` as the language model's class takes it, with the right tying."""
        said = (owner.get("tie_word_embeddings") for owner in (self.raw, self.llm))
        tie = next((x for x in said if x is not None), False)
        drop = ("architectures", "torch_dtype", "dtype", "attn_implementation", "use_cache")
        return {**{k: v for k, v in self.llm.items() if k not in drop}, "tie_word_embeddings": tie}


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(_Read):
    """``decoder_config``: the dual-stream MMDiT."""

    patch_size: int = 2
    in_channels: int = 64
    out_channels: int = 16
    num_layers: int = 60
    attention_head_dim: int = 128
    num_attention_heads: int = 24
    joint_attention_dim: int = 3584
    axes_dims_rope: tuple[int, ...] = (16, 56, 56)
    timestep_scale: float = 1.0

    @property
    def width(self) -> int:
        """Channels of a token."""
        return self.num_attention_heads * self.attention_head_dim


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(_Read):
    """``generation_decoder/config.json``; docs/model.md says what each key does.

    The two position factors stand in this file twice: the outer value wins, as in the reference.
    """

    decoder_projector_type: str = "mlp2x_gelu"
    input_hidden_size: int = 1536
    output_hidden_size: int = 2304
    padding_encoder_hidden_states: bool = True
    pad_to_fix_length: bool = True
    max_sequence_length: int = 512
    gen_image_height: int = 512
    gen_image_width: int = 512
    video_position_scale_factor: float = 1.0
    vlm_cond_position_scale_factor: float = 1.0
    vae_downsample_factor: int = 32
    flow_shift: float = 3.0
    vlm_select_layer: tuple[int, ...] = (-1,)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)

    @classmethod
    def read(cls, raw: Raw, where: str) -> DecoderConfig:
        """See `_Read.read`; also refuses a projector that we do not have."""
        base = super().read(raw, where)
        if base.decoder_projector_type not in {"identity", "mlp2x_gelu"}:
            raise UserError(
                f"{where}: decoder_projector_type {base.decoder_projector_type!r} is not "
                "supported; supported are identity and mlp2x_gelu."
            )
        inner = _object(raw, "decoder_config", where)
        transformer = TransformerConfig.read(inner, f"{where}: decoder_config")
        return dataclasses.replace(base, transformer=transformer)


@dataclass(frozen=True, kw_only=True)
class ProcessorConfig(_Read):
    """``processor/processor_config.json``."""

    SUPPORTED: ClassVar[str] = "InternVLUDynamicResGenerationImageProcessor"

    image_gen_processor_class: str = SUPPORTED
    image_processor_kwargs: Raw = field(default_factory=dict)
    image_gen_processor_kwargs: Raw = field(default_factory=dict)

    @classmethod
    def read(cls, raw: Raw, where: str) -> ProcessorConfig:
        """See `_Read.read`; also refuses an image processor that we do not have."""
        found = super().read(raw, where)
        if found.image_gen_processor_class != cls.SUPPORTED:
            raise UserError(
                f"{where}: image_gen_processor_class {found.image_gen_processor_class!r} is not "
                f"supported; supported is {cls.SUPPORTED}."
            )
        return found

    def understanding(self, key: str, default: Any) -> Any:
        """A value of ``image_processor_kwargs``."""
        value = self.image_processor_kwargs.get(key)
        return default if value is None else value

    def generation(self, key: str, default: Any) -> Any:
        """A value of ``image_gen_processor_kwargs``."""
        value = self.image_gen_processor_kwargs.get(key)
        return default if value is None else value


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """All of a checkpoint's configuration files.

    Attributes:
        index: ``model_index.json``.
        vae: the file as it is, for `diffusers.AutoencoderKLQwenImage`.
        scheduler: the file as it is, for `diffusers.DPMSolverMultistepScheduler`.
    """

    index: Raw
    vlm: VlmConfig
    decoder: DecoderConfig
    vae: Raw
    scheduler: Raw
    processor: ProcessorConfig

    @classmethod
    def read(cls, folder: Path) -> ModelConfig:
        """Read and check the configuration of a checkpoint folder; no weights are looked at.

        Raises:
            UserError: a file is absent or broken, or names a class that we do not have.
        """
        index = read_json(folder / INDEX)
        for name, wanted in COMPONENTS.items():
            entry = index.get(name)
            found = entry[1] if isinstance(entry, list) and len(entry) == 2 else entry
            if found != wanted:
                raise UserError(
                    f"{folder / INDEX} names {found!r} as {name}, which is not supported; "
                    f"supported is {wanted}."
                )
        raw = {name: read_json(folder / name / file) for name, file in FILES.items()}
        where = {name: folder / name / file for name, file in FILES.items()}
        found = cls(
            index=index,
            vlm=VlmConfig.read(raw["vlm"], str(where["vlm"])),
            decoder=DecoderConfig.read(raw["generation_decoder"], str(where["generation_decoder"])),
            vae=raw["vae"],
            scheduler=raw["scheduler"],
            processor=ProcessorConfig.read(raw["processor"], str(where["processor"])),
        )
        check_consistency(found, where)
        return found

    def files(self) -> dict[str, Raw]:
        """Relative path -> JSON object, everything as it was read."""
        raw = {
            "vlm": self.vlm.raw, "generation_decoder": self.decoder.raw, "vae": self.vae,
            "scheduler": self.scheduler, "processor": self.processor.raw,
        }  # fmt: skip
        return {INDEX: self.index, **{f"{n}/{FILES[n]}": raw[n] for n in FILES}}


def read_json(path: Path) -> Raw:
    """A JSON object from a file.

    Raises:
        UserError: it is absent, unreadable or no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing; the folder is no InternVL-U checkpoint, or not all of it."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}); get the file again.") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object; get the file again.")
    return value
