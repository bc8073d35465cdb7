"""Checkpoints that cannot be run are refused with a sentence, as early as it can be known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("torchvision")
pytest.importorskip("accelerate")

from evals.core.errors import MissingExtra, UserError
from model.adapters.transformers_vlm import make
from tests.tiny_janus import tiny_janus
from tests.tiny_vlm import tiny_vlm
from tests.vlm_kit import answers, asks, edited, no_network, opened

__all__ = ["no_network"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_vlm(tmp_path_factory.mktemp("vlm") / "tiny")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(whole, tmp_path / "tiny")


# --- before anything is loaded --------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (None, "names no checkpoint"),
        ("", "names no checkpoint"),
        ("./none", "does not exist"),
        ("nobody/has-this@abc123", "run: hf download nobody/has-this --revision abc123"),
    ],
)
def test_a_checkpoint_that_is_not_here(argument, words) -> None:
    with pytest.raises(UserError, match=words):
        make(argument, {})


def test_a_package_that_is_not_here(folder, monkeypatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "accelerate" else real(n, *a)
    )
    with pytest.raises(MissingExtra, match=r"pip install 'umm-evals\[models\]'"):
        make(str(folder), {})


def test_weights_that_are_a_pickle(folder) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin, a pickle"):
        make(str(folder), {})


def test_a_missing_shard_is_named(folder, whole) -> None:
    from transformers import AutoModelForImageTextToText

    (folder / "model.safetensors").unlink()
    AutoModelForImageTextToText.from_pretrained(whole).save_pretrained(
        folder, max_shard_size="60KB"
    )
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert answers(opened(folder), [asks("hi")])[0].status == "ok"
    shards[1].unlink()
    with pytest.raises(UserError, match=rf"lacks 1 of its {len(shards)} .*{shards[1].name}"):
        make(str(folder), {})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "qwen2"}, "a language model of type 'qwen2' that sees no images"),
        ({"model_type": "clip"}, "of type 'clip', which the installed transformers has no"),
        ({"model_type": "multi_modality"}, "of type 'multi_modality'"),
        ({"model_type": "own", "auto_map": {"AutoModelForCausalLM": "own.Own"}}, "type 'own'"),
        ({"architectures": ["X"]}, "no model_type"),
        ([], "no JSON object"),
    ],
)
def test_models_of_another_kind(folder, config, words) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=words):
        make(str(folder), {})


def test_a_damaged_config(folder) -> None:
    (folder / "config.json").write_text('{"model_type": "qwen')
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        make(str(folder), {})


# --- code of the checkpoint's own -----------------------------------------------------------

OWN = """\
from transformers import JanusConfig, JanusForConditionalGeneration

class OwnConfig(JanusConfig):
    model_type = "own_vl"

class OwnModel(JanusForConditionalGeneration):
    config_class = OwnConfig
"""


def test_its_own_code_runs_only_when_trusted(tmp_path, monkeypatch) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tiny_janus(tmp_path / "janus")
    wanted = answers(opened(folder), [asks("hi")])
    (folder / "own.py").write_text(OWN)
    classes = {"AutoConfig": "own.OwnConfig", "AutoModelForImageTextToText": "own.OwnModel"}
    edited(folder / "config.json", lambda c: c.update(model_type="own_vl", auto_map=classes))
    with pytest.raises(UserError, match="trust_remote_code = true"):
        make(str(folder), {})
    it = opened(folder, trust_remote_code=True)
    assert it.tasks == {"understand"}
    assert answers(it, [asks("hi")]) == wanted
    assert type(it.model).__name__ == "OwnModel"


# --- what shows when it is loaded -----------------------------------------------------------


def test_no_chat_template(folder) -> None:
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="no chat template"):
        opened(folder).check([asks("hi")])


def test_no_processor(folder) -> None:
    (folder / "processor_config.json").unlink()
    with pytest.raises(UserError, match="cannot be"):
        opened(folder).check([asks("hi")])


def test_damaged_weights(folder) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    it = opened(folder)
    assert it.check([asks("hi")]) == []
    with pytest.raises(UserError, match="weights of tiny cannot be loaded"):
        answers(it, [asks("hi")])


def test_absent_weights_are_not_made_up(folder) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    gone = next(n for n in weights if "layers.1.mlp.up_proj" in n)
    del weights[gone]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lacks 1 of the weights.*mlp\.up_proj"):
        answers(opened(folder), [asks("hi")])


def test_a_model_that_continues_nothing(folder) -> None:
    edited(folder / "config.json", lambda c: c.update(is_encoder_decoder=True))
    with pytest.raises(UserError, match="does not continue a conversation"):
        answers(opened(folder), [asks("hi")])
