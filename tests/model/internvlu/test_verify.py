"""Recordings of the released code, of our own checkpoint and of one of other sizes; and changed
recordings, each of which must be found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import load_file, save_file  # noqa: E402

from evals.core.errors import UserError  # noqa: E402
from model.internvlu.verify import Check, verify  # noqa: E402
from tests.model.internvlu.record_golden import GOLDEN, record  # noqa: E402
from tests.model.internvlu.unusual import write_other_decoder, write_unusual  # noqa: E402

CHECKPOINT, EXPECTED = "tiny-checkpoint", "expected"
STAGES = {
    "keys", "prompts", "sizes", "processor", "vlm", "msrope", "scheduler", "vae", "decoder", "run",
}  # fmt: skip
Change = Callable[[Any], Any]


def failed(rows: list[Check]) -> list[Check]:
    return [r for r in rows if not r.passed]


def left_out(rows: list[Check]) -> list[tuple[str, str, str]]:
    return [(r.stage, r.run, r.note) for r in rows if r.note.startswith("not covered: ")]


def compared(rows: list[Check]) -> set[str]:
    return {r.stage for r in rows if r.cases}


def runs_end_to_end(rows: list[Check]) -> set[str]:
    return {r.run for r in rows if r.what == "image from prompt and images" and r.cases}


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
    assert compared(rows) == STAGES
    assert runs_end_to_end(rows) == set(json.loads(text(model_fixtures, "runs.json")))
    notes = {note for _, _, note in left_out(rows)}
    blocks = [f"{tag}.block{n}.attn_out" for tag in ("cond", "nocond") for n in range(2)]
    assert notes == {
        "not covered: no class of the release uses it",
        "not covered: errors of the reference, which are not repeated",
        f"not covered: {', '.join(blocks)}",
    }


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


def text(folder: Path, name: str) -> str:
    return (folder / EXPECTED / name).read_text("utf-8")


def golden(to: Path, *files: str) -> Path:
    """The golden checkpoint with some of its recordings."""
    to.mkdir(parents=True, exist_ok=True)
    (to / CHECKPOINT).symlink_to(GOLDEN / CHECKPOINT)
    (to / EXPECTED).mkdir()
    for pattern in files:
        for path in (GOLDEN / EXPECTED).glob(pattern):
            shutil.copy(path, to / EXPECTED)
    return to


def alter(path: Path, **changes: Change) -> None:
    """Change keys of a file; ``__`` stands for a dot, and a key whose change is None is dropped."""
    whole = (
        load_file(path) if path.suffix == ".safetensors" else json.loads(path.read_text("utf-8"))
    )
    for name, change in changes.items():
        key = name.replace("__", ".")
        value = change(whole.pop(key))
        if value is not None:
            whole[key] = value
    if path.suffix == ".safetensors":
        save_file({k: v.contiguous() for k, v in whole.items()}, path)
    else:
        path.write_text(json.dumps(whole), "utf-8")


def plus(amount: float, *place: int) -> Change:
    """Add to one element: of all values the reference may not be off by so much in a single one."""

    def change(tensor: Any) -> Any:
        tensor[place or (0,) * tensor.ndim] += amount
        return tensor

    return change


def cut(tensor: Any) -> Any:
    return tensor[..., :-1]


def gone(_value: Any) -> None:
    return None


def swapped(word: str, other: str) -> Change:
    return lambda value: json.loads(json.dumps(value).replace(word, other))


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


# --- arguments ----------------------------------------------------------------------------------


def one_run(to: Path, name: str, *files: str, **arguments: Any) -> Path:
    """A folder with one golden run, its arguments changed."""
    folder = golden(to, f"{name}.*.png", "input_*.png", *files)
    entry = {**json.loads(text(GOLDEN, "runs.json"))[name], **arguments}
    (folder / EXPECTED / "runs.json").write_text(json.dumps({name: entry}), "utf-8")
    return folder


def test_an_argument_without_effect_is_named_and_passes(tmp_path: Path) -> None:
    (row,) = (r for r in verify(one_run(tmp_path, "t2i", timestep_trunc=0)) if r.cases)
    assert row.passed
    assert row.note == "without the argument timestep_trunc, which changed nothing"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"all_cfg_scale": 1.0}, False),
        ({"num_inference_steps": 5}, False),
        ({"system_prompt": "Paint."}, False),
        ({"seed": 2}, False),
        ({"timestep_trunc": 1, "seed": 2}, True),
        ({"do_sample": True, "seed": 2}, True),
    ],
)
def test_other_arguments_give_another_image(
    tmp_path: Path, arguments: dict[str, Any], named: bool
) -> None:
    (row,) = failed(verify(one_run(tmp_path, "t2i", **arguments)))
    assert row.what == "image from prompt and images"
    assert row.deviation > 1
    assert ("which the pipeline does not repeat" in row.note) == named


def test_more_images_than_ours_are_found(tmp_path: Path) -> None:
    folder = one_run(tmp_path, "t2i", num_images_per_prompt=2)
    shutil.copy(folder / EXPECTED / "t2i.0.png", folder / EXPECTED / "t2i.1.png")
    (row,) = failed(verify(folder))
    assert "2 images are recorded and ours are 1" in row.note
    assert "num_images_per_prompt" in row.note


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"generation_mode": "video"}, "'video'"),
        ({"image": "nobody"}, "'nobody'"),
        ({"image": ["wide", "tall"]}, "2 images are recorded for 1 prompts"),
        ({"prompt": " "}, "empty"),
        ({"height": 8}, "too small"),
        ({"num_beams": 0}, "num_beams"),
    ],
)
def test_arguments_that_cannot_be(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    rows = failed(verify(one_run(tmp_path, "t2i", **arguments)))
    assert rows
    assert all(said in r.note for r in rows)


# --- fixtures that are not whole ----------------------------------------------------------------


@pytest.mark.parametrize(
    "missing", [("",), (CHECKPOINT,), (EXPECTED,), (CHECKPOINT, EXPECTED)], ids=str
)
def test_no_fixture_folder(tmp_path: Path, missing: tuple[str, ...]) -> None:
    folder = tmp_path / "fixture"
    if missing != ("",):
        golden(folder, "vae.*")
    for name in missing:
        if name == CHECKPOINT:
            (folder / name).unlink()
        elif name:
            shutil.rmtree(folder / name)
    with pytest.raises(UserError, match="fixture") as caught:
        verify(folder)
    assert str(caught.value).count(". ") == 0


def test_nothing_recorded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of the recorded files"):
        verify(golden(tmp_path))


def test_a_checkpoint_that_cannot_be_read_is_the_users_error(tmp_path: Path) -> None:
    folder = golden(tmp_path, "vae.*")
    (folder / CHECKPOINT).unlink()
    shutil.copytree(GOLDEN / CHECKPOINT, folder / CHECKPOINT)
    (folder / CHECKPOINT / "vlm" / "config.json").write_text("{", "utf-8")
    with pytest.raises(UserError, match=r"vlm.config\.json"):
        verify(folder)


FILES = {
    "state_dict_keys.json": "keys", "prompts.json": "prompts", "resize_rules.json": "sizes",
    "processor.safetensors": "processor", "vlm.safetensors": "vlm", "vlm.json": "vlm",
    "msrope.json": "msrope", "msrope.safetensors": "msrope", "scheduler.safetensors": "scheduler",
    "vae.safetensors": "vae", "decoder.safetensors": "decoder", "decoder.json": "decoder",
    "runs.json": "run", "run_t2i.safetensors": "run",
}  # fmt: skip


def around(to: Path, name: str) -> Path:
    """A folder with one file and what belongs to it."""
    if FILES[name] == "run":
        return golden(to, "runs.json", "run_t2i.safetensors", "t2i.0.png")
    return golden(to, f"{name.partition('.')[0]}.*")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_or_empty_is_named(tmp_path: Path, name: str) -> None:
    folder = around(tmp_path, name)
    path = folder / EXPECTED / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    rows = failed(verify(folder))
    assert {r.stage for r in rows} == {FILES[name]}
    assert any(name in r.note for r in rows)
    if path.suffix == ".json":
        path.write_text("{}", "utf-8")
    else:
        save_file({}, path)
    assert {r.stage for r in failed(verify(folder))} == {FILES[name]}


@pytest.mark.parametrize("name", FILES)
def test_an_absent_file_is_named_and_no_failure(tmp_path: Path, name: str) -> None:
    folder = around(tmp_path, name)
    (folder / EXPECTED / name).unlink()
    shutil.copy(GOLDEN / EXPECTED / "scheduler.safetensors", folder / EXPECTED)
    if name == "runs.json":
        (folder / EXPECTED / "t2i.0.png").unlink()
    elif name == "run_t2i.safetensors":
        whole = json.loads(text(folder, "runs.json"))
        (folder / EXPECTED / "runs.json").write_text(json.dumps({"t2i": whole["t2i"]}), "utf-8")
    rows = verify(folder)
    assert failed(rows) == []
    if name == "scheduler.safetensors":
        assert compared(rows) == {"scheduler"}
    else:
        assert any(name in note for _, _, note in left_out(rows))


def test_a_decoder_that_is_not_there_is_no_failure(tmp_path: Path) -> None:
    """Its weights are listed, so that spans of another width are no damage."""
    folder = golden(tmp_path, "decoder.*", "state_dict_keys.json")
    other = write_other_decoder(tmp_path / "other" / "generation_decoder")
    out = folder / EXPECTED
    shutil.rmtree(out)
    record(GOLDEN / CHECKPOINT, out, runs={}, decoders=[other])
    for path in out.iterdir():
        if path.name not in ("decoder.safetensors", "decoder.json", "state_dict_keys.json"):
            path.unlink()
    assert failed(verify(folder)) == []
    shutil.rmtree(tmp_path / "other")
    rows = verify(folder)
    assert failed(rows) == []
    assert {(stage, run) for stage, run, note in left_out(rows) if "decoder" in note} == {
        ("keys", "generation_decoder(identity)"), ("decoder", "other1"),
    }  # fmt: skip
    (out / "state_dict_keys.json").unlink()
    (row,) = failed(verify(folder))
    assert row.run == "other1"
    assert "takes vectors of 96 channels" in row.note
