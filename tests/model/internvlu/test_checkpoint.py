"""Weights on disk: strict keys, damaged files, round trips, a full disk."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from evals.core.errors import UserError
from model.internvlu.pipeline import InternVLUPipeline
from tests.model.internvlu.kit import (
    GONE,
    changed,
    copied,
)

KEY = "decoder.img_in.weight"


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    return copied(checkpoint, tmp_path / "checkpoint")


def read(folder: Path, **options: Any) -> InternVLUPipeline:
    return InternVLUPipeline.from_pretrained(folder, device="cpu", **options)


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def header(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the header of a safetensors file and leave its data."""
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    content = json.loads(raw[8:end])
    change(content)
    text = json.dumps(content).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[end:])


def refused(folder: Path, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        read(folder)
    assert "\n" not in str(error.value)


# --- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(KEY), rf"generation_decoder lacks 1 tensors \({KEY}\)"),
        (lambda t: t.update(of_nobody=torch.zeros(2)), r"has 1 that nobody asks for \(of_nobody"),
        (lambda t: t.update({KEY: torch.zeros(48, 63)}),
         rf"has {KEY} of shape \[48, 63\] in place of \[48, 64\]"),
        (lambda t: t.update({KEY: t[KEY].to(torch.int8)}), f"holds {KEY} as I8; quantised"),
        (lambda t: t.update({KEY: t[KEY].to(torch.float8_e4m3fn)}), "as F8_E4M3; quantised"),
        (lambda t: (t.pop(KEY), t.update({KEY + "s": torch.zeros(48, 64)})),
         "lacks 1 tensors .*, has 1 that nobody asks for"),
    ],
)  # fmt: skip
def test_keys_are_strict(folder: Path, change: Callable[[Any], Any], words: str) -> None:
    rewrite(folder / "generation_decoder" / "model.safetensors", change)
    refused(folder, words)


def test_the_list_of_what_is_missing_is_short_but_counts(folder: Path) -> None:
    rewrite(
        folder / "vlm" / "model.safetensors",
        lambda t: [t.pop(k) for k in list(t) if ".layers.2." in k],
    )
    refused(folder, r"lacks 11 tensors \(.*, and 7 more\); it is of another model or version")


@pytest.mark.parametrize("component", ["vlm", "generation_decoder", "vae"])
def test_each_component_is_checked(folder: Path, component: str) -> None:
    path = next((folder / component).glob("*.safetensors"))
    rewrite(path, lambda t: t.pop(max(t)))
    refused(folder, f"{component} lacks 1 tensors")


def test_a_wrong_part_of_a_joint_matrix_is_seen(folder: Path) -> None:
    """Query, key and value are one matrix on disk and three in the module."""
    key = "vision_model.encoder.layers.0.attn.qkv.weight"
    rewrite(folder / "vlm" / "model.safetensors", lambda t: t.update({key: t[key][:-40].clone()}))
    refused(folder, rf"has {key} of shape \[80, 40\] in place of \[120, 40\]")


# --- files ----------------------------------------------------------------------------------


def _many_brackets() -> bytes:
    text = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 99_000_000) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 12) + b'{"a": "b"}  ',
        struct.pack("<Q", 26) + b'{"a":{"data_offsets":[4]}}',
        struct.pack("<Q", 28) + b'{"a":{"data_offsets":[0,0]}}',
        struct.pack("<Q", 53) + b'{"a":{"data_offsets":[0,0],"shape":4,"dtype":"F32"}} ',
        _many_brackets(),
    ],
    ids=["empty", "byte", "pointer", "bomb", "long", "list", "nothing", "text", "offset", "shape",
         "number", "deep"],
)  # fmt: skip
def test_what_is_no_safetensors_file(folder: Path, content: bytes) -> None:
    path = folder / "generation_decoder" / "model.safetensors"
    path.write_bytes(content)
    refused(folder, "no whole safetensors file|lacks .* tensors")


@pytest.mark.parametrize("left", [50, -10])
def test_a_truncated_file(folder: Path, left: int) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    refused(folder, f"{path} is no whole safetensors file")


def test_damage_that_only_the_reader_sees(folder: Path) -> None:
    path = folder / "generation_decoder" / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole + b"more")
    refused(folder, f"{path} is damaged")
    path.write_bytes(whole)

    def swapped(content: dict[str, Any]) -> None:
        a, b = content[KEY], content["decoder.txt_norm.weight"]
        a["data_offsets"], b["data_offsets"] = b["data_offsets"], a["data_offsets"]

    header(path, swapped)
    refused(folder, f"{path} is damaged")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_pickles_are_not_opened(folder: Path, name: str) -> None:
    path = folder / "vlm" / "model.safetensors"
    path.unlink()

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (folder / "was_run",))

    torch.save({"a": Trap()}, folder / "vlm" / name)
    refused(folder, f"vlm holds {name} and no safetensors; a pickle can run code")
    assert not (folder / "was_run").exists()


def test_a_missing_component(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    refused(folder, "diffusion_pytorch_model.safetensors is missing; download the checkpoint again")


# --- shards ---------------------------------------------------------------------------------

ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def sharded(folder: Path) -> tuple[Path, dict[str, str]]:
    """The decoder in two files; its folder and the index to write."""
    place = folder / "generation_decoder"
    tensors = load_file(place / "model.safetensors")
    (place / "model.safetensors").unlink()
    first, second = list(tensors)[::2], list(tensors)[1::2]
    for name, keys in ((ONE, first), (TWO, second)):
        save_file({k: tensors[k] for k in keys}, place / name, metadata={"format": "pt"})
    return place, dict.fromkeys(first, ONE) | dict.fromkeys(second, TWO)


def index(place: Path, table: Any) -> None:
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": table})
    (place / "model.safetensors.index.json").write_text(text)


def test_shards(folder: Path, pipe: InternVLUPipeline) -> None:
    index(*sharded(folder))
    state = read(folder).parts.decoder.state_dict()
    for key, tensor in pipe.parts.decoder.state_dict().items():
        assert torch.equal(state[key], tensor)


def test_a_missing_shard(folder: Path) -> None:
    place, table = sharded(folder)
    index(place, table)
    (place / TWO).unlink()
    refused(folder, f"generation_decoder lacks 1 of 2 shards: {TWO}")


@pytest.mark.parametrize("how", ["relative", "absolute", "folder", "null", "list", "number"])
def test_an_index_may_name_files_beside_it_alone(folder: Path, how: str) -> None:
    place, table = sharded(folder)
    outside = folder.parent / "outside.safetensors"
    shutil.copyfile(place / TWO, outside)
    inner = place / "inner"
    inner.mkdir()
    shutil.copyfile(place / TWO, inner / TWO)
    name: Any = {
        "relative": "../../outside.safetensors", "absolute": str(outside),
        "folder": f"inner/{TWO}", "null": None, "list": [TWO], "number": 2,
    }[how]  # fmt: skip
    index(place, {k: name if file == TWO else file for k, file in table.items()})
    refused(folder, "index.json names .*, which is no file beside it")


@pytest.mark.parametrize("table", [["a"], None, "x", {}])
def test_an_index_without_a_table(folder: Path, table: Any) -> None:
    place, _ = sharded(folder)
    index(place, table)
    refused(folder, "has no weight_map|lacks 79 tensors|lacks 78 tensors")


def test_a_tensor_in_two_shards(folder: Path) -> None:
    """Which of them would count is nothing that a user could know."""
    place, table = sharded(folder)
    index(place, table)
    key = next(k for k, file in table.items() if file == ONE)
    rewrite(place / TWO, lambda t: t.update({key: load_file(place / ONE)[key] + 1}))
    refused(folder, f"{TWO} holds {key}, as another shard does")


# --- the tokenizer --------------------------------------------------------------------------


def test_a_tokenizer_of_another_model(folder: Path) -> None:
    place = folder / "processor"
    for name in ("added_tokens.json", "special_tokens_map.json"):
        (place / name).unlink()
    content = json.loads((place / "tokenizer.json").read_text("utf-8"))
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] != "<img_uncond>"]
    (place / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    names = json.loads((place / "tokenizer_config.json").read_text("utf-8"))
    names["additional_special_tokens"].remove("<img_uncond>")
    names["added_tokens_decoder"] = {
        n: t for n, t in names["added_tokens_decoder"].items() if t["content"] != "<img_uncond>"
    }
    (place / "tokenizer_config.json").write_text(json.dumps(names), "utf-8")
    refused(folder, "has no token <img_uncond>; it is of another model")


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\x00", b"3"])
def test_a_damaged_tokenizer(folder: Path, name: str, content: bytes) -> None:
    (folder / "processor" / name).write_bytes(content)
    refused(folder, "The tokenizer in .* cannot be read")


def test_code_in_a_checkpoint_is_not_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(
        folder / "processor" / "tokenizer_config.json", tokenizer_class="Mine",
        auto_map={"AutoTokenizer": ["mine.Mine", None]}, extra_special_tokens=GONE,
    )  # fmt: skip
    code = f"open({str(folder / 'was_run')!r}, 'w')\nclass Mine: pass\n"
    (folder / "processor" / "mine.py").write_text(code)
    refused(folder, "custom code")
    assert not (folder / "was_run").exists()
    assert "[y/N]" not in capsys.readouterr().out
