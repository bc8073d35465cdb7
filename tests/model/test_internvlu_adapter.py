"""The adapter of the bundled model: options, statuses, and samples that do not take others down."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from PIL import Image

from evals.core.errors import UserError
from evals.core.types import Output, Sample, Task
from model.adapters.internvlu import InternVLU, Options, make
from model.internvlu.tiny import write_tiny

SEED = 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("internvlu") / "tiny")


def picture(place: Path, name: str, size: tuple[int, int] = (96, 80)) -> Path:
    values = np.random.default_rng(len(name)).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(values).save(place / name)
    return place / name


def asks(task: Task, prompt: str, *images: Path, name: str = "one") -> Sample:
    return Sample(id=name, benchmark="b", suite="s", task=task, prompt=prompt, images=tuple(images))


def opened(output: Output) -> Image.Image:
    assert output.status == "ok", output.fault
    assert isinstance(output.images[0], bytes)
    return Image.open(io.BytesIO(output.images[0]))


def made(folder: Path, **options: Any) -> InternVLU:
    return make(str(folder), {"device": "cpu", "steps": 2, **options})


def test_an_edit_has_the_size_of_its_source(folder: Path, tmp_path: Path) -> None:
    source = picture(tmp_path, "a.png", (300, 211))
    output = made(folder).edit([asks("edit", "make it blue", source)], [SEED])[0]
    assert opened(output).size == (300, 211)
    assert output.usage["steps"] == 2


@pytest.mark.parametrize(
    ("options", "size"),
    [({"output": "model"}, None), ({"height": 70, "width": 90}, (90, 70)), ({"height": 64}, None)],
)
def test_other_sizes_of_an_edit(
    folder: Path, tmp_path: Path, options: dict[str, Any], size: tuple[int, int] | None
) -> None:
    source = picture(tmp_path, "a.png", (300, 211))
    image = opened(made(folder, **options).edit([asks("edit", "go", source)], [SEED])[0])
    assert image.size == size if size else image.size != (300, 211)


def test_around_a_pipeline_that_is_loaded_already(folder: Path, tmp_path: Path) -> None:
    from model.internvlu.pipeline import InternVLUPipeline

    asked = [asks("edit", "make it blue", picture(tmp_path, "a.png"))]
    pipe = InternVLUPipeline.from_pretrained(folder, device="cpu", reference_compat=True)
    model = InternVLU.around(pipe, Options(steps=2), {"training": {"step": 3}})
    assert model.options.reference_compat, "as the pipeline is"
    own = made(folder, reference_compat=True)
    assert model.edit(asked, [SEED])[0].images == own.edit(asked, [SEED])[0].images
    told, usual = model.describe(), own.describe()
    assert told["training"] == {"step": 3}
    assert {"code", "options", "packages"} <= told.keys() & usual.keys()
    assert not {"checkpoint", "commit", "files"} & told.keys()
    model.release()
    own.release()
    assert model._loaded() is pipe
    assert own._pipe is None
    assert model.check(asked) == []


def test_all_three_tasks(folder: Path, tmp_path: Path) -> None:
    it = made(folder, max_new_tokens=5)
    one, two = picture(tmp_path, "a.png"), picture(tmp_path, "bb.png")
    answers = it.answer([asks("understand", "what?", one, two), asks("understand", "who?")], [1, 2])
    assert [a.status for a in answers] == ["ok", "ok"]
    assert answers[0].usage["prompt_tokens"] > answers[1].usage["prompt_tokens"]
    assert all(0 <= a.usage["completion_tokens"] <= 5 for a in answers)
    assert opened(it.generate([asks("generate", "a red panda")], [SEED])[0]).size == (96, 96)
    both = [asks("edit", "combine", picture(tmp_path, "c.png", (160, 160)), two)]
    assert opened(it.edit(both, [SEED])[0]).size == (160, 160)


def test_a_batch_is_what_its_samples_are_alone(folder: Path, tmp_path: Path) -> None:
    samples = [
        asks("edit", f"edit {n}", picture(tmp_path, f"{n}.png", (90 + 20 * n, 100)), name=str(n))
        for n in range(3)
    ]
    seeds = [3, 1, 2]
    together = made(folder, batch_size=3, think=True, reasoning_tokens=12).edit(samples, seeds)
    it = made(folder, think=True, reasoning_tokens=12)
    for sample, seed, output in zip(samples, seeds, together, strict=True):
        alone = it.edit([sample], [seed])[0]
        assert alone.text == output.text is not None
        difference = np.asarray(opened(alone)).astype(int) - np.asarray(opened(output))
        assert np.abs(difference).max() <= 1


def test_what_cannot_be_done_has_its_own_status(folder: Path, tmp_path: Path) -> None:
    good = picture(tmp_path, "good.png")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    samples = [
        asks("edit", "fine", good),
        asks("edit", "  ", good),
        asks("edit", "no image"),
        asks("edit", "tiny", picture(tmp_path, "t.png", (10, 40))),
        asks("edit", "broken", broken),
        asks("edit", "long", picture(tmp_path, "l.png", (4000, 16))),
        asks("edit", "many", *[good] * 9),
    ]
    outputs = made(folder, batch_size=7).edit(samples, list(range(7)))
    assert [o.status for o in outputs] == [
        "ok", "unsupported", "unsupported", "unsupported", "error", "unsupported", "unsupported",
    ]  # fmt: skip
    words = [o.fault.message if o.fault else "" for o in outputs]
    for word, part in zip(
        words[1:], ["empty", "no image", "16 or more", "broken.png", "200", "too many"], strict=True
    ):
        assert part in word
        assert word.count(". ") == 0, "one sentence"
    assert outputs[4].fault is not None
    assert outputs[4].fault.origin == "infrastructure"


def test_memory_that_runs_out_is_one_samples_fault(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = made(folder, batch_size=4)
    small, large = picture(tmp_path, "s.png"), picture(tmp_path, "l.png", (96, 81))
    pipe = it._loaded()
    real = pipe.make

    def scarce(prompts: Any, images: Any, *rest: Any, **options: Any) -> Any:
        if len(prompts) > 2 or any(some[0].height == 81 for some in images):
            raise MemoryError
        return real(prompts, images, *rest, **options)

    monkeypatch.setattr(pipe, "make", scarce)
    samples = [asks("edit", "go", p, name=p.name) for p in (small, small, large, small)]
    outputs = it.edit(samples, [0, 1, 2, 3])
    assert [o.status for o in outputs] == ["ok", "ok", "error", "ok"]
    fault = outputs[2].fault
    assert fault is not None
    assert fault.kind == "out_of_memory"
    assert fault.origin == "infrastructure"
    assert "l.png" in fault.message
    assert "lower" in fault.message


def test_everything_that_decides_is_stamped(folder: Path) -> None:
    plain, other = made(folder).describe(), made(folder, guidance_scale=2.0).describe()
    assert plain != other
    json.dumps(plain)
    options = plain["options"]
    assert isinstance(options, dict)
    # Without adapters a run is the one that it was before there were any.
    assert set(options) == set(Options.__dataclass_fields__) - {"adapter"}
    assert plain["files"]


def test_other_weights_are_another_model(folder: Path, tmp_path: Path) -> None:
    write_tiny(tmp_path / "other", seed=1)
    assert made(folder).describe()["files"] != made(tmp_path / "other").describe()["files"]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"stepz": 3}, "steps"), ({"steps": 0}, "from 1"), ({"steps": "many"}, "type int"),
        ({"dtype": "int8"}, "float32"), ({"think": 1}, "type bool"),
        ({"guidance_scale": "high"}, "type float"), ({"height": 8}, "from 16"),
        ({"output": "same"}, "source"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused_at_the_door(
    folder: Path, options: dict[str, Any], part: str
) -> None:
    with pytest.raises(UserError, match=part):
        make(str(folder), options)


def test_a_checkpoint_that_is_not_whole_is_refused_before_it_is_loaded(
    folder: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(folder, tmp_path / "part")
    (tmp_path / "part" / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(UserError, match="diffusion_pytorch_model"):
        make(str(tmp_path / "part"), {})
    with pytest.raises(UserError, match="does not exist"):
        make(str(tmp_path / "nowhere"), {})
    with pytest.raises(UserError, match="umm-evals model tiny"):
        make(None, {})


def test_a_device_that_is_not_here_is_one_sentence(folder: Path) -> None:
    it = make(str(folder), {"device": "cuda:99"})
    with pytest.raises(UserError, match="cuda:99"):
        it.generate([asks("generate", "a red panda")], [0])


def test_a_prompt_over_the_context_is_one_samples_matter(folder: Path) -> None:
    it = made(folder, batch_size=3, max_new_tokens=4)
    prompts = ["what?", "word " * 30_000, "who?"]
    samples = [asks("understand", p, name=str(n)) for n, p in enumerate(prompts)]
    outputs = it.answer(samples, [0, 1, 2])
    assert [o.status for o in outputs] == ["ok", "unsupported", "ok"]
    assert outputs[1].fault is not None
    assert "tokens" in outputs[1].fault.message
    drawn = [asks("generate", p, name=str(n)) for n, p in enumerate(prompts)]
    assert [o.status for o in it.generate(drawn, [0, 1, 2])] == ["ok", "unsupported", "ok"]


def test_an_image_of_no_numbers_is_not_a_black_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = made(folder)
    it._loaded().parts.decoder.decoder.proj_out.bias.fill_(float("nan"))
    output = it.generate([asks("generate", "a red panda")], [0])[0]
    assert output.status == "error"
    assert output.fault is not None
    assert output.fault.kind == "not_finite"
    assert output.fault.origin == "infrastructure"


def test_options_that_contradict_each_other(folder: Path) -> None:
    with pytest.raises(UserError, match="num_beams"):
        make(str(folder), {"do_sample": True, "num_beams": 3})
    it = made(folder, system="be kind <image>")
    with pytest.raises(UserError, match="<image>"):
        it.generate([asks("generate", "a red panda")], [0])
    with pytest.raises(UserError, match="meta"):
        made(folder, device="meta").generate([asks("generate", "a red panda")], [0])


def test_released_weights_come_back(folder: Path) -> None:
    it = made(folder)
    before = it.generate([asks("generate", "a red panda")], [SEED])[0].images
    it.release()
    assert it._pipe is None
    assert it.generate([asks("generate", "a red panda")], [SEED])[0].images == before
