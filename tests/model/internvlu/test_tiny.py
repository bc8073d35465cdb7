"""The tiny checkpoint: reproducible, complete, in the official layout, and sensitive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from evals.core.errors import UserError
from model.internvlu import checkpoint as files
from model.internvlu.info import inventory
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.prompts import CONTEXT, EXPLAIN, SPECIAL, STOP, TURN
from model.internvlu.tiny import write_tiny
from model.internvlu.vlm import Sampling
from tests.model.internvlu.kit import noise, recordings

QUESTIONS = ("a cat", "the sun", "blue", "two plus two", "a house", "Paris", "replace STOP with GO")
RELEASED = {
    STOP: 151645, TURN: 151644, "<img>": 151669, "</img>": 151670, CONTEXT: 151671,
}  # fmt: skip
UNUSED = ("encoder_padding_token", "time_conv", "k_proj.bias", "transformer_blocks.1.attn.add_q",
          "transformer_blocks.1.attn.norm_added_q", "transformer_blocks.1.attn.to_add_out",
          "transformer_blocks.1.txt_mlp")  # fmt: skip
"""Tensors of the release without any effect on one image: padding that is taken out again, steps
in time, what is added to all keys alike, and language tokens that no layer reads any more."""


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    again, other = write_tiny(tmp_path / "again"), write_tiny(tmp_path / "other", 1)
    assert content(again) == content(checkpoint)
    different = {n for n, b in content(other).items() if b != content(checkpoint)[n]}
    assert different == {n for n in content(checkpoint) if n.endswith(".safetensors")}


def test_it_is_small_and_whole(checkpoint: Path) -> None:
    assert 1_500_000 < sum(len(b) for b in content(checkpoint).values()) < 2_600_000
    held = inventory(checkpoint)
    assert held.problems == ()
    assert {p.dtype for p in held.parts} == {"float32"}


def test_names_and_files_are_those_of_the_release(checkpoint: Path) -> None:
    """The recorded checkpoint was read and written by the official code, with the same layers."""
    recorded = json.loads((recordings() / "expected" / "state_dict_keys.json").read_text("utf-8"))
    for component in files.WEIGHTS:
        ours = files.shapes(checkpoint / component)
        assert set(ours) == set(recorded[component]["tensors"]), component
        assert (checkpoint / component / recorded[component]["file"]).is_file()
    theirs = recordings() / "tiny-checkpoint"
    assert set(content(checkpoint)) == set(content(theirs))
    for name in ("model_index.json", "vlm/config.json", "generation_decoder/config.json",
                 "processor/processor_config.json", "processor/tokenizer_config.json"):  # fmt: skip
        ours, official = (json.loads((f / name).read_text("utf-8")) for f in (checkpoint, theirs))
        assert set(ours) == set(official), name
        for key, value in official.items():
            if isinstance(value, dict) and key != "added_tokens_decoder":
                assert set(ours[key]) == set(value), f"{name}: {key}"


def test_the_tokenizer_is_qwens_with_ids_of_its_own(checkpoint: Path) -> None:
    folder = checkpoint / "processor"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer).__name__ == "Qwen2Tokenizer"
    raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in ("A red panda, 3 times\n", EXPLAIN, f"{TURN}user\n<img>{CONTEXT}</img>é 🙂{STOP}"):
        ids = tokenizer(text)["input_ids"]
        assert ids == raw.encode(text).ids
        assert tokenizer.decode(ids) == text
    assert len(tokenizer(EXPLAIN)["input_ids"]) < len(EXPLAIN.encode()) / 3, "merges shorten it"
    words = [*SPECIAL, TURN, STOP]
    ids = tokenizer.convert_tokens_to_ids(words)
    assert len(set(ids)) == len(words)
    assert ids[: len(SPECIAL)] != sorted(ids[: len(SPECIAL)]), "not in the order of the table"
    for word, released in RELEASED.items():
        assert tokenizer.convert_tokens_to_ids(word) != released
    assert tokenizer.eos_token == STOP
    assert tokenizer.pad_token not in (None, STOP)


def test_every_tensor_is_random(pipe: InternVLUPipeline) -> None:
    for name in files.WEIGHTS:
        for key, tensor in pipe.parts.module(name).state_dict().items():
            assert tensor.isfinite().all(), key
            assert tensor.std() > 0.01, key


def test_some_greedy_answers_end_and_some_do_not(pipe: InternVLUPipeline) -> None:
    images = [[noise(60, 40 + n, n)] for n in range(len(QUESTIONS))]
    how = Sampling(max_new_tokens=30)
    answers = [*pipe.answer(QUESTIONS, sampling=how), *pipe.answer(QUESTIONS, images, sampling=how)]
    ended = sum(a.complete for a in answers)
    assert 0 < ended < len(answers)
    assert len({a.ids for a in answers}) > 0.8 * len(answers), "they depend on the question"
    context = pipe.parts.vlm.tokens.context
    assert not any(context in a.ids for a in answers), "it would ask for an image"


def test_prompt_image_and_seed_show_in_the_picture(pipe: InternVLUPipeline) -> None:
    def edit(prompt: str, image: int, seed: int) -> np.ndarray:
        size = {"height": 64, "width": 96}
        made = pipe.edit([prompt], [[noise(90, 60, image)]], steps=3, seeds=seed, **size)[0]
        return np.asarray(made.image).astype(int)

    base = edit("make it blue", 0, 0)
    assert base.std() > 10
    assert ((base == 0) | (base == 255)).mean() < 0.05, "saturated values hide differences"
    for other in (edit("remove it", 0, 0), edit("make it blue", 1, 0), edit("make it blue", 0, 1)):
        assert np.abs(base - other).mean() > 1.5


@pytest.mark.slow
def test_every_tensor_matters(checkpoint: Path) -> None:
    """One edit with reasoning changes when any tensor does, but for those of `UNUSED`."""
    pipe = InternVLUPipeline.from_pretrained(checkpoint, device="cpu")

    def run() -> tuple[np.ndarray, tuple[int, ...]]:
        made = pipe.edit(
            ["make it blue"], [[noise(90, 60)]], height=64, width=64, steps=1, think=True,
            sampling=Sampling(max_new_tokens=8),
        )[0]  # fmt: skip
        assert made.reasoning is not None
        return np.asarray(made.image).astype(int), made.reasoning.ids

    image, ids = run()
    silent = []
    for name in files.WEIGHTS:
        for key, tensor in pipe.parts.module(name).state_dict().items():
            before = tensor.clone()
            tensor.copy_(before.flatten().roll(1).view(before.shape) + 0.05)
            other, said = run()
            tensor.copy_(before)
            if said == ids and np.abs(other - image).mean() < 0.05:
                silent.append(key)
    assert all(any(word in key for word in UNUSED) for key in silent), silent


def test_other_shapes(tmp_path: Path) -> None:
    folder = write_tiny(
        tmp_path / "c", vit_layers=1, llm_layers=2, llm_width=32, decoder_layers=3, merges=0,
        decoder_heads=2, decoder_head=16, decoder_axes=(4, 6, 6), projector="mlp2x_gelu",
        projector_width=24, select_layers=(-1,), vae_base=4, vae_mult=(1, 1, 1, 1),
        vae_res_blocks=2, image_height=64, image_width=80, vit_image=84,
    )  # fmt: skip
    assert inventory(folder).problems == ()
    pipe = InternVLUPipeline.from_pretrained(folder, device="cpu")
    assert pipe.generate(["a red panda"], steps=1)[0].image.size == (80, 64)
    edited = pipe.edit(["make it blue"], [[noise(100, 100)]], steps=1)[0]
    assert edited.generated == pipe.source_size(noise(100, 100))
    assert pipe.parts.config.vlm.tokens_per_image == 9


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        write_tiny(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]
    file = tmp_path / "kept.txt"
    with pytest.raises(UserError, match="exists already"):
        write_tiny(file)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert (write_tiny(empty) / "model_index.json").is_file()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")], "nothing is left over"


def test_the_random_state_of_the_caller_is_not_touched(tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    write_tiny(tmp_path / "c")
    assert torch.equal(torch.get_rng_state(), before)


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "tiny")
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in folder.rglob("*") if p.is_file()}
    assert len(set(modes.values())) == 1, modes


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "tiny")
    file = folder / "vlm" / "config.json"
    config = json.loads(file.read_text())
    config["llm_config"]["vocab_size"] = 64
    file.write_text(json.dumps(config))
    with pytest.raises(UserError, match="embeds 64"):
        InternVLUPipeline.from_pretrained(folder, device="cpu")
