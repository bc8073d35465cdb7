from __future__ import annotations

import inspect
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from evals.core.errors import UserError
from evals.core.types import JSON, Output, Sample, canonical_json
from model.adapters.diffusers_pipeline import DiffusersPipeline, Job, make
from model.adapters.diffusers_signature import BATCHED, QUIRKS, Signature, read_signature
from tests.tiny_pipelines import (
    tiny_edit_pipeline,
    tiny_image_pipeline,
    tiny_klein_pipeline,
    tiny_qwen_pipeline,
)

KLEIN: dict[str, JSON] = {"steps": 1, "call": {"text_encoder_out_layers": [1, 2, 3]}}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_edit_pipeline(tmp_path_factory.mktemp("editor") / "pix2pix")


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_image_pipeline(tmp_path_factory.mktemp("painter") / "sd")


@pytest.fixture(scope="module")
def klein(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_klein_pipeline(tmp_path_factory.mktemp("klein") / "klein")


def picture(path: Path, width: int = 101, height: int = 70, seed: int = 0) -> Path:
    noise = np.random.default_rng(seed).integers(0, 255, (7, 10, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((width, height)).save(path)
    return path


def sample(prompt: str = "replace SALE by HELLO", *images: Path, id: str = "one") -> Sample:
    task = "edit" if images else "generate"
    return Sample(id=id, benchmark="b", suite="s", task=task, prompt=prompt, images=images)


def pixels(output: Output) -> NDArray[np.int64]:
    assert output.status == "ok", output.fault
    (image,) = output.images
    assert isinstance(image, bytes)
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), dtype=np.int64)


def distance(one: Output, other: Output) -> int:
    """Largest difference of two images, in grey values."""
    return int(np.abs(pixels(one) - pixels(other)).max())


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def bare(folder: Path, name: str, options: Mapping[str, JSON] | None = None) -> DiffusersPipeline:
    """The adapter of a checkpoint without components: all that it knows before it loads."""
    folder.mkdir(exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": name}))
    (folder / "weights.safetensors").touch()
    return make(str(folder), options or {})


# --- signatures -----------------------------------------------------------------------------

EDITS = {
    # name: (other task, parameter of the images, several images a sample)
    "BriaFibo2Pipeline": ("generate", "image", True),
    "DreamLiteMobilePipeline": ("generate", "image", False),
    "DreamLitePipeline": ("generate", "image", False),
    "Flux2KleinKVPipeline": ("generate", "image", True),
    "Flux2KleinPipeline": ("generate", "image", True),
    "Flux2Pipeline": ("generate", "image", True),
    "FluxKontextPipeline": ("generate", "image", False),
    "GlmImagePipeline": ("generate", "image", True),
    "JoyImageEditPipeline": ("", "image", False),
    "JoyImageEditPlusPipeline": ("", "images", True),
    "Kandinsky5I2IPipeline": ("", "image", False),
    "LongCatImageEditPipeline": ("", "image", False),
    "OmniGenPipeline": ("generate", "input_images", True),
    "QwenImage21Pipeline": ("generate", "image", True),
    "QwenImageEditPipeline": ("", "image", False),
    "QwenImageEditPlusPipeline": ("", "image", True),
    "StableDiffusionInstructPix2PixPipeline": ("", "image", False),
    "StableDiffusionXLInstructPix2PixPipeline": ("", "image", False),
    "ZImageOmniPipeline": ("generate", "image", True),
}

GENERATES = (
    "AuraFlowPipeline", "ChromaPipeline", "CogView4Pipeline", "ErnieImagePipeline", "FluxPipeline",
    "HiDreamImagePipeline", "HunyuanImagePipeline", "IFPipeline", "Kandinsky5T2IPipeline",
    "Krea2Pipeline", "LongCatImagePipeline", "Lumina2Pipeline", "OvisImagePipeline",
    "PixArtSigmaPipeline", "QwenImagePipeline", "SanaPipeline", "SanaSprintPipeline",
    "StableCascadeCombinedPipeline", "StableDiffusion3Pipeline", "StableDiffusionPipeline",
    "StableDiffusionXLPipeline", "ZImagePipeline",
)  # fmt: skip

REFUSES = {
    "AudioLDM2Pipeline": "makes sound",
    "BriaFiboEditPipeline": "JSON",
    "CogVideoXPipeline": "makes video",
    "DDPMPipeline": "takes no prompt",
    "DiffusionGemmaPipeline": "writes text",
    "FluxControlNetPipeline": "control image",
    "FluxFillPipeline": "masked region",
    "FluxPriorReduxPipeline": "half of a model",
    "HunyuanImageRefinerPipeline": "enlarges or refines",
    "KandinskyPipeline": "needs image_embeds",
    "OnnxStableDiffusionPipeline": "not run by torch",
    "QwenImageEditInpaintPipeline": "masked region",
    "QwenImageImg2ImgPipeline": "description of the result",
    "QwenImageLayeredPipeline": "layers",
    "StableDiffusionAdapterPipeline": "control image",
    "StableDiffusionControlNetPipeline": "control image",
    "StableDiffusionDepth2ImgPipeline": "control image",
    "StableDiffusionImg2ImgPipeline": "description of the result",
    "StableDiffusionLatentUpscalePipeline": "enlarges or refines",
    "StableDiffusionXLControlNetXSPipeline": "control image",
    "StableVideoDiffusionPipeline": "makes video",
    "VersatileDiffusionDualGuidedPipeline": "needs image",
    "WanImageToVideoPipeline": "makes video",
}


def pipelines() -> dict[str, type]:
    """Every pipeline class of the installed diffusers whose packages are here."""
    import diffusers

    found: dict[str, type] = {}
    for name in dir(diffusers):
        kind = getattr(diffusers, name, None) if "Pipeline" in name else None
        if inspect.isclass(kind) and issubclass(kind, diffusers.DiffusionPipeline):
            found[name] = kind
    return found


@pytest.fixture(scope="module")
def kinds() -> dict[str, type]:
    return pipelines()


def test_every_pipeline_class_is_taken_or_refused_with_a_sentence(kinds: dict[str, type]) -> None:
    taken: dict[str, Signature] = {}
    refused: dict[str, str] = {}
    for name, kind in kinds.items():
        try:
            taken[name] = read_signature(kind)
        except UserError as refusal:
            refused[name] = str(refusal)
    edits = {n: s for n, s in taken.items() if "edit" in s.tasks}
    # A class that a new version of diffusers brings is looked at before it counts as an editor.
    assert set(edits) <= set(EDITS)
    for name, signature in taken.items():
        if signature.image:
            assert signature.image in signature.parameters
        else:
            assert signature.tasks == {"generate"}, name
    for name, reason in refused.items():
        assert reason.startswith(f"{name} ")
        assert "; name a checkpoint" in reason
    assert len(taken) > 60
    assert len(refused) > 150


def test_what_the_known_classes_can_do(kinds: dict[str, type]) -> None:
    for name, (other, image, several) in EDITS.items():
        found = read_signature(kinds[name])
        assert found.tasks == {"edit", other} - {""}, name
        assert (found.image, found.quirk.several) == (image, several), name
    for name in GENERATES:
        found = read_signature(kinds[name])
        assert (found.tasks, found.image) == ({"generate"}, ""), name
    for name, reason in REFUSES.items():
        with pytest.raises(UserError, match=reason):
            read_signature(kinds[name])


def test_the_tables_speak_of_classes_that_there_are(kinds: dict[str, type]) -> None:
    assert set(QUIRKS) <= set(kinds)
    assert set(BATCHED) <= set(kinds)
    for name in BATCHED:
        source = inspect.getsource(kinds[name])
        assert 'padding="max_length"' in source, name
        assert "padding=True" not in source, name
        call = inspect.signature(kinds[name].__call__).parameters
        assert "list" in str(call["prompt"].annotation).lower(), name
        assert "list" in str(call["generator"].annotation).lower(), name


def test_images_and_sizes_are_passed_as_each_class_wants_them(tmp_path: Path) -> None:
    image = Image.new("RGB", (101, 70))
    path = picture(tmp_path / "in.png")

    def call(name: str, n: int = 1, **options: JSON) -> dict[str, Any]:
        model = bare(tmp_path / name, name, options)
        job = Job(sample=sample("do it", *[path] * n), seed=1, images=(image,) * n)
        found = model._arguments([job])
        assert found.pop("generator").initial_seed() == 1
        assert found.pop("output_type") == "pil"
        return found

    assert call("StableDiffusionInstructPix2PixPipeline") == {"prompt": "do it", "image": image}
    assert call("QwenImageEditPipeline") == {"prompt": "do it", "image": image}
    assert call("QwenImageEditPlusPipeline", 2) == {"prompt": "do it", "image": [image] * 2}
    assert call("JoyImageEditPlusPipeline") == {"prompt": "do it", "images": [image]}
    size = {"height": 64, "width": 96}
    asked = call("QwenImageEditPipeline", edit_size="input")
    assert asked == {"prompt": "do it", "image": image, **size}
    # These would make a square of it.
    assert call("FluxKontextPipeline") == {"prompt": "do it", "image": image, **size}
    assert call("GlmImagePipeline") == {"prompt": "do it", "image": [image], **size}
    assert call("GlmImagePipeline", 0) == {"prompt": "do it", "height": 1024, "width": 1024}
    marked = call("OmniGenPipeline", 2, image_guidance_scale=1.5)
    assert marked == {
        "prompt": "<img><|image_1|></img> <img><|image_2|></img> do it",
        "input_images": [image] * 2,
        "img_guidance_scale": 1.5,
        "use_input_image_size_as_output": True,
    }
    fixed = call("OmniGenPipeline", height=512, width=256)
    assert (fixed["height"], fixed["width"]) == (512, 256)
    assert "use_input_image_size_as_output" not in fixed


# --- real calls -----------------------------------------------------------------------------


def test_an_edit_depends_on_prompt_image_seed_and_options(editor: Path, tmp_path: Path) -> None:
    one, other = picture(tmp_path / "1.png"), picture(tmp_path / "2.png", seed=1)
    model = make(str(editor), {"steps": 1})
    assert model.tasks == {"edit"}
    base, again, prompted, sighted, seeded = model.edit(
        [
            sample("write HELLO", one), sample("write HELLO", one), sample("write BYE", one),
            sample("write HELLO", other), sample("write HELLO", one),
        ],
        [1, 1, 1, 1, 2],
    )  # fmt: skip
    assert pixels(base).shape == (64, 96, 3)
    assert distance(base, again) == 0
    for changed in (prompted, sighted, seeded):
        assert distance(base, changed) > 3
    stronger = make(str(editor), {"steps": 1, "image_guidance_scale": 5})
    assert distance(base, stronger.edit([sample("write HELLO", one)], [1])[0]) > 3


def test_a_sample_does_not_depend_on_its_batch(painter: Path) -> None:
    prompts = ["a cat", "a much longer prompt about two dogs and a bicycle", "HELLO"]
    samples = [sample(p, id=str(n)) for n, p in enumerate(prompts)]
    options: dict[str, JSON] = {"steps": 2, "negative_prompt": "grey"}
    alone = make(str(painter), options).generate(samples, [7, 8, 9])
    together = make(str(painter), {**options, "batch_size": 3}).generate(samples, [7, 8, 9])
    for one, other in zip(alone, together, strict=True):
        # Kernels may add up in another order for another batch.
        assert distance(one, other) <= 2
    assert distance(alone[0], alone[1]) > 20
    # The last batch is smaller, as where a run is resumed.
    resumed = make(str(painter), {**options, "batch_size": 2}).generate(samples, [7, 8, 9])
    assert distance(resumed[2], alone[2]) <= 2


def test_one_class_makes_images_and_edits_several(klein: Path, tmp_path: Path) -> None:
    one, other = picture(tmp_path / "1.png"), picture(tmp_path / "2.png", 64, 64, seed=1)
    made = make(str(klein), {**KLEIN, "height": 48, "width": 64}).generate(
        [sample("a cat"), sample("a dog")], [1, 1]
    )
    assert pixels(made[0]).shape == (48, 64, 3)
    assert distance(*made) > 3
    model = make(str(klein), KLEIN)
    assert model.tasks == {"generate", "edit"}
    single, both = model.edit([sample("x", one), sample("x", one, other)], [1, 1])
    assert pixels(single).shape == (64, 96, 3)
    assert distance(single, both) > 3


def test_guidance_that_needs_a_negative_prompt_is_not_lost(tmp_path: Path) -> None:
    folder = tiny_qwen_pipeline(tmp_path / "qwen")
    options: dict[str, JSON] = {"steps": 1, "height": 32, "width": 32}
    without = make(str(folder), options)
    (remark,) = without.check([sample()])
    assert "negative_prompt" in remark
    guided = make(str(folder), {**options, "negative_prompt": " "})
    assert guided.check([sample()]) == []
    plain, better = (m.generate([sample()], [1])[0] for m in (without, guided))
    assert pixels(plain).shape == (32, 32, 3)
    assert distance(plain, better) > 0
    with pytest.raises(UserError, match="ignores true_cfg_scale without a negative prompt"):
        make(str(folder), {**options, "true_cfg_scale": 3})
    with pytest.raises(UserError, match="ignores negative_prompt while true_cfg_scale is 1"):
        make(str(folder), {**options, "true_cfg_scale": 1, "negative_prompt": " "})


@pytest.mark.slow
def test_an_editor_that_works_at_a_megapixel(tmp_path: Path) -> None:
    folder = tiny_qwen_pipeline(tmp_path / "qwen", edits=True)
    path = picture(tmp_path / "in.png")
    (own,) = make(str(folder), {"steps": 1}).edit([sample("x", path)], [1])
    height, width, _ = pixels(own).shape
    assert height * width == pytest.approx(1024 * 1024, rel=0.03)
    assert width / height == pytest.approx(101 / 70, rel=0.05)
    (asked,) = make(str(folder), {"steps": 1, "edit_size": "input"}).edit([sample("x", path)], [1])
    assert pixels(asked).shape == (64, 96, 3)


def test_large_inputs_are_scaled_down_and_small_ones_are_not(editor: Path, tmp_path: Path) -> None:
    large, small = picture(tmp_path / "l.png", 640, 320), picture(tmp_path / "s.png", 64, 64)
    model = make(str(editor), {"steps": 1, "max_pixels": 8192})
    first, second = model.edit([sample("x", large), sample("x", small)], [1, 1])
    assert pixels(first).shape == (64, 128, 3)
    assert pixels(second).shape == (64, 64, 3)


# --- samples that fail alone ----------------------------------------------------------------


def test_a_sample_that_cannot_be_run_fails_alone(editor: Path, tmp_path: Path) -> None:
    good = picture(tmp_path / "good.png")
    broken = tmp_path / "broken.png"
    broken.write_bytes(good.read_bytes()[:60])
    model = make(str(editor), {"steps": 1})
    outputs = model.edit(
        [
            sample("x"), sample("x", good, good), sample("x", broken),
            sample("x", tmp_path / "gone.png"), sample("x", good),
        ],
        [1] * 5,
    )  # fmt: skip
    assert [o.status for o in outputs] == ["unsupported", "unsupported", "error", "error", "ok"]
    faults = [o.fault for o in outputs[:4]]
    assert [f.kind for f in faults if f] == [
        "missing_input", "too_many_images", "unreadable_input", "unreadable_input"
    ]  # fmt: skip
    assert [f.origin for f in faults if f] == ["model", "model", "infrastructure", "infrastructure"]
    (remark,) = model.check([sample("x", good, good), sample("x", good)])
    assert remark.startswith("1 of 2 samples have several input images")
    (no,) = model.generate([sample()], [1])
    assert no.fault is not None
    assert no.fault.kind == "unsupported_task"


def test_an_image_that_the_safety_checker_blacks_out_is_refused(tmp_path: Path) -> None:
    strict = make(str(tiny_image_pipeline(tmp_path / "a", alarm=-1.5)), {"steps": 1})
    (flagged,) = strict.generate([sample()], [1])
    assert (flagged.status, flagged.images) == ("refused", ())
    assert flagged.fault is not None
    assert (flagged.fault.kind, flagged.fault.origin) == ("safety_checker", "model")
    calm = make(str(tiny_image_pipeline(tmp_path / "b", alarm=1.5)), {"steps": 1})
    assert calm.generate([sample()], [1])[0].status == "ok"


def test_memory_that_runs_out_is_a_fault_that_names_the_size(painter: Path) -> None:
    side = 80_000_000  # the noise alone would take 1.6 PB
    model = make(str(painter), {"steps": 1, "height": side, "width": side, "batch_size": 2})
    outputs = model.generate([sample(), sample(id="two")], [1, 2])
    assert [o.status for o in outputs] == ["error", "error"]
    for output in outputs:
        assert output.fault is not None
        assert (output.fault.kind, output.fault.origin) == ("out_of_memory", "infrastructure")
        assert f"{side}x{side}" in output.fault.message
        assert "lower height and width" in output.fault.message


def test_numbers_that_overflow_are_a_fault_and_no_black_image(
    painter: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied(painter, tmp_path / "sick")
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["decoder.conv_out.bias"].fill_(float("nan"))
    save_file(weights, path, {"format": "pt"})
    model = make(str(folder), {"steps": 1, "batch_size": 2})
    for output in model.generate([sample(), sample(id="two")], [1, 2]):
        assert (output.status, output.images) == ("error", ())
        assert output.fault is not None
        assert (output.fault.kind, output.fault.origin) == ("not_finite", "infrastructure")


# --- options --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("LongCatImageEditPipeline", {"height": 64, "width": 64}, "takes steps, guidance_scale"),
        ("StableDiffusionPipeline", {"true_cfg_scale": 3}, "does not take the option true_cfg"),
        ("QwenImageEditPlusPipeline", {"image_guidance_scale": 2}, "true_cfg_scale, negative"),
        ("Flux2Pipeline", {"negative_prompt": "x"}, "does not take the option negative_prompt"),
        ("StableDiffusionPipeline", {"height": 64}, "belong together"),
        ("StableDiffusionPipeline", {"max_pixels": 5000}, "takes no images"),
        ("StableDiffusionPipeline", {"edit_size": "input"}, "takes no images"),
        ("LongCatImageEditPipeline", {"edit_size": "input"}, "decides on the size"),
        ("QwenImageEditPipeline", {"edit_size": "input", "height": 64, "width": 64}, "drop it"),
        ("QwenImagePipeline", {"batch_size": 2}, "one sample at a time"),
        ("FluxPipeline", {"negative_prompt": "x"}, "true_cfg_scale above 1"),
        ("StableDiffusionPipeline", {"call": {"shift": 3}}, "takes clip_skip, cross_attention"),
        ("StableDiffusionPipeline", {"call": {"guidance_scale": 3}}, "the option guidance_scale"),
        ("StableDiffusionPipeline", {"call": {"num_images_per_prompt": 2}}, "cannot set"),
        ("QwenImageEditPipeline", {"call": {"image": "x.png"}}, "cannot set 'image'"),
        ("StableDiffusionPipeline", {"call": 3}, "of type dict"),
        ("StableDiffusionPipeline", {"step": 3}, "Did you mean 'steps'"),
        ("StableDiffusionPipeline", {"steps": 0}, "number from 1"),
        ("StableDiffusionPipeline", {"offload": "disk"}, "none, model, sequential"),
        ("StableDiffusionPipeline", {"dtype": "int8"}, "use one of"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_before_anything_loads(
    tmp_path: Path, name: str, options: dict[str, JSON], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        bare(tmp_path / "x", name, options)


def test_a_scheduler_that_shares_its_noise_runs_alone(painter: Path, tmp_path: Path) -> None:
    folder = copied(painter, tmp_path / "sde")
    index = json.loads((folder / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "DPMSolverSDEScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="one noise for a whole batch"):
        make(str(folder), {"batch_size": 2})
    assert make(str(folder), {}).batch_size == 1


def test_what_is_only_known_when_it_loads(painter: Path) -> None:
    with pytest.raises(UserError, match="needs an accelerator"):
        make(str(painter), {"offload": "model", "device": "cpu"}).generate([sample()], [1])
    with pytest.raises(UserError, match="cannot be used here"):
        make(str(painter), {"device": "cuda:99"}).generate([sample()], [1])


def test_describe_holds_what_decides_the_images(editor: Path, tmp_path: Path) -> None:
    given = {"steps": 3, "max_pixels": 4096, "call": {"eta": 0.5}}
    one, other = make(str(editor), {}).describe(), make(str(editor), given).describe()
    assert one["pipeline"] == "StableDiffusionInstructPix2PixPipeline"
    assert one["call"] == {
        "num_inference_steps": 100, "guidance_scale": 7.5, "image_guidance_scale": 1.5, "eta": 0.0
    }  # fmt: skip
    assert other["call"] == {
        "num_inference_steps": 3, "guidance_scale": 7.5, "image_guidance_scale": 1.5, "eta": 0.5
    }  # fmt: skip
    assert isinstance(other["options"], dict)
    assert other["options"]["max_pixels"] == 4096
    assert one["size"] == {"edit": "chosen by the pipeline"}
    assert str(editor) not in canonical_json(one)  # the folder's place decides nothing
    tuned = make(str(tiny_edit_pipeline(tmp_path / "pix2pix", seed=1)), {}).describe()
    assert tuned["checkpoint"] == one["checkpoint"]
    assert tuned["files"] != one["files"]
    kontext = bare(tmp_path / "k", "FluxKontextPipeline").describe()
    assert kontext["size"] == {
        "edit": "that of the input is asked for, in multiples of 16",
        "generate": "chosen by the pipeline",
    }


# --- checkpoints ----------------------------------------------------------------------------


def test_a_checkpoint_of_the_hubs_cache(
    editor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--team--editor"
    copied(editor, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for argument in ("team/editor", f"team/editor@{commit}"):
        model = make(argument, {"steps": 1})
        found = model.describe()
        assert (found["checkpoint"], found["commit"]) == ("team/editor", commit)
        (output,) = model.edit([sample("x", picture(tmp_path / "in.png"))], [1])
        assert output.status == "ok"
    with pytest.raises(UserError, match="hf download team/other --revision abc"):
        make("team/other@abc", {})


def test_what_a_checkpoint_lacks_is_named_before_it_loads(editor: Path, tmp_path: Path) -> None:
    cases: dict[str, tuple[str, str]] = {
        "component": ("text_encoder", r"lacks text_encoder/, which its model_index.json names"),
        "shard": ("", r"lacks unet/part-2-of-2.safetensors"),
        "index": ("model_index.json", r"holds no model_index.json"),
    }
    for case, (gone, words) in cases.items():
        folder = copied(editor, tmp_path / case)
        if case == "shard":
            weights = {"weight_map": {"a": "part-2-of-2.safetensors"}}
            listing = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
            listing.write_text(json.dumps(weights))
        elif (folder / gone).is_dir():
            shutil.rmtree(folder / gone)
        else:
            (folder / gone).unlink()
        with pytest.raises(UserError, match=words):
            make(str(folder), {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "does not name the class"),
        ("[]", "does not name the class"),
        ('{"_class_name": null}', "does not name the class"),
        ('{"_class_name": "StableDiffusionPipelin"}', "near it: StableDiffusionPipeline"),
        ('{"_class_name": "UNet2DModel"}', "no DiffusionPipeline"),
        ('{"_class_name": "FluxFillPipeline"}', "masked region"),
        ('{"_class_name": ["pipeline", "Mine"]}', "set the option trust_remote_code"),
    ],
)
def test_an_index_that_names_nothing_usable(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "model_index.json").write_text(text)
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises(UserError, match=words):
        make(str(tmp_path), {})


def test_no_checkpoint_at_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs a checkpoint"):
        make(None, {})
    with pytest.raises(UserError, match="does not exist"):
        make(str(tmp_path / "gone"), {})


def test_weights_that_are_not_all_there_are_not_filled_with_random_ones(
    painter: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    for part, file, key in (
        ("unet", "diffusion_pytorch_model", "conv_norm_out.weight"),
        ("text_encoder", "model", "final_layer_norm.weight"),
    ):
        folder = copied(painter, tmp_path / part)
        path = folder / part / f"{file}.safetensors"
        weights = {k: v for k, v in load_file(path).items() if not k.endswith(key)}
        save_file(weights, path, {"format": "pt"})
        with pytest.raises(UserError, match=f"lacks weights.*{key}"):
            make(str(folder), {"steps": 1}).generate([sample()], [1])


def test_a_damaged_checkpoint_is_refused_with_the_file(painter: Path, tmp_path: Path) -> None:
    for part, file in (("unet", "diffusion_pytorch_model"), ("text_encoder", "model")):
        name = f"{file}.safetensors"
        folder = copied(painter, tmp_path / f"cut-{part}")
        content = (folder / part / name).read_bytes()
        (folder / part / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError, match=f"{part}/{name} of .* is damaged or cut short"):
            make(str(folder), {"steps": 1}).generate([sample()], [1])
        (folder / part / name).unlink()
        with pytest.raises(UserError, match=f"cannot be loaded.*{name}"):
            make(str(folder), {"steps": 1}).generate([sample()], [1])


def test_a_tokenizer_without_words_is_refused(painter: Path, tmp_path: Path) -> None:
    folder = copied(painter, tmp_path / "mute")
    (folder / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="fetch the files of its vocabulary into tokenizer/"):
        make(str(folder), {"steps": 1}).generate([sample()], [1])


def test_pickled_weights_are_not_opened(painter: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = copied(painter, tmp_path / "pickled")
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    with pytest.raises(UserError, match=r"no file named diffusion_pytorch_model.safetensors"):
        make(str(folder), {"steps": 1}).generate([sample()], [1])


def test_weights_of_a_variant(painter: Path, tmp_path: Path) -> None:
    folder = copied(painter, tmp_path / "half")
    for path in list(folder.rglob("*.safetensors")):
        path.rename(path.with_suffix(".fp16.safetensors"))
    (output,) = make(str(folder), {"steps": 1, "variant": "fp16"}).generate([sample()], [1])
    assert output.status == "ok"
    with pytest.raises(UserError, match="cannot be loaded"):
        make(str(folder), {"steps": 1}).generate([sample()], [1])


CODE = """
import torch
from diffusers import StableDiffusionPipeline

class Mine(StableDiffusionPipeline):
    def __call__(self, prompt, generator, my_steps: int = 1, output_type="pil"):
        made = super().__call__(prompt, generator=generator, num_inference_steps=my_steps)
        drawn = int(torch.randint(256, ()))  # past the generator, as a prompt enhancer does
        made.images[0].putpixel((0, 0), (drawn, drawn, drawn))
        return made
"""


def test_code_that_a_checkpoint_brings_runs_only_when_asked_for(
    painter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import diffusers.utils.dynamic_modules_utils as dynamic
    import torch

    monkeypatch.setattr(dynamic, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = copied(painter, tmp_path / "mine")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(
        json.dumps({**index, "_class_name": ["pipeline", "Mine"]})
    )
    (folder / "pipeline.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{CODE}")
    with pytest.raises(UserError, match="trust_remote_code"):
        make(str(folder), {})
    assert not (tmp_path / "ran").exists()
    model = make(str(folder), {"trust_remote_code": True, "call": {"my_steps": 2}})
    assert model.describe()["call"] == {"my_steps": 2}
    before = torch.get_rng_state()
    one, other, again = model.generate([sample()] * 3, [1, 2, 1])
    assert distance(one, again) == 0
    assert pixels(one)[0, 0, 0] != pixels(other)[0, 0, 0]
    assert torch.equal(torch.get_rng_state(), before)
    (folder / "pipeline.py").write_text("raise RuntimeError('no')")
    with pytest.raises(UserError, match="does not give the class Mine"):
        make(str(folder), {"trust_remote_code": True})


def test_importing_the_adapter_loads_nothing_heavy() -> None:
    code = (
        "import sys, model.adapters.diffusers_pipeline; "
        "sys.exit(bool({'torch', 'diffusers', 'transformers', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
