"""Vision-language models of transformers: tiny random checkpoints, real loading and generation."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("torchvision")
pytest.importorskip("accelerate")

import torch

from evals.core.errors import UserError
from evals.core.images import load_rgb
from evals.core.protocols import Model
from evals.core.types import Sample, canonical_json
from tests.tiny_internvl import tiny_internvl
from tests.tiny_janus import tiny_janus
from tests.tiny_vlm import tiny_vlm
from tests.vlm_kit import answers, asks, edited, no_network, one_by_one, opened, pictures

__all__ = ["no_network"]
MAKERS: dict[str, Callable[..., Path]] = {
    "qwen": tiny_vlm, "internvl": tiny_internvl, "janus": tiny_janus,
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`checkpoints("qwen", says=None, stops=())`: a folder, made once per kind."""
    made: dict[str, Path] = {}

    def find(family: str, **kind: Any) -> Path:
        key = json.dumps([family, kind])
        if key not in made:
            made[key] = MAKERS[family](tmp_path_factory.mktemp("vlm") / family, **kind)
        return made[key]

    return find


@pytest.fixture
def copied(checkpoints: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """The same, as a copy that a test may damage."""

    def copy(family: str, **kind: Any) -> Path:
        return shutil.copytree(checkpoints(family, **kind), tmp_path / "copy")

    return copy


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return pictures(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def samples(images: list[Path]) -> list[Sample]:
    """Zero, one, two and three images, and prompts of different lengths."""
    return [
        asks("hi"),
        asks("what do you see in this picture?", images[0]),
        asks("both?", images[1], images[2]),
        asks("all of them", *images),
    ]


# --- answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", MAKERS)
def test_a_batch_answers_as_single_calls_do(checkpoints, samples, family) -> None:
    single, batch = opened(checkpoints(family)), opened(checkpoints(family), batch_size=4)
    assert (single.batch_size, batch.batch_size) == (1, 4)
    alone = one_by_one(single, samples)
    assert {o.status for o in alone} == {"ok"}
    assert len({o.text for o in alone}) == 4
    assert answers(batch, samples) == alone
    tokens = [o.usage["input_tokens"] for o in alone]
    assert tokens[0] < min(tokens[1:])


@pytest.mark.parametrize("lacks", ["left padding", "a mask"])
def test_a_processor_that_cannot_batch_is_asked_one_by_one(
    checkpoints, samples, monkeypatch, lacks
) -> None:
    it = opened(checkpoints("qwen"), batch_size=4)
    alone = one_by_one(it, samples)
    tokens, real, rows = it._tokens, it.model.generate, []

    def other(*asked: Any, **settings: Any) -> Any:
        if lacks == "left padding":
            return tokens(*asked, **{**settings, "padding_side": "right"})
        made = tokens(*asked, **settings)
        del made["attention_mask"]
        return made

    monkeypatch.setattr(it, "_tokens", other)

    def generate(input_ids: Any, **settings: Any) -> Any:
        rows.append(len(input_ids))
        return real(input_ids=input_ids, **settings)

    monkeypatch.setattr(it.model, "generate", generate)
    assert answers(it, samples) == alone
    assert rows == [1, 1, 1, 1]


@pytest.mark.parametrize("family", MAKERS)
def test_answers_are_those_of_the_library(checkpoints, images, family) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = checkpoints(family)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)
    shown = [load_rgb(p) for p in images[:2]]
    content = [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "which one?"}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    inputs = processor(text=[text], images=[shown], return_tensors="pt")
    for beams in (1, 3):
        made = model.generate(**inputs, max_new_tokens=10, do_sample=False, num_beams=beams)
        reply = made[0, inputs["input_ids"].shape[1] :]
        (found,) = answers(opened(folder, num_beams=beams), [asks("which one?", *images[:2])])
        assert found.text == processor.decode(reply, skip_special_tokens=True).strip()
        assert found.usage["input_tokens"] == inputs["input_ids"].shape[1]


def test_the_order_of_images_matters(checkpoints, images) -> None:
    it = opened(checkpoints("qwen"))
    there = answers(it, [asks("which?", images[0], images[1])])
    back = answers(it, [asks("which?", images[1], images[0])])
    assert there[0].text != back[0].text


def test_who_stops_early_is_counted_so(checkpoints, samples) -> None:
    ends = tuple(map(chr, range(33, 127)))
    it = opened(checkpoints("qwen", stops=ends), max_new_tokens=30, batch_size=4)
    found = answers(it, samples)
    counts = [o.usage["output_tokens"] for o in found]
    assert len(set(counts)) > 1, "rows of one batch end at different tokens"
    assert all(o.usage["stopped_by_length"] == (o.usage["output_tokens"] == 30) for o in found)
    assert 0.0 in {o.usage["stopped_by_length"] for o in found}
    assert one_by_one(it, samples) == found


def test_settings_of_the_checkpoint_count_in_a_batch_as_alone(copied, checkpoints, samples) -> None:
    folder = copied("qwen")
    edited(folder / "generation_config.json", lambda c: c.update(
        repetition_penalty=1.5, do_sample=True, temperature=3.0, top_k=7,
    ))  # fmt: skip
    alone = one_by_one(opened(folder), samples)
    assert answers(opened(folder, batch_size=4), samples) == alone
    plain = answers(opened(checkpoints("qwen")), samples)
    assert [o.text for o in plain] != [o.text for o in alone], "the penalty is kept"
    assert one_by_one(opened(folder), samples, seed=9) == alone, "nothing is drawn"


def test_the_reply_is_stripped_and_else_word_for_word(checkpoints, samples) -> None:
    says = "\n <think>A or B?</think>\n**B.**  \n"
    (found,) = answers(opened(checkpoints("qwen", says=says)), samples[1:2])
    assert found.text == "<think>A or B?</think>\n**B.**"
    assert found.usage["output_tokens"] == 2, "the reply is one token here, and the end another"
    assert found.usage["stopped_by_length"] == 0


@pytest.mark.parametrize("family", MAKERS)
def test_draws_depend_on_the_seed_and_not_on_the_batch(checkpoints, samples, family) -> None:
    options = {"do_sample": True, "temperature": 2.0, "top_p": 0.9}
    it = opened(checkpoints(family), **options)
    alone = one_by_one(it, samples)
    torch.manual_seed(1234)
    state = torch.random.get_rng_state()
    assert answers(opened(checkpoints(family), **options), samples) == alone
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(a.text != b.text for a, b in zip(alone, answers(it, samples, 40), strict=True))
    greedy = answers(opened(checkpoints(family)), samples)
    assert all(a.text != b.text for a, b in zip(alone, greedy, strict=True))


def test_a_model_that_ignores_the_draw_is_not_taken_for_one_that_draws(
    checkpoints, samples, monkeypatch
) -> None:
    it = opened(checkpoints("qwen"), do_sample=True)
    real = it.model.generate
    monkeypatch.setattr(it.model, "generate", lambda logits_processor, **kw: real(**kw))
    with pytest.raises(UserError, match="leave out the option do_sample"):
        answers(it, samples)


# --- options --------------------------------------------------------------------------------


def test_a_system_prompt_is_read(checkpoints, copied, samples) -> None:
    plain = answers(opened(checkpoints("qwen")), samples[1:2])[0]
    told = answers(opened(checkpoints("qwen"), system="Be brief."), samples[1:2])[0]
    more = told.usage["input_tokens"] - plain.usage["input_tokens"]
    assert more > len("Be brief.")
    assert told.text != plain.text
    template = copied("qwen") / "chat_template.jinja"
    words = template.read_text()
    template.write_text(words.replace("message in messages", "message in messages[-1:]"))
    with pytest.raises(UserError, match="drops the option system"):
        opened(template.parent, system="Be brief.").check(samples)


def test_variables_of_the_chat_template(checkpoints, samples) -> None:
    thinks = answers(opened(checkpoints("internvl")), samples[:1])[0]
    quiet = opened(checkpoints("internvl"), chat_template_kwargs={"enable_thinking": False})
    more = answers(quiet, samples[:1])[0].usage["input_tokens"] - thinks.usage["input_tokens"]
    assert more == len("<think></think>")
    wrong = opened(checkpoints("internvl"), chat_template_kwargs={"enable_thoughts": False})
    with pytest.raises(UserError, match="no variable 'enable_thoughts'"):
        wrong.check(samples)


def test_settings_of_the_image_processor(checkpoints, samples) -> None:
    small = {"size": {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}}
    full = answers(opened(checkpoints("qwen")), samples[1:2])[0].usage["input_tokens"]
    it = opened(checkpoints("qwen"), image_kwargs=small)
    assert answers(it, samples[1:2])[0].usage["input_tokens"] < full
    assert answers(it, samples[:1])[0].status == "ok", "without images they mean nothing"
    with pytest.raises(UserError, match="mend image_kwargs"):
        opened(checkpoints("qwen"), image_kwargs={"largest": 5}).check(samples)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_where_and_how_it_runs(checkpoints, samples, attention) -> None:
    it = opened(checkpoints("qwen"), dtype="bfloat16", attn_implementation=attention)
    assert answers(it, samples[1:2])[0].status == "ok"
    assert it.model.dtype == torch.bfloat16
    assert it.model.config._attn_implementation == attention
    assert str(it.model.device) == "cpu"


def test_a_model_spread_by_the_library_says_the_same(checkpoints, samples) -> None:
    spread = opened(checkpoints("qwen"), device_map="auto")
    if torch.cuda.is_available():
        pytest.skip("auto takes the accelerator, whose rounding differs")
    assert answers(spread, samples) == answers(opened(checkpoints("qwen")), samples)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_tokens": 5}, "Did you mean 'max_new_tokens'"),
        ({"max_new_tokens": 0}, "from 1"),
        ({"max_new_tokens": "5"}, "of type int"),
        ({"top_p": 1.5, "do_sample": True}, "from 0.01 to 1"),
        ({"temperature": 0, "do_sample": True}, "from 0.01"),
        ({"temperature": 0.5}, "do nothing without do_sample"),
        ({"top_p": 0.5}, "do nothing without do_sample"),
        ({"num_beams": 2, "do_sample": True}, "exclude each other"),
        ({"dtype": "float8"}, "use one of auto"),
        ({"device_map": "balanced"}, "use one of"),
        ({"attn_implementation": "kernels-community/flash-attn"}, "use one of"),
        ({"image_kwargs": 5}, "of type dict"),
        ({"trust_remote_code": "yes"}, "of type bool"),
        ({"guidance_scale": 5.0}, "no option"),
    ],
)
def test_options_that_make_no_sense(checkpoints, options, words) -> None:
    with pytest.raises(UserError, match=words):
        opened(checkpoints("qwen"), **options)


def test_a_device_that_is_not_here(checkpoints, samples) -> None:
    with pytest.raises(UserError, match="cannot be used here"):
        answers(opened(checkpoints("qwen"), device="cuda:77"), samples)


# --- samples that cannot be answered --------------------------------------------------------


def test_one_odd_sample_leaves_its_batch_alone(checkpoints, samples, images, tmp_path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    odd = [
        asks(" \n"),
        asks("look", broken),
        asks("look there", tmp_path / "none.png"),
        asks("a prompt with <|image_pad|> in it", images[0]),
    ]
    it = opened(checkpoints("qwen"), batch_size=8)
    mixed = [samples[0], *odd, samples[1]]
    found = answers(it, mixed)
    assert [o.status for o in found] == ["ok", "error", "error", "error", "unsupported", "ok"]
    assert [o.fault.kind for o in found[1:5]] == [
        "empty_prompt", "unreadable_input", "unreadable_input", "input_refused",
    ]  # fmt: skip
    assert [o.fault.origin for o in found[1:5]] == ["infrastructure"] * 3 + ["model"]
    assert "a prompt with <|imag" in found[4].fault.message
    assert [found[0], found[5]] == one_by_one(opened(checkpoints("qwen")), samples[:2])


def test_what_is_longer_than_the_context_is_not_cut(copied, samples) -> None:
    folder = copied("internvl")
    edited(folder / "config.json", lambda c: c["text_config"].update(max_position_embeddings=100))
    text = asks("x" * 200)
    found = answers(opened(folder, batch_size=8, max_new_tokens=50), [*samples[:2], text])
    assert [o.status for o in found] == ["ok", "error", "unsupported"]
    settings, model = found[1].fault, found[2].fault
    assert (settings.kind, settings.origin) == ("context_exceeded", "infrastructure")
    assert (model.kind, model.origin) == ("context_exceeded", "model")
    length = int(settings.message.split(" input tokens")[0].split()[-1])
    assert f"set max_new_tokens to {100 - length} or" in settings.message
    assert "images of 120x90 pixels" in settings.message
    assert "image" not in model.message
    fits = answers(opened(folder, max_new_tokens=100 - length), samples[1:2])
    assert (fits[0].status, fits[0].usage["input_tokens"]) == ("ok", length)


def test_memory_that_runs_out(checkpoints, samples, monkeypatch) -> None:
    it = opened(checkpoints("qwen"), batch_size=4)
    wanted = answers(it, samples)
    real, rows = it.model.generate, []

    def small(input_ids: Any, **settings: Any) -> Any:
        rows.append(len(input_ids))
        if len(input_ids) > most:
            raise torch.OutOfMemoryError("out of memory")
        return real(input_ids=input_ids, **settings)

    monkeypatch.setattr(it.model, "generate", small)
    most = 2
    assert answers(it, samples) == wanted
    assert rows == [4, 2, 2]
    most = 0
    found = answers(it, samples[2:])
    assert {(o.fault.kind, o.fault.origin) for o in found} == {("out_of_memory", "infrastructure")}
    assert "images of 120x90, 80x200, 64x64 pixels" in found[1].fault.message
    tokens = int(wanted[3].usage["input_tokens"])
    assert f"{tokens} input tokens" in found[1].fault.message
    assert "image_kwargs" in found[1].fault.message


def test_another_error_of_the_library_is_the_runners(checkpoints, samples, monkeypatch) -> None:
    it = opened(checkpoints("qwen"))

    def fail(**_: Any) -> Any:
        raise RuntimeError("an assertion on the device")

    monkeypatch.setattr(it.model, "generate", fail)
    with pytest.raises(RuntimeError, match="an assertion"):
        answers(it, samples)


# --- who it is ------------------------------------------------------------------------------


def test_what_is_stamped(checkpoints, tmp_path) -> None:
    folder = checkpoints("qwen")
    it = opened(folder, system="Be brief.")
    assert isinstance(it, Model)
    assert it.tasks == {"understand"}
    described = it.describe()
    assert "model" not in vars(it), "nothing was loaded"
    assert described["checkpoint"] == "qwen"
    assert described["model_type"] == "qwen2_5_vl"
    assert described["options"]["system"] == "Be brief."
    assert described["options"]["max_new_tokens"] == 10
    assert set(described["versions"]) == {"transformers", "tokenizers", "torch", "torchvision"}
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "qwen")
    same = canonical_json(opened(moved, system="Be brief.").describe())
    assert same == canonical_json(described)
    assert opened(checkpoints("qwen", seed=1)).describe()["digest"] != described["digest"]


def test_the_task_that_it_does_not_do(checkpoints, samples) -> None:
    it = opened(checkpoints("qwen"))
    for method in (it.generate, it.edit):
        assert [o.status for o in method(samples[:2], [0, 1])] == ["unsupported"] * 2


def test_importing_it_is_light() -> None:
    code = "import sys, model.adapters.transformers_vlm, model.adapters.transformers_janus\n"
    code += "print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "numpy", "PIL", "jinja2"} & set(done.stdout.split())
