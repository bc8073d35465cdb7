"""What a checkpoint holds, lacks and needs, seen from configuration and headers alone."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLQwenImage
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from evals.core.errors import UserError
from model.internvlu import checkpoint as files
from model.internvlu import info, loading
from model.internvlu.config import ModelConfig
from model.internvlu.decoder import Condition, GenerationDecoder, Span
from model.internvlu.info import Inventory, inventory
from model.internvlu.loading import load_tokenizer
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.tiny import write_tiny
from tests.model.internvlu.kit import changed, copied
from tests.released_sizes import released_config

MILLIONS = {
    "vision encoder": 304.0, "projector": 12.6, "language model": 2031.7,
    "generation decoder": 1808.0, "VAE": 126.9,
}  # fmt: skip


@pytest.fixture(scope="module")
def released(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = load_tokenizer(checkpoint / "processor")
    return released_config(tmp_path_factory.mktemp("released"), tokenizer)


def rewritten(folder: Path, component: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the tensors of a component's file."""
    file = files.weight_files(folder / component)[0]
    state = load_file(file)
    change(state)
    save_file(state, file)


def keys(held: Inventory, component: str) -> info.Keys:
    return next(k for k in held.keys if k.component == component)


# --- counting -----------------------------------------------------------------------------------


def test_the_released_sizes_have_4283_million_parameters(released: Path) -> None:
    held = inventory(released)
    counted = {p.name: p.parameters / 1e6 for p in held.parts}
    for name, millions in MILLIONS.items():
        assert counted[name] == pytest.approx(millions, rel=0.001), name
    assert held.parameters / 1e6 == pytest.approx(4283, rel=0.001)
    assert counted["special token embeddings"] == 10 * 2048 / 1e6


def test_a_configuration_alone_says_what_is_missing(released: Path) -> None:
    held = inventory(released)
    assert [k.report for k in held.keys] == [None] * 3
    for part, name in zip(held.problems, loading.MODULES, strict=False):
        assert str(released / name) in part
        assert "is missing" in part
    assert "tokenizer" in held.problems[3]
    assert all(p.dtype == "" and p.bytes == 0 for p in held.parts)
    assert held.sizes["image_made"] == [1024, 1024]
    assert held.sizes["tokens_per_image"] == 256
    assert held.sizes["select_layers"] == [-1, -2]
    assert held.sizes["condition_area"] == [262_144, 1_048_576]


def test_parameters_of_a_checkpoint_are_those_of_its_modules(
    checkpoint: Path, pipe: InternVLUPipeline
) -> None:
    held = inventory(checkpoint)
    loaded = [pipe.parts.module(n) for n in loading.MODULES]
    assert held.parameters == sum(p.numel() for m in loaded for p in m.parameters())
    weights = sum(f.stat().st_size for f in checkpoint.rglob("*.safetensors"))
    assert 0.95 * weights < sum(p.bytes for p in held.parts) == 4 * held.parameters < weights


def test_no_weights_are_read(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("weights are read")

    monkeypatch.setattr(safetensors, "safe_open", refuse)
    monkeypatch.setattr(files, "tensors", refuse)
    assert inventory(checkpoint).problems == ()


# --- what is wrong ------------------------------------------------------------------------------


def test_every_tensor_that_does_not_fit_is_named(checkpoint: Path, tmp_path: Path) -> None:
    folder = copied(checkpoint, tmp_path / "c")

    def spoil(state: dict[str, Any]) -> None:
        del state["decoder.img_in.bias"]
        state["decoder.extra.weight"] = torch.zeros(3)
        state["decoder.proj_out.bias"] = torch.zeros(5)

    rewritten(folder, "generation_decoder", spoil)
    held = inventory(folder)
    report = keys(held, "generation_decoder").report
    assert report is not None
    assert report.missing == ("decoder.img_in.bias",)
    assert report.unexpected == ("decoder.extra.weight",)
    assert report.reshaped == (("decoder.proj_out.bias", (5,), (64,)),)
    assert len(held.problems) == 1
    for word in ("decoder.img_in.bias", "decoder.extra.weight", "[5] in place of [64]"):
        assert word in held.problems[0]


def test_a_missing_shard_is_the_problem_of_its_component_alone(
    pipe: InternVLUPipeline, tmp_path: Path
) -> None:
    folder = tmp_path / "c"
    loading.write_parts(pipe.parts, folder, shard=200_000)
    assert inventory(folder).problems == ()
    shards = files.weight_files(folder / "vlm")
    assert len(shards) > 2
    shards[1].unlink()
    held = inventory(folder)
    assert len(held.problems) == 1
    assert shards[1].name in held.problems[0]
    assert keys(held, "vae").problem == ""


def test_mixed_dtypes_are_shown(checkpoint: Path, tmp_path: Path) -> None:
    folder = copied(checkpoint, tmp_path / "c")

    def halve(state: dict[str, Any]) -> None:
        key = "decoder.conv_out.weight"
        state[key] = state[key].to(torch.bfloat16)

    rewritten(folder, "vae", halve)
    held = inventory(folder)
    vae = held.parts[-1]
    assert vae.dtype == "bfloat16, float32"
    assert vae.bytes == 4 * vae.parameters - 2 * 3 * 8 * 27
    assert held.problems == ()


def test_a_tied_output_layer_is_counted_once(checkpoint: Path, tmp_path: Path) -> None:
    folder = copied(checkpoint, tmp_path / "c")
    whole = inventory(folder)
    rewritten(folder, "vlm", lambda state: state.pop("language_model.lm_head.weight"))
    tied = inventory(folder)
    assert tied.problems == ()
    assert whole.parameters - tied.parameters == 512 * 40
    changed(folder / "vlm" / "config.json", tie_word_embeddings=True)
    for file in files.weight_files(folder / "vlm"):
        file.unlink()
    assert inventory(folder).parameters == tied.parameters


def test_a_tokenizer_of_another_checkpoint_is_a_problem(checkpoint: Path, tmp_path: Path) -> None:
    folder = copied(checkpoint, tmp_path / "c")
    changed(folder / "vlm" / "config.json", llm_config__vocab_size=448)
    assert any("469 tokens" in p and "for 448" in p for p in inventory(folder).problems)
    other = write_tiny(tmp_path / "other", merges=10)
    for file in (checkpoint / "processor").iterdir():
        (other / "processor" / file.name).write_bytes(file.read_bytes())
    assert any("tokens, but" in p for p in inventory(other).problems)


def test_a_configuration_of_another_model_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model_index\.json is missing"):
        inventory(tmp_path)
    folder = copied(checkpoint, tmp_path / "c")
    changed(folder / "vlm" / "config.json", vision_config__num_attention_heads=7)
    with pytest.raises(UserError, match=r"vlm/config\.json describes no network"):
        inventory(folder)


# --- memory -------------------------------------------------------------------------------------


class Live(TorchDispatchMode):
    """Counts the bytes of tensors that are alive at once; weights do not count.

    Args:
        module: whose weights they are.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        own = [*module.parameters(), *module.buffers()]
        self.sizes = {t.untyped_storage()._cdata: 0 for t in own}
        self.now = self.peak = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.sizes:
                    self.sizes[storage._cdata] = storage.nbytes()
                    self.now += storage.nbytes()
                    self.peak = max(self.peak, self.now)
                    weakref.finalize(storage, self._gone, storage._cdata)
        return result

    def _gone(self, key: int) -> None:
        self.now -= self.sizes.pop(key)


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention without a matrix of scores, as the kernels of an accelerator compute it."""
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda q, *_a, **_k: torch.empty_like(q))


def whole(folder: Path) -> ModelConfig:
    """A configuration with the VAE's defaults, as the estimate takes it."""
    config = ModelConfig.read(folder)
    with torch.device("meta"):
        vae = AutoencoderKLQwenImage.from_config(config.vae)
    return dataclasses.replace(config, vae=dict(vae.config))


@pytest.mark.parametrize("side", [512, 1024])
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.usefixtures("fused")
def test_the_vae_holds_what_is_estimated(released: Path, side: int, blocks: int) -> None:
    raw = {**ModelConfig.read(released).vae, "num_res_blocks": blocks}
    with torch.device("meta"):
        vae = AutoencoderKLQwenImage.from_config(raw).to(torch.bfloat16)
    config = dataclasses.replace(ModelConfig.read(released), vae=dict(vae.config))
    latents = torch.empty(1, 16, 1, side // 8, side // 8, device="meta", dtype=torch.bfloat16)
    pixels = torch.empty(1, 3, 1, side, side, device="meta", dtype=torch.bfloat16)
    estimate = info.activations(config, side, 0)["vae"]
    with torch.no_grad(), Live(vae) as live:
        vae.decode(latents)
    assert estimate == pytest.approx(live.peak, rel=0.05)
    with torch.no_grad(), Live(vae) as live:
        vae.encode(pixels)
    assert live.peak < estimate, "reading a condition image never takes more"


@pytest.mark.parametrize("images", [0, 1])
@pytest.mark.usefixtures("fused")
def test_the_decoder_holds_what_is_estimated(tmp_path: Path, images: int) -> None:
    folder = tmp_path / "c"
    write_tiny(
        folder, decoder_heads=4, decoder_head=64, decoder_axes=(16, 24, 24), llm_width=128,
        vit_image=448, vit_patch=14,
    )  # fmt: skip
    config = whole(folder)
    net = GenerationDecoder(config.decoder).to(torch.bfloat16)
    side, rows = 512, 64
    texts = [info.PROMPT + 256 * images] * (1 + images) + [info.PROMPT]
    conditions = [
        Condition(
            span=Span(
                states=torch.zeros(length, 256, dtype=net.dtype),
                is_image=torch.zeros(length, dtype=torch.bool),
            ),
            latents=(torch.zeros(16, rows, rows),) * (images if n < len(texts) - 1 else 0),
        )
        for n, length in enumerate(texts)
    ]
    with torch.no_grad(), Live(net) as live:
        prepared = net.prepare([(rows, rows)] * len(texts), conditions)
        latents = [torch.zeros(16, rows, rows) for _ in texts]
        net(latents, torch.full((len(texts),), 500.0), prepared)
    estimate = info.activations(config, side, images)["generation_decoder"]
    assert estimate == pytest.approx(live.peak, rel=0.25)


@pytest.mark.usefixtures("fused")
def test_the_language_model_holds_what_is_estimated(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "c", llm_width=256, llm_head=64, llm_mlp=768, llm_layers=8)
    config = whole(folder)
    pipe = InternVLUPipeline.from_pretrained(folder, device="cpu", dtype="bfloat16")
    ids = torch.full((2, info.PROMPT), 70)
    with torch.no_grad(), Live(pipe.parts.vlm) as live:
        pipe.parts.vlm.hidden_states(ids, torch.ones_like(ids))
    assert info.activations(config, 512, 0)["vlm"] == pytest.approx(live.peak, rel=0.25)


def test_the_estimate_adds_weights_and_the_largest_stage(released: Path) -> None:
    held = inventory(released)
    config = whole(released)
    weights = {k: 2e6 * v for k, v in (("vlm", 2348.4), ("generation_decoder", 1808.0),
                                       ("vae", 126.9))}  # fmt: skip
    assert [(m.task, m.side) for m in held.memory] == [
        ("generate", 512), ("generate", 1024), ("edit", 512), ("edit", 1024)
    ]  # fmt: skip
    for m in held.memory:
        stages = info.activations(config, m.side, int(m.task == "edit"))
        assert m.resident == pytest.approx(sum(weights.values()) + max(stages.values()), rel=0.001)
        largest = max(weights[n] + stages[n] for n in weights)
        assert m.offload == pytest.approx(largest, rel=0.001)
        assert m.offload < m.resident
    small, large = (m.resident for m in held.memory[:2])
    assert 8.6e9 < small < large < 16e9, "a card of 16 GB holds the released model"
