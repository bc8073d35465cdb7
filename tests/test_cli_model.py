"""`umm-evals model ...` as a newcomer meets it, on a tiny checkpoint; `umm-evals show model`.

Wrong input is in `test_cli_model_errors`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch

from evals.cli import main
from model.internvlu import loading
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.verify import Check
from model.internvlu.vlm import VisionLanguageModel
from tests.model.internvlu.kit import copied, noise
from tests.test_architecture import HEAVY

ROOT = Path(__file__).resolve().parent.parent
FAST = ("--steps", "1", "--height", "64", "--width", "64")


def call(*words: str | Path) -> int:
    try:
        main([str(w) for w in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    assert call("model", "tiny", folder) == 0
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    noise(120, 90).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def refused(
    capsys: pytest.CaptureFixture[str], words: list[str | Path], *said: str
) -> None:  # fmt: skip
    """The command ends with 2 and one sentence, that holds these words."""
    capsys.readouterr()
    assert call(*words) == 2
    shown = capsys.readouterr()
    for word in said:
        assert word in shown.err, shown.err
    assert "Traceback" not in shown.err
    assert len(shown.err.strip().splitlines()) == 1, shown.err
    assert shown.err.startswith("umm-evals: ")
    assert shown.out == ""


# --- what works ---------------------------------------------------------------------------------


def test_tiny_says_where_it_is_and_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("model", "tiny", tmp_path / "a", "--seed", "3") == 0
    said = capsys.readouterr()
    assert str(tmp_path / "a") in said.out
    assert "umm-evals model generate" in said.out
    assert said.err == ""
    assert call("model", "tiny", tmp_path / "b", "--seed", "3", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["checkpoint"] == str(tmp_path / "b")
    assert told["bytes"] == sum(p.stat().st_size for p in (tmp_path / "b").rglob("*.*"))
    weights = "vae/diffusion_pytorch_model.safetensors"
    assert (tmp_path / "a" / weights).read_bytes() == (tmp_path / "b" / weights).read_bytes()


def test_trainable_is_another_checkpoint_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("model", "tiny", tmp_path / "a", "--trainable") == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "a") in said
    assert "learnt nothing" in said
    assert call("model", "tiny", tmp_path / "b", "--trainable", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["trainable"] is True
    assert told["bytes"] > 20_000_000
    assert call("model", "info", tmp_path / "b") == 0
    capsys.readouterr()


def test_info_shows_the_parts_and_passes(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("model", "info", tiny) == 0
    said = capsys.readouterr().out
    for words in ("language model\t87,404\tfloat32", "56 x 56 pixels, 4 tokens", "-1, -2",
                  "edit 1024 x 1024", "Estimate", "whole: all 299 tensors"):  # fmt: skip
        assert words in said, words
    assert call("model", "info", tiny, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == []
    assert told["parameters"] == sum(p["parameters"] for p in told["parts"])
    assert len(told["digest"]) == 16
    assert {m["side"] for m in told["memory"]} == {512, 1024}


def test_info_of_a_folder_without_weights_says_what_is_missing(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(tiny, tmp_path / "c")
    for file in folder.rglob("*.safetensors"):
        file.unlink()
    shutil.rmtree(folder / "processor")
    (folder / "processor").mkdir()
    shutil.copy(tiny / "processor" / "processor_config.json", folder / "processor")
    assert call("model", "info", folder) == 1
    said = capsys.readouterr().out
    assert "language model\t87,404\tabsent" in said
    for name in loading.MODULES:
        assert f"problem: {folder / name}" in said
    assert f"problem: The tokenizer in {folder / 'processor'}" in said
    assert "4 problems" in said
    assert call("model", "info", folder, "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 4


def test_generate_writes_images_and_prints_their_paths(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "folder" / "panda.png"
    assert call("model", "generate", tiny, "a red panda", "-o", out, "--steps", "2") == 0
    said = capsys.readouterr()
    assert f"image: {out}" in said.out
    assert "96 x 96 pixels, seed 0" in said.out
    assert "steps: 2/2 done" in said.err
    pipe = InternVLUPipeline.from_pretrained(tiny, device="cpu")
    made = pipe.generate(["a red panda"], steps=2)[0].image
    assert (pixels(out) == np.asarray(made)).all()
    assert [p.name for p in out.parent.iterdir()] == ["panda.png"], "nothing else is left there"


def test_several_prompts_give_several_files_and_seeds(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.png"
    words = ("model", "generate", tiny, "a cat", "a dog", "-o", out, "--seed", "5", *FAST)
    assert call(*words, "--json") == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert shown.err == ""
    assert [Path(i["path"]).name for i in told["images"]] == ["x-1.png", "x-2.png"]
    assert [i["seed"] for i in told["images"]] == [5, 6]
    assert (told["device"], told["dtype"]) == ("cpu", "float32")
    assert call(*words, "--force") == 0
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1::2]] == [
        '  "a cat"', '  "a dog"'
    ]  # fmt: skip
    alone = tmp_path / "alone.png"
    assert call("model", "generate", tiny, "a dog", "-o", alone, "--seed", "6", *FAST) == 0
    assert (pixels(alone) == pixels(tmp_path / "x-2.png")).all()


def test_every_option_changes_the_image(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    words = ("model", "generate", tiny, "a cat", "-o", out, "--force", *FAST)
    assert call(*words) == 0
    seen = [pixels(out)]
    for flags in (["--guidance-scale", "1.5"], ["--shift", "6"], ["--seed", "1"], ["--think"],
                  ["--think", "--compat"], ["--dtype", "bfloat16"]):  # fmt: skip
        assert call(*words, *flags) == 0
        made = pixels(out)
        assert not any((made == other).all() for other in seen), flags
        seen.append(made)


def test_offload_changes_nothing(tiny: Path, tmp_path: Path) -> None:
    for name, flags in (("a.png", []), ("b.png", ["--offload"])):
        assert call("model", "generate", tiny, "a cat", "-o", tmp_path / name, *FAST, *flags) == 0
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()


def test_edit_gives_an_image_of_the_size_of_its_source(
    tiny: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e.png"
    words = ("model", "edit", tiny, "make it blue", "-i", picture, "-o", out, "--steps", "1")
    assert call(*words, "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["images"]
    assert Image.open(out).size == (120, 90)
    assert told["generated"] != [90, 120], "it is made in a size that the model can make"
    weighted = [*words, "--force", "--image-guidance-scale", "4"]
    before = pixels(out)
    assert call(*weighted) == 0
    assert (pixels(out) != before).any()
    assert call(*words, "--force", "--height", "64", "--width", "80") == 0
    assert Image.open(out).size == (80, 64)


def test_an_image_is_edited_as_a_person_sees_it(tiny: Path, tmp_path: Path) -> None:
    """EXIF says that the camera was turned, and there is transparency."""
    upright = noise(90, 120, mode="RGB")
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    for name in ("upright", "turned"):
        out = tmp_path / f"{name}-out.png"
        words = ("model", "edit", tiny, "x", "-i", tmp_path / f"{name}.png", "-o", out)
        assert call(*words, "--steps", "1") == 0
        assert Image.open(out).size == (90, 120)
    assert (pixels(tmp_path / "upright-out.png") == pixels(tmp_path / "turned-out.png")).all()


def test_several_images_are_combined(tiny: Path, picture: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.png"
    noise(80, 80, 1).save(second)
    made = []
    for images in ([picture], [picture, second], [second, picture]):
        out = tmp_path / f"{len(made)}.png"
        flags = [w for i in images for w in ("-i", i)]
        words = ("model", "edit", tiny, "combine them", *flags, "-o", out, "--steps", "1")
        assert call(*words, "--height", "96", "--width", "96") == 0
        made.append(pixels(out))
    assert (made[0] != made[1]).any()
    assert (made[1] != made[2]).any()


def test_reasoning_is_printed(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("model", "generate", tiny, "a cat", "-o", tmp_path / "x.png", "--think", *FAST)
    assert call(*words) == 0
    said = capsys.readouterr()
    pipe = InternVLUPipeline.from_pretrained(tiny, device="cpu")
    thought = pipe.generate(["a cat"], height=64, width=64, steps=1, think=True)[0].reasoning
    assert thought is not None
    assert said.out.startswith("reasoning: ")
    assert ("was cut after 200 tokens" in said.err) == (not thought.complete)
    assert call(*words, "--force", "--json") == 0
    told = json.loads(capsys.readouterr().out)["images"][0]["reasoning"]
    assert (told["text"], told["complete"]) == (thought.text, thought.complete)


def test_ask_prints_the_answer_alone(
    tiny: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = InternVLUPipeline.from_pretrained(tiny, device="cpu")
    wanted = pipe.answer(["What is it?"], [[Image.open(picture)]])[0]
    assert call("model", "ask", tiny, "What is it?", "--image", picture, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["text"], told["tokens"]) == (wanted.text, len(wanted.ids))
    assert call("model", "ask", tiny, "What is it?", "--image", picture) == 0
    shown = "".join(c if c.isprintable() or c in "\n\t" else "�" for c in wanted.text)
    assert capsys.readouterr().out == shown + "\n"
    assert call("model", "ask", tiny, "What is it?", "--max-new-tokens", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["tokens"] == 1


def test_an_answer_that_was_cut_says_so(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("model", "ask", tiny, "What is it?", "--max-new-tokens", "1") == 0
    assert "cut after 1 tokens; raise --max-new-tokens" in capsys.readouterr().err
    assert call("model", "ask", tiny, "What is it?", "--num-beams", "3", "--json") == 0
    beams = json.loads(capsys.readouterr().out)
    assert call("model", "ask", tiny, "What is it?", "--json") == 0
    assert json.loads(capsys.readouterr().out)["text"] != beams["text"]


def test_an_empty_answer_says_so(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def stop(self: Any, ids: Any, *_words: Any, **_flags: Any) -> Any:
        return torch.full((len(ids), 1), self.tokens.stop)

    monkeypatch.setattr(VisionLanguageModel, "write", stop)
    assert call("model", "ask", tiny, "What?") == 0
    assert capsys.readouterr() == ("\n", "The answer is empty.\n")
    out = tmp_path / "x.png"
    assert call("model", "generate", tiny, "a cat", "-o", out, "--think", *FAST) == 0
    assert "reasoning: (nothing)" in capsys.readouterr().out


def test_an_answer_cannot_steer_the_terminal(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from model.internvlu import pipeline

    read = pipeline.read

    def odd(*words: Any, **flags: Any) -> Any:
        import dataclasses

        return dataclasses.replace(read(*words, **flags), text="a\x1b[2Jb [bold]c[/bold]\n\u202ed")

    monkeypatch.setattr(pipeline, "read", odd)
    assert call("model", "ask", tiny, "What?", "--max-new-tokens", "1") == 0
    assert capsys.readouterr().out == "a�[2Jb [bold]c[/bold]\n�d\n"


# --- files --------------------------------------------------------------------------------------


def test_a_file_is_written_over_only_with_force(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.png"
    out.write_bytes(b"mine")
    words = ("model", "generate", tiny, "a cat", "-o", out, *FAST)
    assert call(*words) == 2
    assert f"{out} exists already" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert call(*words, "--force") == 0
    assert Image.open(out).size == (64, 64)


def test_nothing_half_written_is_left(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Path.write_bytes

    def full(self: Path, data: Any) -> int:
        real(self, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert call("model", "generate", tiny, "a cat", "-o", tmp_path / "x.png", *FAST) == 2
    assert "No space left" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_with_130_and_a_word(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evals.console import LiveProgress

    def stop(*_words: Any, **_flags: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LiveProgress, "advance", stop)
    assert call("model", "generate", tiny, "a cat", "-o", tmp_path / "x.png", *FAST) == 130
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- verify -------------------------------------------------------------------------------------


def check(stage: str, run: str, what: str, deviation: float = 0.0, **values: Any) -> Check:
    given = {"tolerance": 1e-4, "cases": 3, "passed": deviation <= 1e-4, **values}
    return Check(stage=stage, run=run, what=what, deviation=deviation, **given)


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """What the replay will find."""
    from model.internvlu import verify

    found: list[Check] = []
    monkeypatch.setattr(verify, "verify", lambda _folder: found)
    return found


def test_verify_shows_the_worst_of_each_run(
    replayed: list[Check], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed += [
        check("run", "t2i", "spans", 2e-5),
        check("run", "t2i", "decoded", 5e-5, cases=1200),
        check("run", "t2i", "ids", tolerance=0.0),
        check("quirks", "", "file", cases=0, note="not covered: errors"),
    ]
    assert call("model", "verify", tmp_path) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "run\tt2i\t1,206\t5e-05\t0.0001\tdecoded\tok"
    assert said[2].endswith("file\tnot compared")
    assert "quirks file: not covered: errors" in said[3]
    assert "4 checks of 1,206 cases" in said[4]
    assert "0 failed, 1 not compared" in said[4]
    assert call("model", "verify", tmp_path, "--all") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[5] for line in said[1:5]] == ["spans", "decoded", "ids", "file"]
    assert said[3].split("\t")[4] == "equal"


def test_verify_fails_when_anything_is_over_its_tolerance(
    replayed: list[Check], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed += [
        check("vae", "", "latents", 9e-5),
        check("run", "edit", "ids", 1.0, tolerance=0.0, note="row 2"),
        check("run", "edit", "velocities", float("inf"), note="shape [3] and ours [4]"),
    ]
    assert call("model", "verify", tmp_path) == 1
    said = capsys.readouterr().out
    assert "run\tedit\t6\tinf\t0.0001\tvelocities\tFAILED" in said
    assert "FAILED run edit velocities: shape [3] and ours [4]" in said
    assert "FAILED run edit ids: row 2" in said
    assert said.rstrip().endswith("2 failed, 0 not compared")
    assert call("model", "verify", tmp_path, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["failed"]) == (False, 2)
    assert told["checks"][2]["deviation"] == "Infinity"


def test_nothing_compared_is_not_verified(replayed: list[Check], tmp_path: Path) -> None:
    assert call("model", "verify", tmp_path) == 1
    replayed.append(check("quirks", "", "file", cases=0, note="not covered: errors"))
    assert call("model", "verify", tmp_path) == 1


def test_verify_replays_real_recordings(
    model_fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recordings of one stage pass, and do not when a number of theirs is changed."""
    folder = tmp_path / "f"
    shutil.copytree(model_fixtures / "tiny-checkpoint", folder / "tiny-checkpoint")
    (folder / "expected").mkdir()
    for name in ("vae.safetensors", "scheduler.safetensors"):
        (folder / "expected" / name).write_bytes((model_fixtures / "expected" / name).read_bytes())
    assert call("model", "verify", folder) == 0
    assert "FAILED" not in capsys.readouterr().out

    from safetensors.torch import load_file, save_file

    file = folder / "expected" / "vae.safetensors"
    state = load_file(file)
    key = next(k for k in state if "latents" in k)
    state[key][0].flatten()[0] += 0.01
    save_file(state, file)
    assert call("model", "verify", folder) == 1
    assert "FAILED vae" in capsys.readouterr().out


# --- help and show ------------------------------------------------------------------------------


def test_help_is_light() -> None:
    code = (
        "import sys, json, contextlib, io\n"
        "from evals.cli import main\n"
        "for words in (['--help'], ['model', '--help'], ['model', 'edit', '--help']):\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        try: main(words)\n"
        "        except SystemExit: pass\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(json.loads(done.stdout.splitlines()[-1])) & HEAVY


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("tiny", "info", "generate", "edit", "ask", "verify"):
        assert call("model", name, "--help") == 0
        assert name in capsys.readouterr().out


def test_absent_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, p=None: None if n == "diffusers" else real(n, p)
    )
    for words in (["tiny", "new"], ["info", "."], ["ask", ".", "What?"], ["verify", "."]):
        refused(capsys, ["model", *words], "'diffusers'", "umm-evals[models]")


def test_show_model_prints_what_it_is_and_its_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evals import plan
    from evals.core.registry import Registry

    catalog = {"internvlu": "model.adapters.internvlu:make", "replay": "model.adapters.replay:make"}
    monkeypatch.setattr(plan, "adapters", lambda: Registry("model adapter", catalog, "none"))
    assert call("show", "model", "internvlu") == 0
    said = capsys.readouterr().out
    assert "InternVL-U" in said
    assert "\nsteps\tint\t20\t" in said
    assert "Raises" not in said
    assert call("show", "model", "internvlu", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    steps = next(o for o in told["options"] if o["name"] == "steps")
    assert (steps["type"], steps["default"]) == ("int", "20")
    assert call("show", "model", "replay") == 0
    assert "``match``" in capsys.readouterr().out
    refused(capsys, ["show", "model", "intern"], "'intern'", "'internvlu'")


def test_show_model_works_for_everything_that_is_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from model.catalog import ADAPTERS

    for name in ADAPTERS:
        assert call("show", "model", name) == 0
        assert len(capsys.readouterr().out.splitlines()) > 1, name
