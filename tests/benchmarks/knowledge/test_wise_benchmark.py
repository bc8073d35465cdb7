"""WISE, legacy and Verified, as benchmarks: loader, judge, variants and published rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.files import Folder
from benchmarks.knowledge.wise import BENCHMARK, VERIFIED_BENCHMARK, numbers, tables
from benchmarks.knowledge.wise.data import LEGACY_FILES, STEMS, VERIFIED_FILES, read
from benchmarks.knowledge.wise.editions import FILES, LEGACY, TITLES, VERIFIED, Edition
from evals.core.errors import UserError
from evals.core.hashes import FileHashes
from evals.core.protocols import DataSource, ScoringSettings
from evals.core.summary import summarise
from evals.core.types import Sample
from tests.benchmarks.judged_kit import judge, run_cli, settings
from tests.benchmarks.kit import check_declared, picture
from tests.variant_runs import memory_run

GOOD = "Consistency: 2\nRealism: 1\nAesthetic Quality: 0"


def record(prompt_id: int) -> dict[str, Any]:
    return {"prompt_id": prompt_id, "Prompt": f"p{prompt_id}", "Explanation": "why",
            "Category": "ignored", "Subcategory": "Optics"}  # fmt: skip


def write(root: Path, edition: Edition, step: int = 1) -> Path:
    """All ids, or every so manieth of each category, in the layout of the Verified files."""
    for kind, categories in FILES.items():
        place = root / "data_verified" / f"{STEMS[kind]}_verified.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        rows = [record(i) for c in categories for i in list(edition.ranges[c])[::step]]
        place.write_text(json.dumps(rows), encoding="utf-8")
    return root


def load(root: Path) -> list[Sample]:
    return VERIFIED_BENCHMARK.suites["full"].load(DataSource(root=root, cache=root / "cache"))


def test_official_prompts(official_data: Path, tmp_path: Path) -> None:
    source = DataSource(root=official_data / "wise", cache=tmp_path)
    samples = BENCHMARK.suites["full"].load(source)
    assert [int(s.id) for s in samples] == list(range(1, 1001))
    groups = [s.group[0] for s in samples]
    counts = {name: groups.count(name) for name in TITLES.values()}
    assert counts == {"Cultural": 400, "Time": 167, "Space": 133, "Biology": 100, "Physics": 100,
                      "Chemistry": 100}  # fmt: skip
    time = {s.group[0] for s in samples if s.strata["subcategory"] in tables.TIME}
    assert time == {"Time"}, "BAGEL's division by subcategory is the same on the official data"


def test_another_revision_is_refused_with_its_hash(tmp_path: Path) -> None:
    for stem in STEMS.values():
        (tmp_path / f"{stem}.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match="sha256 is"):
        BENCHMARK.suites["full"].load(DataSource(root=tmp_path, cache=tmp_path))


def test_verified_prompts_of_its_own_layout(tmp_path: Path) -> None:
    samples = load(write(tmp_path, VERIFIED))
    assert len(samples) == VERIFIED_BENCHMARK.suites["full"].size
    assert {s.benchmark for s in samples} == {"wise-verified"}
    assert samples[520].group == ("Space",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: [*r, record(1)], "occurs more than once"),
        (lambda r: [*r, record(1001)], "none of 1 to 1000"),
        (lambda r: [*r, {"prompt_id": 1}], "no text in 'Prompt'"),
        (lambda r: {"rows": r}, "no JSON list of objects"),
    ],
)
def test_broken_files_are_named(
    change: Callable[[list[Any]], Any], message: str, tmp_path: Path
) -> None:
    root = write(tmp_path, VERIFIED)
    place = root / "data_verified" / f"{STEMS['culture']}_verified.json"
    place.write_text(json.dumps(change(json.loads(place.read_text()))), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load(root)


def legacy_samples(root: Path) -> list[Sample]:
    """Made-up legacy samples, past the pinned hashes."""
    for kind, stem in STEMS.items():
        first = LEGACY.ranges[FILES[kind][0]][0]
        (root / f"{stem}.json").write_text(json.dumps([record(first)]), encoding="utf-8")
    folder = Folder(files=LEGACY_FILES, root=root, hashes=FileHashes(root / "cache"))
    source = DataSource(root=root, cache=root / "cache")
    return list(read(folder, source, name="wise", edition=LEGACY))


def test_one_reply_is_read_strictly_and_as_released(tmp_path: Path) -> None:
    samples = legacy_samples(tmp_path)
    replies = dict(zip((s.id for s in samples), (
        GOOD,
        "**Consistency:** 2\nRealism: 1\nAesthetic Quality: 0",
        "Consistency: 10\nRealism: 1\nAesthetic Quality: 0",
    ), strict=True))  # fmt: skip
    found = judge(BENCHMARK, samples, replies, tmp_path)
    good, starred, ten = (found[s.id] for s in samples)
    assert good.value == pytest.approx(0.8)
    assert good.parts["wiscore_official"] == pytest.approx(0.8)
    assert starred.value == pytest.approx(0.8)
    assert starred.parts["wiscore_official"] == pytest.approx(0.1)
    assert "WISE-3" in starred.notes["wiscore_official"]
    assert (ten.status, ten.value) == ("failed", None)
    assert ten.parts["wiscore_official"] == pytest.approx(0.45)


def test_one_verified_reply(tmp_path: Path) -> None:
    samples = load(write(tmp_path, VERIFIED))[:3]
    said = ("Score: 1", "Score: 0.5", "**Score:** 1")
    found = judge(VERIFIED_BENCHMARK, samples,
                  dict(zip((s.id for s in samples), said, strict=True)), tmp_path)  # fmt: skip
    parts = [(found[s.id].value, found[s.id].parts["score_official"]) for s in samples]
    assert parts == [(1.0, 1.0), (None, 0.0), (1.0, None)]
    assert "drops the sample" in found[samples[2].id].notes["score_official"]


def test_official_words_and_absence(tmp_path: Path) -> None:
    words = tmp_path / "wise.txt"
    words.write_text("PROMPT {prompt} EXPLANATION {explanation}", encoding="utf-8")
    own = BENCHMARK.metrics(settings(tmp_path / "a", {}))[0]
    other = BENCHMARK.metrics(settings(tmp_path / "a", {}, prompt=words))[0]
    assert own.fingerprint() != other.fingerprint()
    assert own.fingerprint() != VERIFIED_BENCHMARK.metrics(settings(tmp_path / "a", {}))[0]
    absence = BENCHMARK.metrics(ScoringSettings())[0].absence()
    assert absence is not None


def test_published_rows_name_columns_that_exist() -> None:
    check_declared(BENCHMARK)
    rows = {r.model: r.values[""] for r in VERIFIED_BENCHMARK.published()}
    assert rows["BAGEL (w/ CoT)"] == {"=weighted": 0.628}
    bagel = [r for r in BENCHMARK.published() if "=unweighted" in r.values.get("", {})]
    assert all(r.judge == "gpt-4o-2024-11-20" for r in bagel)
    assert bagel
    assert VERIFIED_FILES.known == {}


def test_variants_make_the_released_numbers(conformance_dir: Path) -> None:
    path = conformance_dir / "wise.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    cases = json.loads(path.read_bytes())["functions"]["aggregate"]["cases"]
    for case in [c for c in cases if c["id"] in {"complete_clean", "complete_dirty"}]:
        segments = [tables.official_segment(f, LEGACY) for f in case["input"]["files"]]
        table = tables.official_table(segments, LEGACY)
        rows = [
            ((TITLES[category],), score)
            for segment in segments if segment is not None
            for category, scores in segment.scores.items() for score in scores
        ]  # fmt: skip
        values = [score for _, score in rows]
        run = memory_run(
            [group for group, _ in rows],
            {"judge.wiscore_official": values, "judge.wiscore": values},
            variants=numbers.LEGACY_VARIANTS, ranges={"judge.wiscore_official": (0, 4.5),
                                                      "judge.wiscore": (0, 4.5)},
        )  # fmt: skip
        cells = summarise(run, resamples=100).cells
        assert table.overall is not None
        assert table.means is not None
        assert cells["=weighted", ()].mean == pytest.approx(table.overall, abs=1e-9)
        plain = sum(mean for mean, _ in table.means.values()) / 6
        assert cells["=unweighted", ()].mean == pytest.approx(plain, abs=1e-9)
        printed = case["expected"]["overall_printed"]
        assert float(f"{cells['=weighted', ()].mean:.2f}") == printed


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten prompts: a missing image in culture, a wrong one in biology."""
    root = write(tmp_path / "data", VERIFIED, step=60)
    samples = load(root)
    outputs = tmp_path / "model"
    for number, sample in enumerate(samples):
        if sample.id != "1":
            picture(outputs / str(sample.output_path), number)
    biology = next(s.id for s in samples if s.group == ("Biology",))
    run = run_cli(
        monkeypatch, tmp_path, place="benchmarks.knowledge.wise:VERIFIED_BENCHMARK",
        suite="wise-verified/full", data=root, outputs=outputs,
        replies={"*": "Score: 1", biology: "Score: 0"},
    )  # fmt: skip
    cells = summarise(run, resamples=100).cells
    counts = [s.group[0] for s in samples]
    culture, half = counts.count("Cultural"), 1 - 1 / counts.count("Biology")
    expected = 0.4 * (culture - 1) / culture + 0.12 * (4 + half)
    assert cells["=weighted_strict", ()].mean == pytest.approx(expected)
    assert cells["=weighted", ()].mean == pytest.approx(0.4 + 0.12 * (4 + half))
