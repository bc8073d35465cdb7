"""Loading and running: precisions, devices, threads, and what a call leaves behind."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evals.core.errors import UserError
from model.internvlu.loading import locate
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.sampler import Step
from model.internvlu.vlm import Sampling
from tests.model.internvlu.kit import SMALL, copied, levels, noise, same

DRAWN = Sampling(max_new_tokens=12, do_sample=True)


def read(folder: Path, **options: Any) -> InternVLUPipeline:
    return InternVLUPipeline.from_pretrained(folder, device="cpu", **options)


def everything(pipe: InternVLUPipeline, seed: int = 3) -> tuple[Any, ...]:
    """Images, an edit with reasoning and an answer, of one seed."""
    image = noise(80, 64, seed)
    return (
        *pipe.generate(["a red panda"], seeds=seed, **SMALL),
        *pipe.edit(["mix"], [[image]], seeds=seed, think=True, sampling=DRAWN, **SMALL),
        pipe.answer(["what?"], [[image]], seeds=seed, sampling=DRAWN)[0],
    )


def alike(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return (
        same(one[:2], other[:2])
        and one[1].reasoning == other[1].reasoning
        and one[2] == other[2]
    )  # fmt: skip


# --- what a call is -------------------------------------------------------------------------


def test_the_same_call_twice(pipe: InternVLUPipeline) -> None:
    first = everything(pipe)
    assert alike(everything(pipe), first)
    assert not alike(everything(pipe, 4), first)


def test_a_call_leaves_the_global_noise_alone(pipe: InternVLUPipeline) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    before, wanted = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = everything(pipe)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], wanted)
    torch.manual_seed(6)
    assert alike(everything(pipe), first)


def test_a_call_leaves_no_gradients(pipe: InternVLUPipeline) -> None:
    told: list[Step] = []
    with torch.enable_grad():
        pipe.generate(["a"], on_step=told.append, **SMALL)
        pipe.answer(["a"], sampling=Sampling(max_new_tokens=2))
        assert torch.is_grad_enabled()
    assert not any(x.requires_grad for s in told for x in (*s.latents, *s.guided))
    for module in (pipe.parts.vlm, pipe.parts.decoder, pipe.parts.vae):
        assert not module.training
        assert all(p.grad is None and not p.requires_grad for p in module.parameters())


def test_steps_are_told(pipe: InternVLUPipeline) -> None:
    for steps in (1, 3):
        told: list[Step] = []
        pipe.generate(["a", "b"], height=64, width=64, steps=steps, on_step=told.append)
        assert [(s.index, s.total) for s in told] == [(n, steps) for n in range(steps)]
        assert all(len(s.latents) == 2 for s in told)


def test_memory_does_not_grow(pipe: InternVLUPipeline) -> None:
    def alive() -> int:
        gc.collect()
        return sum(type(o) is torch.Tensor for o in gc.get_objects())

    def call() -> None:
        pipe.edit(["a"], [[noise(64, 64)]], height=64, width=64, steps=1)
        pipe.answer(["a"], [[noise(64, 64)]], sampling=Sampling(max_new_tokens=2))

    call()
    before = alive()
    for _ in range(5):
        call()
    assert alive() <= before + 4


def test_an_error_in_the_middle_leaves_a_working_pipeline(pipe: InternVLUPipeline) -> None:
    first = everything(pipe)

    def stop(_: Step) -> None:
        raise RuntimeError("stopped by the caller")

    with pytest.raises(RuntimeError, match="stopped by the caller"):
        pipe.generate(["a"], on_step=stop, **SMALL)
    assert alike(everything(pipe), first)


def test_threads(pipe: InternVLUPipeline) -> None:
    """Calls at once are like calls in turn, drawn texts included."""
    alone = [everything(pipe, seed) for seed in range(2)]
    state = torch.get_rng_state()
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda seed: everything(pipe, seed % 2), range(6)))
    for n, found in enumerate(together):
        assert alike(found, alone[n % 2])
    assert torch.equal(torch.get_rng_state(), state)


def test_one_call_computes_at_a_time(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The VAE keeps what it is doing in itself, and an offloaded part has one place."""
    pipe = read(checkpoint, offload=True)
    now, most, seen = 0, 0, set()

    def watched(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def entered(*args: Any, **kwargs: Any) -> Any:
            nonlocal now, most
            now += 1
            most = max(most, now)
            seen.add(name)
            time.sleep(0.02)
            try:
                return original(*args, **kwargs)
            finally:
                now -= 1

        monkeypatch.setattr(owner, name, entered)

    watched(pipe.parts.vlm, "write")
    watched(pipe.parts.vlm, "hidden_states")
    watched(pipe.parts.decoder, "prepare")
    watched(pipe.parts.vae, "encode")
    watched(pipe.parts.vae, "decode")
    with ThreadPoolExecutor(3) as pool:
        assert len(list(pool.map(lambda seed: everything(pipe, seed), range(3)))) == 3
    assert len(seen) == 5
    assert most == 1


def test_a_listener_may_call_the_pipeline(pipe: InternVLUPipeline) -> None:
    """For a preview, say: the lock is the thread's own."""
    previews: list[Any] = []

    def preview(step: Step) -> None:
        if step.index == 0:
            previews.extend(pipe.generate(["b"], **SMALL))

    made = pipe.generate(["a"], on_step=preview, **SMALL)
    assert same(previews, pipe.generate(["b"], **SMALL))
    assert same(made, pipe.generate(["a"], **SMALL))


# --- precisions and places ------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "mean", "most"), [("bfloat16", 6, 90), ("float16", 1.5, 40)])
def test_half_precision_on_the_cpu_is_near(
    checkpoint: Path, pipe: InternVLUPipeline, dtype: str, mean: float, most: int
) -> None:
    half = read(checkpoint, dtype=dtype)
    for call in (
        lambda p: p.generate(["a red panda"], height=64, width=64, steps=4),
        lambda p: p.edit(["make it blue"], [[noise(80, 64)]], height=64, width=64, steps=4),
    ):
        (a,), (b,) = call(pipe), call(half)
        error = np.abs(np.asarray(a.image).astype(int) - np.asarray(b.image))
        assert 0 < error.mean() < mean
        assert error.max() < most
        assert np.asarray(b.image).std() > 5
    assert half.answer(["a"], [[noise(64, 64)]], sampling=Sampling(max_new_tokens=3))[0].ids


@pytest.mark.parametrize(
    "options",
    [
        {"offload": True, "dtype": "auto"},
        {"device_map": {"vae": "cpu", "vlm": "cpu:0"}},
    ],
    ids=str,
)
def test_places_change_nothing(
    checkpoint: Path, pipe: InternVLUPipeline, options: dict[str, Any]
) -> None:
    other = read(checkpoint, **options)
    assert other.parts.decoder.dtype == torch.float32
    assert alike(everything(other), everything(pipe))


@pytest.mark.slow
def test_compiled_layers_change_nothing(checkpoint: Path, pipe: InternVLUPipeline) -> None:
    compiled = read(checkpoint, compile=True)
    assert alike(everything(compiled), everything(pipe))
    # Other numbers of tokens, and weights that are still saved under their names.
    images = [[noise(64, 64), noise(100, 70, 1)], [noise(90, 60, 2)]]
    shared: dict[str, Any] = {"sizes": [(96, 112), (64, 64)], "steps": 1}
    assert same(
        compiled.edit(["a", "b"], images, **shared), pipe.edit(["a", "b"], images, **shared)
    )
    assert compiled.parts.decoder.state_dict().keys() == pipe.parts.decoder.state_dict().keys()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "no_such"}, "The device 'no_such' cannot be used here"),
        ({"device": "cuda:99"}, "The device 'cuda:99' cannot be used here"),
        ({"dtype": "int8"}, "The dtype 'int8' is unknown; use one of auto, float32"),
        ({"dtype": "fp16"}, "The dtype 'fp16' is unknown"),
        ({"device_map": {"unet": "cpu"}}, "device_map names 'unet'; its keys are vlm, gener"),
        ({"device_map": {"vae": "no_such"}}, "The device 'no_such' cannot be used here"),
    ],
)
def test_names_of_devices_and_types(checkpoint: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        InternVLUPipeline.from_pretrained(checkpoint, **{"device": "cpu", **options})
    assert "\n" not in str(error.value)


# --- where a checkpoint is ------------------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's cache with one commit of one repository, and no network."""
    import huggingface_hub.constants

    place = tmp_path / "cache"
    repository = place / "models--InternVL-U--tiny"
    copied(checkpoint, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(place))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return repository / "snapshots" / COMMIT


def test_a_pinned_commit_of_the_cache(cache: Path, pipe: InternVLUPipeline) -> None:
    for name, revision in (
        ("InternVL-U/tiny", None), ("InternVL-U/tiny", COMMIT),
        (f"InternVL-U/tiny@{COMMIT}", None), ("InternVL-U/tiny", "main"),
    ):  # fmt: skip
        assert locate(name, revision) == cache
    found = read("InternVL-U/tiny", revision=COMMIT)  # type: ignore[arg-type]
    assert same(found.generate(["a"], **SMALL), pipe.generate(["a"], **SMALL))


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("name", "revision", "words"),
    [
        ("InternVL-U/tiny", "f" * 40, f"hf download InternVL-U/tiny --revision {'f' * 40}"),
        (f"InternVL-U/tiny@{'f' * 40}", None, f"--revision {'f' * 40}"),
        ("InternVL-U/other", None, "hf download InternVL-U/other"),
    ],
)
def test_what_the_cache_lacks_is_not_replaced(name: str, revision: str | None, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        read(name, revision=revision)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_cache_that_lost_a_file(cache: Path) -> None:
    (cache / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(UserError, match=r"pytorch_model\.safetensors is missing"):
        read("InternVL-U/tiny", revision=COMMIT)  # type: ignore[arg-type]


def test_folders(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(checkpoint, tmp_path / "a@b" / "tiny")
    for name in (checkpoint, str(checkpoint), tmp_path / "a@b" / "tiny"):
        assert locate(name) == Path(name)
    monkeypatch.chdir(tmp_path)
    assert locate("a@b/tiny") == Path("a@b/tiny")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate("~/a@b/tiny") == tmp_path / "a@b" / "tiny"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{tmp}/nothing", "the folder .* does not exist"),
        ("{tmp}/file", "does not exist"),
        ("nothing", "the folder nothing does not exist"),
        ("{tmp}", "holds no model_index.json"),
    ],
)
def test_no_folder(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=words) as error:
        read(name.format(tmp=tmp_path))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_revision_is_of_the_hub(checkpoint: Path) -> None:
    with pytest.raises(UserError, match="is a folder, and a revision is of the hub; leave it out"):
        read(checkpoint, revision=COMMIT)


# --- sizes ----------------------------------------------------------------------------------


def test_default_sizes(pipe: InternVLUPipeline) -> None:
    (made,) = pipe.generate(["a"], steps=1)
    assert made.image.size == pipe.default_size[::-1] == (96, 96)
    (made,) = pipe.generate(["a"], steps=1, height=48)
    assert made.image.size == (96, 48)
    (made,) = pipe.edit(["a"], [[noise(160, 100), noise(64, 64)]], steps=1)
    assert made.image.size == made.generated[::-1] == pipe.source_size(noise(160, 100))[::-1]


def test_an_image_has_the_size_asked_for(pipe: InternVLUPipeline) -> None:
    (made,) = pipe.generate(["a"], height=70, width=90, steps=1)
    assert (made.image.size, made.generated) == ((90, 70), (64, 80))
    (exact,) = pipe.generate(["a"], height=64, width=80, steps=1)
    from PIL import Image

    wanted = exact.image.resize((90, 70), Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(wanted).astype(int) - np.asarray(made.image)).max() <= 1
    assert levels(made, exact) == -1
