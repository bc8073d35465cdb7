"""Wrong input to `umm-evals model ...`: one sentence, exit code 2, nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch

from evals.cli import main
from model.internvlu import checkpoint as files
from model.internvlu import loading
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.tiny import write_tiny
from model.internvlu.vlm import VisionLanguageModel
from tests.model.internvlu.kit import GONE, changed, copied, noise
from tests.test_cli_model import FAST, call, refused


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("model") / "tiny")


def _one_shard_less(folder: Path) -> None:
    parts = InternVLUPipeline.from_pretrained(folder, device="cpu").parts
    files.save(parts.decoder, folder / "generation_decoder", shard=300_000)
    (folder / "generation_decoder" / "model-00002-of-00003.safetensors").unlink()


def _weights(component: str, change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        file = files.weight_files(folder / component)[0]
        state = load_file(file)
        change(state)
        save_file(state, file)

    return apply


def _pickle(folder: Path) -> None:
    (folder / "vlm" / "model.safetensors").unlink()
    torch.save({}, folder / "vlm" / "pytorch_model.bin")


def _cut_short(folder: Path) -> None:
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def _config(name: str, **values: Any) -> Callable[[Path], None]:
    return lambda folder: changed(folder / name, **values)


BROKEN: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "missing shard": (_one_shard_less, ["lacks 1 of 3 shards", "00002-of-00003"]),
    "wrong shape": (
        _weights("vae", lambda s: s.update({"quant_conv.bias": torch.zeros(3)})),
        ["quant_conv.bias of shape [3] in place of [32]"],
    ),
    "extra keys": (
        _weights("vlm", lambda s: s.update({"value_head.weight": torch.zeros(3)})),
        ["1 that nobody asks for (value_head.weight)"],
    ),
    "missing keys": (
        _weights("vlm", lambda s: s.pop("mlp1.0.bias")), ["lacks 1 tensors (mlp1.0.bias)"],
    ),
    "a pickle": (_pickle, ["pytorch_model.bin", "can run code"]),
    "cut short": (_cut_short, ["no whole safetensors file", "get it again"]),
    "no weights": (
        lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink(),
        ["diffusion_pytorch_model.safetensors is missing"],
    ),
    "unknown language model": (
        _config("vlm/config.json", llm_config__architectures=["GPT2LMHeadModel"]),
        ["'GPT2LMHeadModel'", "supported are Qwen3ForCausalLM"],
    ),
    "unknown VAE": (
        _config("model_index.json", vae=["diffusers", "AutoencoderKL"]),
        ["'AutoencoderKL' as vae", "supported is AutoencoderKLQwenImage"],
    ),
    "no such part": (_config("model_index.json", scheduler=GONE), ["as scheduler"]),
    "unknown image processor": (
        _config("processor/processor_config.json", image_gen_processor_class="FixRes"),
        ["'FixRes'"],
    ),
    "no index": (
        lambda folder: (folder / "model_index.json").unlink(), ["holds no model_index.json"],
    ),
    "no JSON": (
        lambda folder: (folder / "vlm" / "config.json").write_text("{", "utf-8"),
        ["vlm/config.json cannot be read as JSON"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_checkpoint_is_answered_in_one_sentence(
    tiny: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, said = BROKEN[name]
    folder = copied(tiny, tmp_path / "c")
    spoil(folder)
    out = tmp_path / "x.png"
    refused(capsys, ["model", "generate", folder, "a cat", "-o", out, *FAST], *said)
    assert not out.exists()
    code = call("model", "info", folder)
    shown = capsys.readouterr()
    assert code in {1, 2}
    if code == 1:
        assert all(word in shown.out for word in said), "info sees it too"


GENERATE = ["model", "generate", "{tiny}", "a cat", "-o", "x.png"]
EDIT = ["model", "edit", "{tiny}", "make it blue", "-o", "x.png", "-i"]
WRONG: list[tuple[list[str], list[str]]] = [
    (["model", "generate", "{tiny}", "  ", "-o", "x.png"], ["The prompt is empty"]),
    (["model", "generate", "{tiny}", "a", "", "-o", "x.png"], ["The prompt is empty"]),
    (["model", "ask", "{tiny}", ""], ["The prompt is empty"]),
    ([*EDIT[:3], "", *EDIT[4:], "good.png"], ["The prompt is empty"]),
    ([*EDIT, "small.png"], ["15 x 40 pixels", "16 or more", "enlarge it"]),
    ([*EDIT, "good.png", "--height", "48"], ["96 x 48 pixels is too small for an edit", "64"]),
    ([*EDIT, "long.png"], ["3300 x 16 pixels", "aspect ratio over 200", "crop it"]),
    ([*GENERATE, "--height", "16", "--width", "3300"], ["aspect ratio over 200"]),
    ([*GENERATE, "--height", "8"], ["96 x 8 pixels is too small", "16 or more"]),
    ([*EDIT, "good.png", "-i", "good.png", "-i", "good.png", "--height", "64", "--width", "64"],
     ["3 condition images are too many", "allows 1"]),
    ([*EDIT, "none.png"], ["none.png does not exist"]),
    ([*EDIT, "text.png"], ["text.png is not an image"]),
    ([*EDIT, "cut.png"], ["cut.png is damaged"]),
    (["model", "ask", "{tiny}", "What?", "-i", "none.png"], ["none.png does not exist"]),
    ([*GENERATE[:-1], "x.jpg"], ["does not end in .png"]),
    ([*GENERATE[:-1], "folder.png"], ["is a folder"]),
    ([*GENERATE[:-1], "text.png/x.png"], ["text.png is no folder", "text.png/x.png"]),
    ([*GENERATE, "--steps", "0"], ["--steps is 0", "1 or more"]),
    ([*GENERATE, "--height", "0"], ["--height is 0"]),
    ([*GENERATE, "--width", "-16"], ["--width is -16"]),
    ([*GENERATE, "--seed", "-1"], ["--seed is -1"]),
    ([*GENERATE, "--seed", str(2**63)], ["--seed is 9223372036854775808"]),
    ([*GENERATE, "--guidance-scale", "nan"], ["--guidance-scale is nan"]),
    ([*GENERATE, "--image-guidance-scale", "inf"], ["--image-guidance-scale is inf"]),
    ([*GENERATE, "--shift", "0"], ["--shift is 0"]),
    ([*GENERATE, "--device", "gpu"], ["The device 'gpu' cannot be used"]),
    ([*GENERATE, "--dtype", "int8"], ["The dtype 'int8' is unknown", "bfloat16"]),
    (["model", "ask", "{tiny}", "What?", "--max-new-tokens", "0"], ["--max-new-tokens is 0"]),
    (["model", "ask", "{tiny}", "What?", "--num-beams", "0"], ["--num-beams is 0"]),
    (["model", "ask", "{tiny}", "What?", "--max-new-tokens", "5000"],
     ["over the model's 4096", "ask for fewer tokens"]),
    (["model", "generate", "nowhere", "a cat", "-o", "x.png"], ["nowhere does not exist"]),
    (["model", "generate", "text.png", "a cat", "-o", "x.png"], ["text.png"]),
    (["model", "info", "nowhere"], ["No checkpoint", "nowhere does not exist"]),
    (["model", "info", "org/none"], ["neither a folder nor in the hub's cache", "hf download"]),
    (["model", "info", "."], ["model_index.json is missing"]),
    (["model", "tiny", "."], ["is not empty"]),
    (["model", "tiny", "text.png"], ["exists already"]),
    (["model", "tiny", "new", "--seed", "-1"], ["--seed is -1"]),
    (["model", "verify", "nowhere"], ["nowhere"]),
    (["model", "verify", "."], ["tiny-checkpoint"]),
]  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with good and bad images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    noise(100, 90).save("good.png")
    noise(15, 40).save("small.png")
    noise(3300, 16).save("long.png")
    Path("text.png").write_text("no image")
    Path("cut.png").write_bytes(Path("good.png").read_bytes()[:9000])
    Path("folder.png").mkdir()
    return tmp_path


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w)[6:60] for w, _ in WRONG])
def test_wrong_words_are_answered_in_one_sentence(
    tiny: Path, bench: Path, words: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(p.name for p in bench.rglob("*"))
    refused(capsys, [w.format(tiny=tiny) for w in words], *said)
    assert sorted(p.name for p in bench.rglob("*")) == before, "nothing is written"


def test_wrong_input_is_told_as_json_too(
    tiny: Path, bench: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("model", "edit", tiny, "x", "-o", "x.png", "-i", "small.png", "--json") == 2
    assert "enlarge it" in json.loads(capsys.readouterr().out)["error"]


def test_wrong_input_is_seen_before_weights_are_loaded(
    tiny: Path, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_words: Any, **_flags: Any) -> None:
        raise AssertionError("weights are loaded")

    monkeypatch.setattr(loading, "read_parts", refuse)
    refused(capsys, ["model", "ask", tiny, " "], "empty")
    refused(capsys, ["model", "generate", tiny, " ", "-o", "x.png"], "empty")
    refused(capsys, ["model", "edit", tiny, "x", "-i", "small.png", "-o", "x.png"], "enlarge it")
    refused(capsys, [*(w.format(tiny=tiny) for w in GENERATE), "--height", "8"], "too small")


def test_memory_that_runs_out_names_the_size_and_what_to_lower(
    tiny: Path, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The noise of this image alone is larger than the address space, so that no machine has it."""
    side = "16000000"
    words = [*(w.format(tiny=tiny) for w in GENERATE), "--height", side, "--width", side]
    assert call(*words) == 2
    said = capsys.readouterr().err
    assert f"An image of {side} x {side} pixels does not fit into memory" in said
    assert "lower --height and --width" in said
    assert "Traceback" not in said
    assert not Path("x.png").exists()

    def full(*_words: Any, **_flags: Any) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(VisionLanguageModel, "write", full)
    refused(
        capsys, ["model", "ask", tiny, "What?", "-i", "good.png"],
        "about 1 images does not fit into memory", "lower --max-new-tokens",
    )  # fmt: skip
    monkeypatch.setattr(loading, "read_parts", full)
    refused(
        capsys, ["model", "ask", tiny, "What?"], f"The checkpoint {tiny} does not fit into memory"
    )


def test_a_fault_of_ours_keeps_its_traceback(
    tiny: Path, bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_words: Any, **_flags: Any) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(loading, "read_parts", fault)
    with pytest.raises(RuntimeError, match="shapes differ"):
        main(["model", "ask", str(tiny), "What?"])
