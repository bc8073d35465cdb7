"""Recordings of the released code, of our own checkpoint and of one of other sizes; and changed
recordings, each of which must be found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import load_file, save_file  # noqa: E402

from model.internvlu.verify import verify  # noqa: E402
from tests.model.internvlu.record_golden import GOLDEN, record  # noqa: E402
from tests.model.internvlu.unusual import write_other_decoder, write_unusual  # noqa: E402
from tests.model.internvlu.verify_kit import (  # noqa: E402
    CHECKPOINT,
    EXPECTED,
    Change,
    alter,
    compared,
    cut,
    failed,
    golden,
    gone,
    left_out,
    plus,
    runs_end_to_end,
    swapped,
    text,
)

STAGES = {
    "keys", "prompts", "sizes", "processor", "vlm", "msrope", "scheduler", "vae", "decoder", "run",
}  # fmt: skip
EXPLAINED = (
    "no class of the release uses it", "errors of the reference, which are not repeated",
    "is absent", "is not in the folder",
)  # fmt: skip
"""Why something of recordings of the released code may be left out."""


# --- what must agree ----------------------------------------------------------------------------


def test_the_golden_recordings_agree() -> None:
    rows = verify(GOLDEN)
    assert failed(rows) == []
    assert left_out(rows) == []
    assert compared(rows) == STAGES
    assert runs_end_to_end(rows) == set(json.loads(text(GOLDEN, "runs.json")))


def test_recordings_of_the_released_code_agree(model_fixtures: Path) -> None:
    rows = verify(model_fixtures)
    assert failed(rows) == []
    absent = {stage for stage, _, note in left_out(rows) if note.endswith("is absent")}
    assert compared(rows) == STAGES - absent
    assert runs_end_to_end(rows) == set(json.loads(text(model_fixtures, "runs.json")))
    for stage, _, note in left_out(rows):
        if stage == "file":
            assert all(key.endswith(".attn_out") for key in note.split(": ")[1].split(", "))
        else:
            assert any(why in note for why in EXPLAINED), note


def test_a_checkpoint_of_other_sizes_agrees(tmp_path: Path) -> None:
    write_unusual(tmp_path / CHECKPOINT)
    other = write_other_decoder(tmp_path / "other" / "generation_decoder")
    answered = {"prompt": "What is it?", "image": "wide", "generation_mode": "text",
                "max_new_tokens": 7}  # fmt: skip
    calls: Mapping[str, Mapping[str, Any]] = {
        "scaled": {"prompt": "a bird", "generation_mode": "image", "num_inference_steps": 2,
                   "seed": [5], "all_cfg_scale": 2.5, "system_prompt": "Paint."},
        "mixed": {"prompt": ["a bird", "a house"], "image": ["tall", None], "seed": [5, 9],
                  "generation_mode": "image", "height": 70, "width": 90, "part_cfg_scale": 0.5,
                  "num_inference_steps": 2},
        "beams": {"prompt": ["a bird", "make the wide house blue, please"], "num_beams": 3,
                  "image": ["tall", "wide"], "generation_mode": "text_image", "seed": 3,
                  "min_new_tokens": 4, "max_new_tokens": 9, "num_inference_steps": 2},
    }  # fmt: skip
    record(tmp_path / CHECKPOINT, tmp_path / EXPECTED, runs={**calls, "answered": answered},
           decoders=[other], rows=4)  # fmt: skip
    rows = verify(tmp_path)
    assert failed(rows) == []
    assert left_out(rows) == []
    assert compared(rows) == STAGES
    assert runs_end_to_end(rows) == set(calls)
    assert [r.what for r in rows if r.run == "answered"] == ["ids of the answer"]
    notes = [r.note for r in rows if r.stage == "decoder" and r.run == "other1" and r.note]
    assert notes == ["through other"]


# --- what must be found -------------------------------------------------------------------------


PIECES: Mapping[str, Mapping[str, Change]] = {
    "state_dict_keys.json": {"vae": swapped("decoder.conv_in.bias", "decoder.conv_in.shift")},
    "prompts.json": {"rows": swapped("A red house.", "A red house!"),
                     "special_token_list": lambda x: x[::-1],
                     "special_token_ids": lambda x: {**x, "<img>": 1}},
    "resize_rules.json": {"smart_resize_release_params": swapped("[512, 512]", "[512, 528]")},
    "processor.safetensors": {
        "wide__und_pixel_values_fp32": plus(1e-5), "tall__gen_patches_fp32": plus(1e-5),
        "wide__gen_grid_thw": plus(1, 0, 1), "tall__uint8_hwc": plus(1),
        "edit__input_ids": plus(1, 1, 200),
        "text__pixel_values": plus(1 / 64), "edit__pixel_values_gen": plus(1 / 64),
        "edit__image_grid_thw_gen": plus(1, 0, 1),
    },
    "vlm.safetensors": {
        "batch__image_features": plus(1e-4), "plain__hidden_states__1": plus(1e-4),
        "batch__logits": plus(1e-4, 1, -1, 3), "plain__greedy_ids_6": plus(1, 0, 5),
        "batch__beam2_ids_5": plus(1, 1, 0), "ntp__loss": lambda x: x * 1.001,
        "ntp__grad_norms": lambda x: x + 1e-3 * x.max(),
    },
    "msrope.safetensors": {"one__position_ids": plus(1), "two__axes_2_4_6__sin": plus(1e-5)},
    "scheduler.safetensors": {"n3__timesteps": plus(1), "n3__sigmas": plus(1e-6),
                              "n7__x4": plus(1e-4)},
    "vae.safetensors": {"latents_from_pixels": plus(1e-3), "pixels_from_latents": plus(0.01)},
    "decoder.safetensors": {"ragged__velocity": plus(1e-3), "ragged__prepared_embeds": plus(1e-3),
                            "train__loss": lambda x: x * 1.001, "train__grad_norms": plus(1.0)},
}  # fmt: skip
FOUND = {
    ("keys", "vae", "names and shapes of weights"),
    ("prompts", "", "strings"), ("prompts", "", "order of special tokens"),
    ("prompts", "", "ids of special tokens"), ("sizes", "released", "height and width"),
    ("processor", "wide", "pixels for understanding"), ("processor", "tall", "condition image"),
    ("processor", "wide", "grid of the condition image"),
    ("processor", "tall", "pixels of the file"), ("processor", "edit", "ids"),
    ("processor", "text", "pixels for understanding, bfloat16"),
    ("processor", "edit", "condition images, bfloat16"),
    ("processor", "edit", "grids of latents"),
    ("vlm", "batch", "vision features"), ("vlm", "plain", "hidden states"),
    ("vlm", "batch", "logits"), ("vlm", "plain", "ids, greedy"), ("vlm", "batch", "ids, beam2"),
    ("vlm", "ntp", "loss, relative"), ("vlm", "ntp", "gradient norms, relative to the largest"),
    ("msrope", "one", "positions"), ("msrope", "one", "tables"), ("msrope", "two", "tables"),
    ("scheduler", "n3", "timesteps"), ("scheduler", "n3", "sigmas"),
    ("scheduler", "n7", "trajectory"), ("vae", "", "latents of pixels"),
    ("vae", "", "pixels of latents"), ("decoder", "ragged", "velocity"),
    ("decoder", "ragged", "spans behind the projector"), ("decoder", "train", "loss, relative"),
    ("decoder", "train", "gradient norms, relative to the largest"),
}  # fmt: skip


def test_every_changed_number_of_a_piece_is_found_and_no_other(tmp_path: Path) -> None:
    folder = golden(tmp_path, "*.json", "*.safetensors", "input_*.png")
    for path in (folder / EXPECTED).glob("run*"):
        path.unlink()
    for name, changes in PIECES.items():
        alter(folder / EXPECTED / name, **changes)
    rows = verify(folder)
    wrong = failed(rows)
    # A pixel changed in the recorded input changes what is made of it, too.
    made_of_tall = {("processor", "tall", "pixels for understanding")}
    assert {(r.stage, r.run, r.what) for r in wrong} - made_of_tall == FOUND
    assert all(r.note for r in wrong)


RUN_CHANGES: Mapping[str, tuple[str, Change, set[str]]] = {
    "an id of the prompt": ("vlm__input_ids", plus(1, 0, 150), {"ids", "spans"}),
    "attended padding": ("vlm__attention_mask", plus(1, 2, 0), {"ids", "spans"}),
    "a pixel for the language model": (
        "vlm__pixel_values", plus(0.5), {"pixels for understanding, bfloat16", "spans"}),
    "a span": (
        "cond__0__encoder_hidden_states", plus(0.05, 3, 5),
        {"spans", "padded spans", "velocities"}),
    "which tokens are visual": (
        "cond__1__encoder_image_token_mask", lambda x: ~x,
        {"spans", "velocities"}),
    "a padded span": ("prompt_embeds", plus(1e-3), {"padded spans"}),
    "a condition image": (
        "cond__0__conditional_image", plus(1 / 64),
        {"condition images, bfloat16", "condition latents"}),
    "a condition latent": (
        "cond__0__latents", plus(0.05),
        {"condition latents", "velocities"}),
    "a grid": ("processor__image_grid_thw_gen", plus(1, 0, 1), {"grids of latents"}),
    "noise": (
        "latents__initial", plus(0.01),
        {"noise", "velocities", "steps of the solver"}),
    "a velocity": (
        "step1__velocity_branches", plus(1e-3), {"velocities", "guided velocities"}),
    "a guided velocity": (
        "step0__velocity_guided", plus(2e-3),
        {"guided velocities", "steps of the solver"}),
    "latents": (
        "step1__latents_next", plus(5e-3),
        {"steps of the solver", "decoded"}),
    "a timestep": ("scheduler__timesteps", plus(1), {"timesteps"}),
    "a timestep of a row": ("step1__timestep", plus(1.0, 2), {"timesteps", "velocities"}),
    "a noise level": ("scheduler__sigmas", plus(1e-6), {"sigmas"}),
    "decoded pixels": ("decoded", plus(5e-3), {"decoded"}),
    "the image": (
        "final__0__uint8_hwc", lambda x: x ^ 4,
        {"image of what was decoded", "image from prompt and images"}),
    "the reasoning": (
        "generate_output", plus(1, 0, 2), {"ids of the reasoning", "ids"}),
    "a shape": ("step0__velocity_branches", cut, {"velocities", "guided velocities"}),
    "a lost tensor": ("decoded", gone, {"decoded", "image of what was decoded"}),
}  # fmt: skip


@pytest.mark.parametrize("name", RUN_CHANGES)
def test_a_changed_number_of_a_run_is_found(tmp_path: Path, name: str) -> None:
    key, change, expected = RUN_CHANGES[name]
    folder = golden(tmp_path, "run_think.safetensors", "input_*.png", "think.0.png")
    entry = {"think": json.loads(text(GOLDEN, "runs.json"))["think"]}
    (folder / EXPECTED / "runs.json").write_text(json.dumps(entry), "utf-8")
    alter(folder / EXPECTED / "run_think.safetensors", **{key: change})
    found = {r.what for r in failed(verify(folder))}
    assert found - {"all steps in a row", "image of all steps in a row"} == expected


@pytest.mark.parametrize(
    ("component", "file", "stages"),
    [
        ("vlm", "model", {"vlm"}),
        ("generation_decoder", "model", {"decoder"}),
        ("vae", "diffusion_pytorch_model", {"vae"}),
    ],
)
def test_other_weights_are_found(
    tmp_path: Path, component: str, file: str, stages: set[str]
) -> None:
    folder = golden(tmp_path, "vlm.*", "decoder.*", "vae.*")
    (folder / CHECKPOINT).unlink()
    shutil.copytree(GOLDEN / CHECKPOINT, folder / CHECKPOINT)
    path = folder / CHECKPOINT / component / f"{file}.safetensors"
    weights = load_file(path)
    # Of every matrix one column, by a hundredth.
    for tensor in weights.values():
        if tensor.ndim > 1:
            tensor[:, 0] *= 1.01
    save_file(weights, path)
    rows = verify(folder)
    assert {r.stage for r in failed(rows)} == stages
    assert all(r.note for r in failed(rows))


def test_the_solver_is_that_of_the_released_code_whatever_its_file_says(tmp_path: Path) -> None:
    folder = golden(tmp_path, "scheduler.*")
    (folder / CHECKPOINT).unlink()
    shutil.copytree(GOLDEN / CHECKPOINT, folder / CHECKPOINT)
    path = folder / CHECKPOINT / "scheduler" / "scheduler_config.json"
    alter(path, flow_shift=lambda _: 5.0)
    assert failed(verify(folder)) == []
    alter(path, solver_order=lambda _: 1)
    assert {r.what for r in failed(verify(folder))} == {"trajectory"}
