"""Probabilities of first tokens, through the real loaders with a tiny random checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evals.core.errors import ImageError, UserError
from metrics.imported import shares_of
from metrics.vqa_probability import NO, YES, FirstToken, LocalProbability, Question
from tests.tiny_vlm import tiny_vlm

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_vlm(tmp_path_factory.mktemp("vlm") / "tiny")


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> list[Question]:
    folder = tmp_path_factory.mktemp("pictures")
    made = []
    for seed, size in enumerate([(90, 60), (60, 60), (50, 120)]):
        pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(pixels).resize(size).save(folder / f"{seed}.png")
        for text in ("Red?", "Are there any chairs left of the much larger table?"):
            made.append(Question(image=folder / f"{seed}.png", text=text, spellings=(*YES, *NO)))
    return made


def test_it_is_the_softmax_of_the_next_token(checkpoint: Path, questions: list[Question]) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    question = questions[1]
    processor = AutoProcessor.from_pretrained(checkpoint)
    model = AutoModelForImageTextToText.from_pretrained(checkpoint).eval()
    content = [
        {"type": "image", "image": Image.open(question.image)},
        {"type": "text", "text": question.text},
    ]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True,
        return_dict=True, return_tensors="pt",
    )  # fmt: skip
    with torch.no_grad():
        chances = model(**inputs).logits[0, -1].softmax(-1)
        said = model.generate(**inputs, max_new_tokens=1, do_sample=False)[0, -1:]
    answers = LocalProbability(checkpoint=str(checkpoint)).ask([question])
    assert isinstance(answers[0], FirstToken)
    for spelling in question.spellings:
        token = processor.tokenizer.encode(spelling)[0]
        assert answers[0].tokens[spelling] == token
        assert answers[0].probabilities[token] == pytest.approx(float(chances[token]), abs=1e-6)
    assert answers[0].greedy == processor.decode(said)


@pytest.mark.parametrize("size", [2, 4, 16])
def test_batched_equals_unbatched(checkpoint: Path, questions: list[Question], size: int) -> None:
    one = LocalProbability(checkpoint=str(checkpoint), batch_size=1).ask(questions)
    many = LocalProbability(checkpoint=str(checkpoint), batch_size=size).ask(questions)
    for a, b in zip(one, many, strict=True):
        assert isinstance(a, FirstToken)
        assert isinstance(b, FirstToken)
        assert a.greedy == b.greedy
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-5)
    assert len({round(a.any_of(YES), 6) for a in one if isinstance(a, FirstToken)}) == len(one)


def test_a_model_that_says_yes_is_sure_of_it(tmp_path: Path, questions: list[Question]) -> None:
    says = tiny_vlm(tmp_path / "yes", says="Yes")
    for answer in LocalProbability(checkpoint=str(says)).ask(questions[:2]):
        assert isinstance(answer, FirstToken)
        assert answer.greedy == "Yes"
        assert answer.any_of(YES) > 0.9 > 0.1 > answer.any_of(NO)


def test_a_token_of_two_spellings_counts_once() -> None:
    reply = FirstToken(
        tokens={"Yes": 4, " Yes": 9, " yes": 9}, probabilities={4: 0.25, 9: 0.5}, greedy=" "
    )
    assert reply.any_of(["Yes", " Yes", " yes"]) == 0.75


def test_a_broken_picture_is_its_own_error(
    checkpoint: Path, questions: list[Question], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    asked = [questions[0], Question(image=broken, text="Red?", spellings=YES), questions[1]]
    found = LocalProbability(checkpoint=str(checkpoint), batch_size=3).ask(asked)
    assert [type(f) for f in found] == [FirstToken, ImageError, FirstToken]


def test_absence_says_how_to_get_it(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    none = LocalProbability(checkpoint="", suggestion="Qwen/Qwen3-VL-8B-Instruct").absence()
    assert none is not None
    assert "hf download Qwen/Qwen3-VL-8B-Instruct" in none.fix
    assert "--weights vqa=" in none.fix
    assert LocalProbability(checkpoint=str(tmp_path / "no")).absence() is not None
    assert LocalProbability(checkpoint=str(checkpoint)).absence() is None


def test_identity_is_that_of_weights_and_precision(checkpoint: Path, tmp_path: Path) -> None:
    one = LocalProbability(checkpoint=str(checkpoint)).identity()
    assert one["files"]
    assert one != LocalProbability(checkpoint=str(tiny_vlm(tmp_path / "b", 1))).identity()
    assert one != LocalProbability(checkpoint=str(checkpoint), dtype="bfloat16").identity()


def test_what_is_no_model_is_refused(tmp_path: Path, questions: list[Question]) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be loaded"):
        LocalProbability(checkpoint=str(tmp_path)).ask(questions[:1])


@pytest.mark.parametrize("values", [None, "0.5", [0.5], [0.5, 2], [0.5, True], [0.5, float("nan")]])
def test_imported_shares_are_checked(values: object) -> None:
    assert isinstance(shares_of({"scores": values}, "scores", 2), str)
    assert shares_of({"scores": [0, 1.0]}, "scores", 2) == [0.0, 1.0]
