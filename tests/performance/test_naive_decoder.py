"""The oracle against recorded numbers of the official code, and its own invariants."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import load_file  # noqa: E402

from tests.performance.naive_decoder import (  # noqa: E402
    NaiveDecoder,
    Tensor,
    guide,
    patchify,
    positions,
    rotations,
    tensor_shapes,
    unpatchify,
)
from tests.performance.naive_sampling import advance, sample, schedule  # noqa: E402
from tests.performance.random_decoder import (  # noqa: E402
    Batch,
    random_batch,
    random_config,
    random_tensors,
)

SHARED = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "model"
FOLDER = Path(os.environ.get("UMM_EVALS_MODEL_FIXTURES", SHARED))
RUNS = (
    "t2i", "t2i_batch2", "t2i_20steps_defaults", "edit", "edit_batch2", "cot_t2i_eos",
    "cot_t2i_cut", "cot_t2i_short", "cot_t2i_batch2", "cot_edit",
)  # fmt: skip
LAYOUTS = (
    "t2i_64", "t2i_1024_grid64x36", "odd", "scale_video_2", "edit_1", "edit_release_256tok",
    "two_vlm_images",
)  # fmt: skip
SCALES = {
    "image": {"all_scale": 4.5, "part_scale": 2.0},
    "text_image": {"all_scale": 3.5, "part_scale": 1.5},
}


@pytest.fixture(scope="module")
def recorded() -> Callable[[str], Any]:
    """Read a file of `expected/`; the test is skipped where the recordings are absent."""
    if not FOLDER.is_dir():
        pytest.skip("model fixtures not found: set UMM_EVALS_MODEL_FIXTURES to their folder")
    files: dict[str, Any] = {}

    def read(name: str) -> Any:
        if name not in files:
            place = FOLDER / "expected" / name
            files[name] = (
                json.loads(place.read_text("utf-8"))
                if place.suffix == ".json"
                else load_file(place)
            )
        return files[name]

    return read


def official(checkpoint: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    place = FOLDER / checkpoint / "generation_decoder"
    return json.loads((place / "config.json").read_text()), load_file(place / "model.safetensors")


def decoder_of(tag: str = "") -> NaiveDecoder:
    return NaiveDecoder(
        *official("tiny-decoder-mlp" if tag == "mlp_projector" else "tiny-checkpoint")
    )


def crop(latent: Tensor, grid: Tensor) -> Tensor:
    return latent[:, : grid[1], : grid[2]]


def recorded_batch(data: dict[str, Tensor], tag: str) -> Batch:
    rows = range(len(data[f"{tag}.latents"]))
    return Batch(
        [crop(data[f"{tag}.latents"][n], data[f"{tag}.target_grid"][n]) for n in rows],
        [
            list(map(crop, data[f"{tag}.cond_latents.{n}"], data[f"{tag}.cond_grid.{n}"]))
            if f"{tag}.cond_latents.{n}" in data
            else []
            for n in rows
        ],
        [data[f"{tag}.enc.{n}"] for n in rows],
        [data[f"{tag}.enc_image_mask.{n}"] for n in rows],
        [list(map(tuple, data[f"{tag}.image_fhw.{n}"].tolist())) for n in rows],
        data[f"{tag}.timestep"],
    )


def recorded_run(data: dict[str, Tensor]) -> Batch:
    """The 3 B rows of the first step of a pipeline call."""
    noise, rows = list(data["latents.initial"]), range(len(data["step0.velocity_branches"]))
    return Batch(
        noise * 3,
        [
            list(map(crop, data[f"cond.{n}.latents"], data[f"cond.{n}.image_grid_thw_gen_cond"]))
            if f"cond.{n}.latents" in data
            else []
            for n in rows
        ],
        [data[f"cond.{n}.encoder_hidden_states"] for n in rows],
        [data[f"cond.{n}.encoder_image_token_mask"] for n in rows],
        [list(map(tuple, data[f"cond.{n}.image_fhw_cond"].tolist())) for n in rows],
        data["step0.timestep"],
    )


def deviation(got: Tensor, expected: Tensor) -> float:
    assert got.shape == expected.shape
    return float((got - expected).abs().max())


@pytest.mark.parametrize(
    ("entry", "checkpoint"),
    [
        ("generation_decoder", "tiny-checkpoint"),
        ("generation_decoder(mlp2x_gelu)", "tiny-decoder-mlp"),
    ],
)
def test_tensor_names_and_shapes(
    recorded: Callable[[str], Any], entry: str, checkpoint: str
) -> None:
    names = recorded("state_dict_keys.json")[entry]["tensors"]
    config, _ = official(checkpoint)
    assert {k: list(v) for k, v in tensor_shapes(config).items()} == names


@pytest.mark.parametrize("name", LAYOUTS)
def test_recorded_positions(recorded: Callable[[str], Any], name: str) -> None:
    layout, data = recorded("msrope.json")[name], recorded("msrope.safetensors")
    mask = [kind == "i" for kind, count in layout["text"] for _ in range(count)]
    got = positions(
        layout["latent_grids"], mask, layout["vlm_grids"], layout["video_scale"],
        layout["vlm_scale"],
    )  # fmt: skip
    assert torch.equal(got, data[f"{name}.position_ids"])
    tables = [axes for axes in ((4, 6, 6), (16, 56, 56)) if f"{name}.axes_{key(axes)}.cos" in data]
    assert tables
    for axes in tables:
        turns = rotations(got, axes)
        assert deviation(turns.real, data[f"{name}.axes_{key(axes)}.cos"]) < 1e-6
        assert deviation(turns.imag, data[f"{name}.axes_{key(axes)}.sin"]) < 1e-6


def key(axes: tuple[int, ...]) -> str:
    return "_".join(map(str, axes))


@pytest.mark.parametrize("tag", ["nocond", "cond", "triple", "ragged", "mlp_projector"])
def test_recorded_velocity(recorded: Callable[[str], Any], tag: str) -> None:
    data = recorded("decoder.safetensors")
    decoder, batch = decoder_of(tag), recorded_batch(data, tag)
    got = decoder.velocity(*batch)
    for n, velocity in enumerate(got):
        expected = crop(data[f"{tag}.velocity"][n], data[f"{tag}.target_grid"][n])
        assert deviation(velocity, expected) < 2e-5
    if f"{tag}.temb" in data:
        assert deviation(decoder.embed_time(batch.timestep), data[f"{tag}.temb"]) < 1e-5
        places = [
            decoder.positions([decoder.grid(part) for part in (latent, *more)], mask, grids)
            for latent, more, mask, grids in zip(
                batch.latents, batch.conditions, batch.image_masks, batch.image_grids, strict=True
            )
        ]
        assert torch.equal(torch.cat(places), data[f"{tag}.position_ids"])


def test_recorded_gradients(recorded: Callable[[str], Any]) -> None:
    data, names = recorded("decoder.safetensors"), recorded("decoder.json")["train.grad_names"]
    config, tensors = official("tiny-checkpoint")
    weights = {name: value.requires_grad_() for name, value in tensors.items()}
    rows = range(len(data["train.noisy"]))
    got = NaiveDecoder(config, weights).velocity(
        list(data["train.noisy"]),
        [list(data[f"train.cond_latents.{n}"]) for n in rows],
        [data[f"train.enc.{n}"] for n in rows],
        [data[f"train.enc_image_mask.{n}"] for n in rows],
        [list(map(tuple, data[f"train.image_fhw.{n}"].tolist())) for n in rows],
        1000 * data["train.sigma"],
    )
    loss = (torch.stack(got) - (data["train.noise"] - data["train.clean"])).square().mean()
    assert loss.item() == pytest.approx(data["train.loss"].item(), rel=1e-5)
    loss.backward()
    norms = torch.stack([weights[name].grad.norm() for name in names])
    expected = data["train.grad_norms"]
    assert deviation(norms, expected) < 1e-4 * expected.max()


@pytest.mark.parametrize("name", RUNS)
def test_recorded_run(recorded: Callable[[str], Any], name: str) -> None:
    data, call = recorded(f"run_{name}.safetensors"), recorded("runs.json")[name]
    decoder, batch = decoder_of(), recorded_run(data)
    branches = torch.stack(decoder.velocity(*batch))
    assert deviation(branches, data["step0.velocity_branches"]) < 2e-5
    noise, scales = list(data["latents.initial"]), SCALES[call["generation_mode"]]
    timestep = float(batch.timestep[0])
    guided = torch.stack(decoder.guided(noise, *batch[1:5], timestep, **scales))
    assert deviation(guided, data["step0.velocity_guided"]) < 1e-4
    last = torch.stack(sample(decoder, noise, *batch[1:5], steps=call["steps"], **scales))
    assert deviation(last, data[f"step{call['steps'] - 1}.latents_next"]) < 2e-4


@pytest.mark.parametrize("steps", [4, 20, 50])
def test_recorded_schedule(recorded: Callable[[str], Any], steps: int) -> None:
    data = recorded("scheduler.safetensors")
    timesteps, sigmas = schedule(steps)
    assert timesteps == data[f"n{steps}.timesteps"].tolist()
    assert deviation(torch.tensor(sigmas), data[f"n{steps}.sigmas"]) < 1e-7


def test_recorded_trajectory(recorded: Callable[[str], Any]) -> None:
    data = recorded("scheduler.safetensors")
    _, sigmas = schedule(20)
    clean: list[Tensor] = []
    for n in range(20):
        x = data[f"n20.x{n}"]
        clean.append(x - sigmas[n] * data[f"n20.v{n}"])
        assert deviation(advance(x, clean, sigmas, n), data[f"n20.x{n + 1}"]) < 1e-4


def test_a_run_that_does_not_fit_its_grid_counts_on_like_text() -> None:
    mask = [False, True, True, True, False, True, True]
    got = positions([(1, 2, 2)], mask, [(1, 2, 2), (1, 1, 2)], 1, 1)[4:]
    assert got[:5].tolist() == [[float(n)] * 3 for n in range(1, 6)]
    assert got[5:].tolist() == [[6, -1, -1], [6, -1, 0]]
    without = positions([(1, 2, 2)], mask, [], 1, 1)[4:]
    assert without.tolist() == [[float(n)] * 3 for n in range(1, 8)]


def test_condition_images_have_their_own_frames() -> None:
    got = positions([(1, 2, 2), (1, 1, 3), (1, 2, 1)], [False], [], 1, 1)
    assert got[:, 0].tolist() == [0] * 4 + [1] * 3 + [2] * 2 + [3]


def test_patches_go_channel_first_and_back() -> None:
    latent = torch.arange(2 * 4 * 6).reshape(2, 4, 6)
    tokens = patchify(latent, 2)
    assert tokens[1].tolist() == [2, 3, 8, 9, 26, 27, 32, 33]
    assert torch.equal(unpatchify(tokens, (1, 2, 3), 2), latent)


def test_early_deltas_are_tamed_per_pixel() -> None:
    blank = torch.zeros(2, 1, 2)
    partial = torch.tensor([[[3.0, 0.3]], [[4.0, 0.4]]])
    scales = {"all_scale": 0.0, "part_scale": 2.0}
    late = guide(partial, partial, blank, 930, **scales)
    early = guide(partial, partial, blank, 931, **scales)
    assert torch.equal(late, 2 * partial)
    assert early.norm(dim=0).flatten().tolist() == pytest.approx([2 * 5**0.6, 1.0])
    full = guide(partial, blank, blank, 0, all_scale=3.0, part_scale=100.0)
    assert torch.equal(full, 3 * partial)


@pytest.mark.parametrize("seed", range(12))
def test_a_sample_does_not_depend_on_its_batch(seed: int) -> None:
    config = random_config(seed)
    decoder, batch = NaiveDecoder(config, random_tensors(config, seed)), random_batch(config, seed)
    together = decoder.velocity(*batch)
    for n, velocity in enumerate(together):
        (alone,) = decoder.velocity(*(part[n : n + 1] for part in batch))
        assert velocity.shape == batch.latents[n].shape
        assert bool(velocity.isfinite().all())
        assert deviation(velocity, alone) < 1e-4


def test_every_tensor_matters_but_the_documented_ones() -> None:
    seed = next(
        n
        for n in range(100)
        if (c := random_config(n))["padding_encoder_hidden_states"]
        and c["decoder_projector_type"] == "mlp2x_gelu"
    )
    config = random_config(seed)
    weights = {k: v.requires_grad_() for k, v in random_tensors(config, seed).items()}
    got = NaiveDecoder(config, weights).velocity(*random_batch(config, seed))
    sum(velocity.square().sum() for velocity in got).backward()
    last = f"decoder.transformer_blocks.{config['decoder_config']['num_layers'] - 1}"
    unused = {"encoder_padding_token", f"{last}.attn.norm_added_q.weight"}
    for name in ("attn.add_q_proj", "attn.to_add_out", "txt_mlp.net.0.proj", "txt_mlp.net.2"):
        unused |= {f"{last}.{name}.weight", f"{last}.{name}.bias"}
    without = {k for k, v in weights.items() if v.grad is None or not v.grad.any()}
    assert without == unused


def test_random_configurations_differ_and_repeat() -> None:
    configs = [random_config(seed) for seed in range(40)]
    assert configs == [random_config(seed) for seed in range(40)]
    for name in ("decoder_projector_type", "padding_encoder_hidden_states", "pad_to_fix_length",
                 "video_position_scale_factor", "vlm_cond_position_scale_factor"):  # fmt: skip
        assert len({c[name] for c in configs}) > 1
    for name in ("num_layers", "num_attention_heads", "attention_head_dim", "timestep_scale"):
        assert len({c["decoder_config"].get(name) for c in configs}) > 1
    for seed, config in enumerate(configs):
        batch = random_batch(config, seed)
        for latent, conditions in zip(batch.latents, batch.conditions, strict=True):
            rows = min(min(part.shape[1:]) // 2 for part in (latent, *conditions))
            assert len(conditions) < int(rows // 2 / config["video_position_scale_factor"])
        lengths = [
            (sum(map(math.prod, grids)), int(mask.sum()))
            for grids, mask in zip(batch.image_grids, batch.image_masks, strict=True)
        ]
        assert all(run - grid in (0, 1) for grid, run in lengths)


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_tensors_that_do_not_fit_are_refused(change: str) -> None:
    config = random_config(0)
    tensors = random_tensors(config, 0)
    if change == "missing":
        del tensors["decoder.txt_norm.weight"]
    elif change == "unknown":
        tensors["decoder.txt_norm.bias"] = torch.zeros(4)
    else:
        tensors["decoder.txt_norm.weight"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"decoder\.txt_norm"):
        NaiveDecoder(config, tensors)
