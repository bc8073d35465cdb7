"""UniGenBench as a benchmark: loader, judge, and variants."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generation.unigenbench import BENCHMARK, columns, conformance, data, scoring
from benchmarks.generation.unigenbench.data import TESTED, UniGenReference
from benchmarks.generation.unigenbench.taxonomy import BY_NAME, POINTS, PRIMARY, THEMES, slug
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.summary import summarise
from tests.benchmarks.judged_kit import judge, run_cli, settings
from tests.benchmarks.kit import picture
from tests.variant_runs import memory_run


def row(points: Sequence[str], **more: Any) -> dict[str, Any]:
    about = {
        "Primary Categories": "Art", "Secondary Categories": "Other", "Subjects": "Scene",
        "Sentence Structure": "Imperative", "Testpoints": list(points),
        "Testpoint Description": [f"part {n}" for n in range(len(points))],
    }  # fmt: skip
    return {**about, **more}


def write(root: Path, rows: Sequence[dict[str, Any]], suite: str = "en-long") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    name = f"test_prompts_{suite.replace('-', '_')}.csv"
    with (root / name).open("w", encoding="utf-8", newline="") as file:
        made = csv.writer(file)
        made.writerow(["index", "prompt_en", "sub_dims_en"])
        for number, about in enumerate(rows):
            made.writerow([number, f"prompt {number}, drawn", json.dumps(about)])
    return root


def load(root: Path, suite: str = "en-long") -> list[Any]:
    return BENCHMARK.suites[suite].load(DataSource(root=root, cache=root / "cache"))


@pytest.mark.parametrize("suite", ["en", "zh"])
def test_official_prompts(suite: str, official_data: Path, tmp_path: Path) -> None:
    source = DataSource(root=official_data / "unigenbench", cache=tmp_path)
    samples = BENCHMARK.suites[suite].load(source)
    assert len(samples) == BENCHMARK.suites[suite].size == 600
    points = [p for s in samples for p in s.reference.points]
    assert len(points) == 1813
    assert {BY_NAME[p] for p in points} == set(POINTS)
    assert {s.group[0] for s in samples} == set(THEMES.values())
    asked = sum(s.reference.count("Action") for s in samples)
    usual = samples[0].reference.usual["Action"]
    assert asked == 263
    assert usual * sum("Action" in s.strata for s in samples) == pytest.approx(asked)


def test_another_revision_is_refused_with_its_hash(tmp_path: Path) -> None:
    write(tmp_path, [row(["Style"])], "en")
    with pytest.raises(UserError, match="sha256 is") as told:
        load(tmp_path, "en")
    assert next(iter(data.KNOWN["en"]))[:16] in str(told.value)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (row(["Style", "Smell"]), "unknown kind 'Smell'"),
        (row(["Style"]) | {"Testpoint Description": []}, "parallel lists"),
        (row([]), "no test points"),
        (row(["Style"]) | {"Primary Categories": "Sports"}, "unknown theme"),
        ({}, "no list of texts"),
    ],
)
def test_broken_rows_are_named(broken: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        load(write(tmp_path, [row(["Style"]), broken]))


REPLY = '<analysis>["a", "b"]</analysis><score>{}</score>'


def test_one_reply_is_read_strictly_and_as_released(tmp_path: Path) -> None:
    kinds = ["Attribute - Size", "Attribute - Color"]
    samples = load(write(tmp_path, [row(kinds)] * 3))
    replies = {s.id: REPLY.format(m) for s, m in zip(samples, ("[1, 0]", "[true, 0]", "[0.5, 1]"),
                                                     strict=True)}  # fmt: skip
    found = judge(BENCHMARK, samples, replies, tmp_path)
    plain, boolean, half = (dict(found[s.id].parts) for s in samples)
    assert (plain["met"], plain["attribute"]) == (0.5, 0.5)
    assert (plain["attribute_met_official"], plain["attribute_asked_official"]) == (1.0, 2.0)
    assert (plain["sub_attribute_size_official"], plain["kept_official"]) == (1.0, 1.0)
    assert plain["sub_grammar_negation_official"] is plain["grammar"] is None
    assert boolean["met"] == 0.5
    assert (boolean["attribute_asked_official"], boolean["kept_official"]) == (0.0, 0.0)
    assert "drops the image" in found[samples[1].id].notes["kept_official"]
    assert found[samples[2].id].status == "failed"
    assert half["met"] is None
    assert (half["attribute_met_official"], half["attribute_asked_official"]) == (1.0, 2.0)


def test_the_official_words_get_the_released_fields(tmp_path: Path) -> None:
    words = tmp_path / "gemini.txt"
    words.write_text(
        "{prompt} / {testpoint} / {explanation} / {test_explanation}", encoding="utf-8"
    )
    (metric,) = BENCHMARK.metrics(settings(tmp_path / "a", {}, prompt=words))
    sample = load(write(tmp_path, [row(["Style", "Grammar - Negation"])]))[0]
    script = metric.scripts[0]
    from benchmarks.generation.unigenbench.judging import fields_of

    given = fields_of(sample.prompt, sample.reference)
    _, told, _ = script.text({f.name: given[f.name] for f in script.fields})
    assert told.startswith("prompt 0, drawn / ['Style', 'Grammar - Negation'] / Style: ")
    assert told.endswith("Style: part 0\nGrammar - Negation: part 1")


def test_variants_make_the_released_shares(conformance_dir: Path) -> None:
    path = conformance_dir / "unigenbench.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    cases = json.loads(path.read_bytes())["functions"]["calculate_scores"]["cases"]
    for case in [c for c in cases if isinstance(c["input"]["testpoints"], list)][:2]:
        points = case["input"]["testpoints"]
        usual = dict.fromkeys(PRIMARY, 1.0)
        parts, strata = [], []
        for number, _, marks in case["input"]["scores"]:
            names = tuple(points[number])
            reference = UniGenReference(points=names, descriptions=names, usual=usual)
            kept = scoring.official_marks(marks)
            parts.append(columns.strict_parts(reference, None)
                         | columns.official_parts(reference, kept))  # fmt: skip
            strata.append(dict.fromkeys((BY_NAME[p].primary for p in names), TESTED))
        run = memory_run(
            [("Art",)] * len(parts),
            {f"judge.{q.name}": [p[q.name] for p in parts] for q in columns.quantities()},
            strata=strata, variants=columns.VARIANTS,
            ranges={f"judge.{q.name}": (0, 9) for q in columns.quantities()},
        )  # fmt: skip
        cells = summarise(run, resamples=100).cells
        expected = case["expected"]
        shares = {BY_NAME[k].slug: v for k, v in expected["sub"].items()}
        primary = {slug(BY_NAME_PRIMARY[k.strip()]): v for k, v in expected["primary"].items()}
        for name, (met, asked) in primary.items():
            assert cells[f"={name}", ()].mean == pytest.approx(100 * met / asked, abs=1e-9)
        for point in columns.FINE:
            if point.slug in shares:
                met, asked = shares[point.slug]
                assert cells[f"=sub_{point.slug}", ()].mean == pytest.approx(100 * met / asked)
        overall = scoring.overall(expected["primary"])
        assert overall is not None
        if len(primary) == len(PRIMARY):
            assert cells["=overall", ()].mean == pytest.approx(100 * overall, abs=1e-9)


BY_NAME_PRIMARY = {scoring.primary(name): point.primary for name, point in BY_NAME.items()}


def test_rows_of_the_official_file_are_those_of_the_loader(official_data: Path) -> None:
    path = official_data / "unigenbench" / "test_prompts_zh.csv"
    rows = list(conformance._rows(path, "zh"))
    source = DataSource(root=path.parent, cache=path.parent)
    assert rows == [list(s.reference.points) for s in BENCHMARK.suites["zh"].load(source)]


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four images each; one prompt has no images: its points count as not met, strictly."""
    kinds = [p.en for p in POINTS]
    rows = [row([k]) for k in kinds] + [row(["Style"])]
    root = write(tmp_path / "data", rows)
    outputs = tmp_path / "model"
    samples = load(root)
    for number, sample in enumerate(samples[:-1]):
        for trial in range(4):
            place = sample.places[0].path.format(trial=trial)
            picture(outputs / place, 4 * number + trial)
    reply = '<analysis>["a"]</analysis><score>[1]</score>'
    run = run_cli(
        monkeypatch, tmp_path, place="benchmarks.generation.unigenbench:BENCHMARK",
        suite="unigenbench/en-long", data=root, outputs=outputs, replies={"*": reply},
    )  # fmt: skip
    cells = summarise(run, resamples=100).cells
    assert run.trials == 4
    assert cells["=overall", ()].mean == 100.0
    assert cells["=style_strict", ()].mean == pytest.approx(50.0)
    assert cells["=grammar_strict", ()].mean == 100.0
    assert cells["=overall_strict", ()].mean == pytest.approx(95.0)
