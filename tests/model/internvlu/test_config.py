"""Configuration files: what is kept, what is refused and in which words."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from evals.core.errors import UserError
from model.internvlu import loading
from model.internvlu.config import FILES, INDEX, ModelConfig
from tests.model.internvlu.kit import GONE, changed, recordings

VLM, DECODER, VAE, SOLVER, PROCESSOR = (
    f"{name}/{FILES[name]}"
    for name in ("vlm", "generation_decoder", "vae", "scheduler", "processor")
)
INNER, VISION, LLM = "decoder_config__", "vision_config__", "llm_config__"
SEEN, MADE = "image_processor_kwargs__", "image_gen_processor_kwargs__"


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    """The configuration of the tiny checkpoint, without its weights."""
    for name in (INDEX, VLM, DECODER, VAE, SOLVER, PROCESSOR):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    return tmp_path


# --- what is read and kept ------------------------------------------------------------------


def test_unknown_keys_survive(folder: Path) -> None:
    extra = {"of_tomorrow": {"a": [1, None, "ü"]}, "zero": 0, "small": 1e-30}
    for name in (INDEX, VLM, DECODER, VAE, SOLVER, PROCESSOR):
        changed(folder / name, **extra)
    changed(folder / VLM, llm_config__new=1, vision_config__new=2)
    changed(folder / DECODER, decoder_config__new=3)
    files = ModelConfig.read(folder).files()
    assert set(files) == {INDEX, VLM, DECODER, VAE, SOLVER, PROCESSOR}
    for name, value in files.items():
        assert value == json.loads((folder / name).read_text("utf-8"))
        assert value["of_tomorrow"] == extra["of_tomorrow"]


def test_the_recorded_checkpoint_keeps_its_values() -> None:
    """Infinity is in its scheduler's file, as Python's JSON writes it."""
    place = recordings() / "tiny-checkpoint"
    config = ModelConfig.read(place)
    assert config.scheduler["lambda_min_clipped"] == -math.inf
    assert json.loads(json.dumps(config.scheduler)) == config.scheduler
    assert config.vlm.tokens_per_image == 4
    assert config.decoder.vlm_select_layer == (-1, -2)
    assert config.decoder.transformer.width == 48


def test_defaults_of_the_official_classes(folder: Path) -> None:
    keys = ("pad_to_fix_length", "max_sequence_length", "video_position_scale_factor",
            "gen_image_height")  # fmt: skip
    changed(folder / DECODER, **dict.fromkeys(keys[:2], GONE), **dict.fromkeys(keys[2:], None))
    changed(folder / DECODER, decoder_config__axes_dims_rope=[4, 4, 4])
    decoder = ModelConfig.read(folder).decoder
    assert [getattr(decoder, key) for key in keys] == [True, 512, 1.0, 512]
    assert decoder.transformer.timestep_scale == 1.0
    changed(folder / DECODER, decoder_config__timestep_scale=2)
    assert ModelConfig.read(folder).decoder.transformer.timestep_scale == 2.0


def test_the_outer_position_factors_win(folder: Path) -> None:
    changed(folder / DECODER, vlm_cond_position_scale_factor=0.5,
            decoder_config__vlm_cond_position_scale_factor=0.125)  # fmt: skip
    assert ModelConfig.read(folder).decoder.vlm_cond_position_scale_factor == 0.5


@pytest.mark.parametrize(
    ("outer", "inner", "tied"),
    [(GONE, GONE, False), (GONE, True, True), (True, False, True), (None, True, True)],
)
def test_where_tying_is_said(folder: Path, outer: object, inner: object, tied: bool) -> None:
    changed(folder / VLM, tie_word_embeddings=outer, llm_config__tie_word_embeddings=inner)
    assert ModelConfig.read(folder).vlm.text["tie_word_embeddings"] is tied


# --- what is refused ------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    # classes that we do not have
    (INDEX, {"vlm": ["transformers", "Qwen2VLForConditionalGeneration"]}, "supported is InternVLU"),
    (INDEX, {"vae": ["diffusers", "AutoencoderKL"]}, "names 'AutoencoderKL' as vae"),
    (INDEX, {"scheduler": ["diffusers", "EulerDiscreteScheduler"]}, "DPMSolverMultistepScheduler"),
    (INDEX, {"generation_decoder": GONE}, "names None as generation_decoder"),
    (INDEX, {"processor": [None, None]}, "names None as processor"),
    (INDEX, {"processor": 3}, "names 3 as processor"),
    (VLM, {LLM + "architectures": ["GPT2LMHeadModel"]}, "'GPT2LMHeadModel', which is not supp"),
    (VLM, {LLM + "architectures": "Qwen3ForCausalLM"}, "names None"),
    (VLM, {LLM + "architectures": [["x"]]}, "which is not supported"),
    (VLM, {LLM + "architectures": []}, "names None"),
    (DECODER, {"decoder_projector_type": "conv"}, "supported are identity and mlp2x_gelu"),
    (PROCESSOR, {"image_gen_processor_class": "InternVLUFixResGenerationImageProcessor"},
     "'InternVLUFixResGenerationImageProcessor' is not supported"),
    (SOLVER, {"prediction_type": "epsilon"}, "'epsilon' and must be 'flow_prediction'"),
    (SOLVER, {"prediction_type": GONE}, "must be 'flow_prediction'"),
    (SOLVER, {"use_flow_sigmas": False}, "use_flow_sigmas is False"),
    (SOLVER, {"algorithm_type": "sde-dpmsolver++"}, "'sde-dpmsolver\\+\\+' is not supported"),
    # other types, nulls, numbers out of range
    (VLM, {"llm_config": None}, "llm_config is None and must be an object"),
    (VLM, {"llm_config": ["x"]}, "must be an object"),
    (VLM, {"vision_config": "x"}, "vision_config is 'x'"),
    (VLM, {LLM + "hidden_size": GONE}, "llm_config.hidden_size is None"),
    (VLM, {LLM + "hidden_size": "40"}, "llm_config.hidden_size is '40'"),
    (VLM, {LLM + "num_hidden_layers": 10**9}, "num_hidden_layers is over 1000"),
    (VLM, {LLM + "max_position_embeddings": "4096"}, "max_position_embeddings is '4096'"),
    (VLM, {VISION + "hidden_size": "40"}, "not of type int"),
    (VLM, {VISION + "hidden_size": 40.5}, "not of type int"),
    (VLM, {VISION + "hidden_size": True}, "not of type int"),
    (VLM, {VISION + "patch_size": 0}, "patch_size is 0 and must be above 0"),
    (VLM, {VISION + "num_hidden_layers": 10**6}, "num_hidden_layers is over 1000"),
    (VLM, {VISION + "layer_norm_eps": "x"}, "not of type float"),
    (VLM, {"select_layer": -9}, "select_layer -9 is outside the 2 layers"),
    (VLM, {"downsample_ratio": 0}, "downsample_ratio is 0.0"),
    (VLM, {"downsample_ratio": 0.3}, "downsample_ratio is 0.3"),
    (VLM, {"downsample_ratio": 2}, "downsample_ratio is 2.0"),
    (DECODER, {"decoder_config": None}, "decoder_config is None and must be an object"),
    (DECODER, {"decoder_config": "config.json"}, "must be an object"),
    (DECODER, {"vlm_select_layer": -1}, "not of type tuple"),
    (DECODER, {"vlm_select_layer": ["-1", -2]}, "not of type tuple"),
    (DECODER, {"vlm_select_layer": [-1, -9]}, "names layer -9, and vlm has 3"),
    (DECODER, {"gen_image_height": 0}, "gen_image_height is 0"),
    (DECODER, {"gen_image_height": "96"}, "not of type int"),
    (DECODER, {"padding_encoder_hidden_states": "false"}, "not of type bool"),
    (DECODER, {"max_sequence_length": 0}, "max_sequence_length is 0"),
    (DECODER, {"video_position_scale_factor": 0}, "video_position_scale_factor is 0.0"),
    (DECODER, {"vlm_cond_position_scale_factor": -0.25}, "is -0.25 and must be above 0"),
    (DECODER, {"video_position_scale_factor": 10**400}, "not of type float"),
    (DECODER, {INNER + "timestep_scale": math.nan}, "timestep_scale is nan"),
    (DECODER, {INNER + "num_layers": 0}, "num_layers is 0"),
    (DECODER, {INNER + "num_layers": 10**9}, "num_layers is over 1000"),
    (DECODER, {INNER + "num_attention_heads": -4}, "num_attention_heads is -4"),
    (SOLVER, {"flow_shift": None}, "flow_shift is None"),
    (SOLVER, {"flow_shift": 0}, "flow_shift is 0"),
    (VAE, {"latents_std": [0.0] * 16}, "latents_std must be 16 positive numbers"),
    (VAE, {"latents_mean": [0.0]}, "latents_mean must be 16 numbers"),
    (VAE, {"latents_mean": ["0"] * 16}, "latents_mean must be 16 numbers"),
    (VAE, {"latents_mean": None}, "latents_mean must be 16 numbers"),
    (PROCESSOR, {"image_processor_kwargs": []}, "not of type dict"),
    (PROCESSOR, {SEEN + "size": 56}, "the size of images is 56"),
    (PROCESSOR, {SEEN + "size": {"shortest_edge": 56}}, "but vlm takes 56 x 56"),
    (PROCESSOR, {SEEN + "image_mean": 0.5}, "image_mean is 0.5"),
    (PROCESSOR, {SEEN + "image_std": [0, 0, 0]}, "image_std"),
    (PROCESSOR, {MADE + "min_dynamic_patch": "64"}, "min_dynamic_patch is '64'"),
    (PROCESSOR, {MADE + "max_length": 8}, "leave no size"),
    (PROCESSOR, {MADE + "min_dynamic_patch": 10**6}, "leave no size"),
    (PROCESSOR, {MADE + "gen_down_sample_ratio": 2}, "gen_down_sample_ratio 2"),
    (PROCESSOR, {MADE + "gen_down_sample_ratio": 0}, "gen_down_sample_ratio 0"),
    # files that contradict each other
    (VLM, {"force_image_size": 112}, "but vlm takes 112 x 112"),
    (VLM, {"force_image_size": -56}, "images of -56 pixels cannot be cut"),
    (VLM, {VISION + "patch_size": 7}, "image_seq_length is 4, but an image has 16 tokens"),
    (VLM, {VISION + "patch_size": 8}, "cannot be cut into blocks of 2 x 2 patches of 8"),
    (VLM, {VISION + "patch_size": 13}, "cannot be cut into blocks of 2 x 2 patches of 13"),
    (VLM, {LLM + "hidden_size": 80}, "input_hidden_size is 80, but 2 layers of 80 in vlm give 160"),
    (DECODER, {"vlm_select_layer": [-1]}, "1 layers of 40 in vlm give 40"),
    (DECODER, {"vlm_select_layer": []}, "0 layers of 40 in vlm give 0"),
    (DECODER, {"vae_downsample_factor": 32}, "vae_downsample_factor 32 of generation_decoder"),
    (DECODER, {"vae_downsample_factor": GONE}, "vae_downsample_factor 32 of generation_decoder"),
    (DECODER, {INNER + "axes_dims_rope": [4, 4, 6]}, "must add up to attention_head_dim 12"),
    (DECODER, {INNER + "axes_dims_rope": [3, 3, 6]}, "must be three even numbers"),
    (DECODER, {INNER + "axes_dims_rope": [6, 6]}, "must be three even numbers"),
    (DECODER, {INNER + "axes_dims_rope": [-4, 8, 8]}, "must be three even numbers"),
    (DECODER, {INNER + "in_channels": 16}, "in_channels 16 must be out_channels 16 times the 4"),
    (DECODER, {INNER + "joint_attention_dim": 40}, "must be the 80 channels of input_hidden_size"),
    (DECODER, {"decoder_projector_type": "mlp2x_gelu", "output_hidden_size": 44},
     "must be the 44 channels of output_hidden_size"),
    (VAE, {"z_dim": 8}, "z_dim is 8, but generation_decoder makes 16 channels"),
    (VAE, {"temperal_downsample": [False, True]}, "does not give the vae_downsample_factor 8"),
    (PROCESSOR, {"image_seq_length": 256}, "image_seq_length is 256, but an image has 4 tokens"),
    (PROCESSOR, {SEEN + "size": {"height": 112, "width": 112}}, "but vlm takes 56 x 56"),
    (PROCESSOR, {MADE + "vae_downsample_factor": 16}, "do not give the 16 pixels of a patch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "values", "words"),
    REFUSED,
    ids=[f"{f.split('/')[0]}-{list(v)}" for f, v, _ in REFUSED],
)
def test_refused(folder: Path, file: str, values: dict[str, Any], words: str) -> None:
    changed(folder / file, **values)
    with pytest.raises(UserError, match=words) as error:
        ModelConfig.read(folder)
    text = str(error.value)
    assert str(folder) in text
    assert "\n" not in text


@pytest.mark.parametrize("file", [INDEX, VLM, DECODER, VAE, SOLVER, PROCESSOR])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing"),
        (b"{", "cannot be read as JSON"),
        (b"[1]", "holds no JSON object"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "cannot be read as JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "cannot be read as JSON"),
        (b"", "cannot be read as JSON"),
    ],
    ids=["missing", "broken", "list", "binary", "deep", "long", "empty"],
)
def test_files_that_are_no_configuration(
    folder: Path, file: str, content: bytes | None, words: str
) -> None:
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=words) as error:
        ModelConfig.read(folder)
    assert str(folder / file) in str(error.value)


BUILT: list[tuple[str, dict[str, Any]]] = [
    (VLM, {LLM + "hidden_act": "no_such"}),
    (VLM, {LLM + "num_attention_heads": 0}),
    (VLM, {LLM + "rope_scaling": "x"}),
    (VLM, {LLM + "vocab_size": 10**13}),
    (VLM, {"tie_word_embeddings": "yes"}),
    (VLM, {VISION + "hidden_act": "no_such"}),
    (VLM, {VISION + "norm_type": "no_such"}),
    (VLM, {VISION + "num_attention_heads": 3}),
    (VAE, {"dim_mult": None}),
    (VAE, {"base_dim": 10**8}),
    (SOLVER, {"algorithm_type": "no_such"}),
    (SOLVER, {"solver_type": "no_such"}),
    (SOLVER, {"num_train_timesteps": 0}),
    (SOLVER, {"thresholding": True}),
]


@pytest.mark.parametrize(("file", "values"), BUILT, ids=[f"{list(v)}" for _, v in BUILT])
def test_what_only_the_libraries_can_refuse(
    checkpoint: Path, folder: Path, file: str, values: dict[str, Any]
) -> None:
    """Before any weight is read: these folders are empty but for the configuration."""
    import torch

    changed(folder / file, **values)
    for name in ("vlm", "generation_decoder", "vae"):
        for weights in (checkpoint / name).glob("*.safetensors"):
            (folder / name / weights.name).symlink_to(weights)
    for extra in (checkpoint / "processor").iterdir():
        if not (folder / "processor" / extra.name).exists():
            (folder / "processor" / extra.name).symlink_to(extra)
    devices = dict.fromkeys(loading.MODULES, torch.device("cpu"))
    with pytest.raises(UserError, match=r"describes no (network|solver)") as error:
        loading.read_parts(folder, devices, torch.float32)
    assert "\n" not in str(error.value)
    assert file.split("/")[1] in str(error.value)


def test_the_released_sizes(checkpoint: Path, folder: Path) -> None:
    """4283 million parameters: 304.0 + 12.6 + 2031.7, 1808.0 and 126.9; no weights are needed."""
    changed(
        folder / VLM, force_image_size=448,
        vision_config__image_size=448, vision_config__hidden_size=1024,
        vision_config__num_hidden_layers=24, vision_config__num_attention_heads=16,
        vision_config__intermediate_size=4096, llm_config__hidden_size=2048,
        llm_config__num_hidden_layers=28, llm_config__num_attention_heads=16,
        llm_config__num_key_value_heads=8, llm_config__head_dim=128,
        llm_config__intermediate_size=6144, llm_config__vocab_size=151936,
    )  # fmt: skip
    changed(
        folder / DECODER, input_hidden_size=4096, output_hidden_size=4096,
        decoder_config__num_layers=20, decoder_config__attention_head_dim=128,
        decoder_config__num_attention_heads=12, decoder_config__joint_attention_dim=4096,
        decoder_config__axes_dims_rope=[16, 56, 56],
    )  # fmt: skip
    changed(
        folder / VAE, base_dim=96, dim_mult=[1, 2, 4, 4], num_res_blocks=2,
    )  # fmt: skip
    changed(
        folder / PROCESSOR, image_seq_length=256,
        image_processor_kwargs__size={"height": 448, "width": 448},
        image_gen_processor_kwargs__min_dynamic_patch=4096,
        image_gen_processor_kwargs__max_dynamic_patch=16384,
        image_gen_processor_kwargs__max_length=1024,
    )  # fmt: skip
    config = ModelConfig.read(folder)
    assert config.vlm.tokens_per_image == 256
    assert config.decoder.transformer.width == 1536
    tokenizer = loading.load_tokenizer(checkpoint / "processor")
    vlm, decoder, vae = loading.build(config, tokenizer, "processor")
    counted = {
        "vision": vlm.vision_model, "projector": vlm.mlp1, "language": vlm.language_model,
        "decoder": decoder, "vae": vae, "vlm": vlm,
    }  # fmt: skip
    assert all(p.is_meta for module in counted.values() for p in module.parameters())
    millions = {
        name: sum(p.numel() for p in module.parameters()) / 1e6 for name, module in counted.items()
    }
    assert millions["vision"] == pytest.approx(304.0, abs=0.1)
    assert millions["projector"] == pytest.approx(12.6, abs=0.1)
    assert millions["language"] == pytest.approx(2031.7, abs=0.1)
    assert millions["decoder"] == pytest.approx(1808.0, abs=0.1)
    assert millions["vae"] == pytest.approx(126.9, abs=0.1)
    whole = millions["vlm"] + millions["decoder"] + millions["vae"]
    assert whole == pytest.approx(4283, abs=1)
    assert len(decoder.state_dict()) == 654
