"""Flags and files are one schema; whatever is wrong is said with the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.config import ModelSpec, RunConfig, build_config, slug
from evals.core.errors import UserError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_file_and_flags_make_the_same_configuration(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        'models = ["copy-source", {name="b", adapter="replay", argument="out/bagel"}]\n'
        'benchmarks = [{name="textedit", suite="mini", data="d"}]\n'
        'out = "o"\nseed = 3\ntrials = 2\nlimit = 5\nanchors = false\n'
        '[scoring]\nocr = "paddleocr-onnx"\nerrata = "fix"\nmetrics = ["ocr_strict"]\n',
    )
    flags = {
        "models": ["copy-source", "b=replay:out/bagel"],
        "benchmarks": ["textedit/mini"],
        "data": {"textedit": "d"},
        "out": "o", "seed": 3, "trials": 2, "limit": 5, "anchors": False,
        "ocr": "paddleocr-onnx", "errata": "fix", "metrics": ["ocr_strict"],
    }  # fmt: skip
    assert build_config(file, {}) == build_config(None, flags)


def test_a_flag_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'benchmarks = ["textedit"]\nseed = 1\n[scoring]\ndevice = "cuda"\n')
    config = build_config(file, {"seed": 2, "device": "cpu"})
    assert (config.seed, config.scoring.device) == (2, "cpu")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sead = 1", ["unknown key 'sead'", "'seed'"]),
        ("[scoring]\nocrr = 'x'", ["[scoring] has an unknown key 'ocrr'", "'ocr'"]),
        ("seed = 'one'", ["seed must be of type int"]),
        ("seed = true", ["seed must be of type int"]),
        ("models = [1]", ["models[0] must be text or a table"]),
        ("models = [{adaptr='x'}]", ["models[0] has an unknown key 'adaptr'", "'adapter'"]),
        ("models = [{name='x'}]\nbenchmarks=['textedit']", ["has no 'adapter'"]),
        ("benchmarks = [{suite='x'}]", ["has no 'name'"]),
        ("benchmarks = ['textedit']\nlimit = 0", ["limit = 0", "1 or more"]),
        ("benchmarks = ['textedit']\ntrials = 0", ["trials = 0"]),
        ("benchmarks = []", ["No benchmark given"]),
        ("benchmarks = ['textedit']\nscoring = {errata='maybe'}", ["errata", "off, fix, exclude"]),
        ("seed = = 1", ["not valid TOML"]),
        (
            "benchmarks=['textedit']\nmodels=['replay:a/x','replay:b/x']",
            ["Two models are called 'x'"],
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        build_config(write(tmp_path, text), {})
    for word in words:
        assert word in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="check the path"):
        build_config(tmp_path / "nowhere.toml", {})
    (tmp_path / "latin.toml").write_bytes('out = "caf\xe9"'.encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        build_config(tmp_path / "latin.toml", {})
    (tmp_path / "bom.toml").write_bytes(b'\xef\xbb\xbfbenchmarks = ["textedit"]')
    assert build_config(tmp_path / "bom.toml", {}).benchmarks[0].name == "textedit"


def test_data_for_a_benchmark_that_does_not_run() -> None:
    with pytest.raises(UserError, match="no such benchmark"):
        build_config(None, {"benchmarks": ["textedit"], "data": {"geneval": "x"}})


@pytest.mark.parametrize(
    ("text", "name", "adapter", "argument"),
    [
        ("copy-source", "copy-source", "copy-source", None),
        ("replay:out/bagel", "bagel", "replay", "out/bagel"),
        ("mine=replay:out/bagel", "mine", "replay", "out/bagel"),
        ("replay:C=3/out", "out", "replay", "C=3/out"),
        ("replay:out/été 模型", "été 模型", "replay", "out/été 模型"),
    ],
)
def test_model_specs(text: str, name: str, adapter: str, argument: str | None) -> None:
    spec = ModelSpec.parse(text)
    assert (spec.name, spec.adapter, spec.argument) == (name, adapter, argument)


def test_a_model_without_an_adapter() -> None:
    with pytest.raises(UserError, match="names no adapter"):
        ModelSpec.parse("x=")


def test_slugs_are_safe_and_distinct() -> None:
    names = ["模型", "模型二", "../../etc", "a<script>", "\u202eevil", "."]
    slugs = [slug(n) for n in names]
    assert len(set(slugs)) == len(names)
    for s in slugs:
        assert "/" not in s
        assert s not in {"", ".", ".."}


def test_the_default_is_complete() -> None:
    config = build_config(None, {"benchmarks": ["textedit"]})
    assert isinstance(config, RunConfig)
    assert config.scoring.ocr == "rapidocr"
