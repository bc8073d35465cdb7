from __future__ import annotations

import importlib
import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks.textedit import data, errata, hub, taxonomy
from benchmarks.textedit.reference import TextEditReference
from evals.core.errors import UserError
from evals.core.protocols import DataSource


def _helpers() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "textedit_tiny_root", Path(__file__).with_name("conftest.py")
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tiny = _helpers()
row = tiny.row


def _load(root: Path, suite: data.SuiteName = "full") -> list[Any]:
    return data.load(suite, DataSource(root=root, cache=root.parent / "cache"))


# --- the official prompts ---------------------------------------------------------------------


def test_the_official_full_set(official_data: Path) -> None:
    samples = _load(official_data / "textedit")
    assert [s.id for s in samples] == [str(i) for i in range(1, 2149)]
    assert Counter(s.group[1] for s in samples) == {c.id: c.full for c in taxonomy.SUB_CLASSES}
    assert Counter(s.group[0] for s in samples) == {"Virtual": 761, "Real": 1387}
    assert len({s.output_path for s in samples}) == 2148
    # One record per image, so every sample is its own cluster.
    assert len({s.cluster for s in samples}) == 2148
    suffixes = Counter(Path(s.output_path).suffix for s in samples)
    assert suffixes == {".jpg": 1704, ".webp": 399, ".png": 45}
    assert all(s.images[0].is_absolute() for s in samples)


def test_the_official_mini_set_is_a_subset(official_data: Path) -> None:
    mini = _load(official_data / "textedit", "mini")
    full = {s.id: s for s in _load(official_data / "textedit")}
    assert len(mini) == 500
    assert Counter(s.group[1] for s in mini) == {c.id: c.mini for c in taxonomy.SUB_CLASSES}
    for sample in mini:
        assert sample.reference == full[sample.id].reference
        assert sample.prompt == full[sample.id].prompt
    assert {int(s.id) for s in mini} == hub.mini_ids()


def test_official_records_keep_every_field(official_data: Path) -> None:
    path = official_data / "textedit" / "eval_prompts" / "fullset" / "2.6.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    samples = [s for s in _load(official_data / "textedit") if s.group[1] == "2.6"]
    for line, sample in zip(lines, samples, strict=True):
        reference = sample.reference
        assert sample.prompt == line["prompt"]
        assert (reference.source_text, reference.target_text, reference.caption) == (
            line["source_text"], line["target_text"], line["gt_caption"],
        )  # fmt: skip
        assert sample.images[0].as_posix().endswith(line["original_image"])
        assert sample.reference_images[0].as_posix().endswith(line["gt_image"])
        assert sample.output_path == "2.6/" + line["original_image"].rsplit("/", 1)[1]


def test_the_official_errata_are_marked_and_no_others(official_data: Path) -> None:
    marked = {s.id: s.reference.errata for s in _load(official_data / "textedit")}
    assert {i: e for i, e in marked.items() if e} == {
        "365": ("cut_at_apostrophe",),
        "1325": ("case_only",),
        "1390": ("cut_at_apostrophe",),
        "1417": ("cut_at_apostrophe",),
        "1419": ("cut_at_apostrophe",),
        "1643": ("case_only",),
    }


def test_fixed_errata_say_what_the_prompt_says(official_data: Path) -> None:
    for sample in _load(official_data / "textedit"):
        reference = errata.apply_errata(sample.reference, "fix")
        assert reference is not None
        wanted = f"Replace the text '{reference.source_text}' with '{reference.target_text}'."
        assert sample.prompt == wanted, sample.id


def test_strata_cover_every_sample(official_data: Path) -> None:
    samples = _load(official_data / "textedit")
    names = {frozenset(s.strata) for s in samples}
    assert len(names) == 1
    assert names != {frozenset()}


# --- errata -----------------------------------------------------------------------------------


def _reference(record: int, source: str, target: str) -> TextEditReference:
    return TextEditReference(
        record_id=record, sub_class="1.3.1", source_text=source, target_text=target, caption="c",
        errata=errata.errata_kinds(record, source, target),
    )  # fmt: skip


def test_errata_policies() -> None:
    cut = _reference(1390, "what", "today")
    assert errata.apply_errata(cut, "off") is cut
    assert errata.apply_errata(cut, "exclude") is None
    fixed = errata.apply_errata(cut, "fix")
    assert fixed is not None
    assert (fixed.source_text, fixed.target_text) == ("what's for dinner", "today's menu")
    case = _reference(1325, "MAINE", "Maine")
    assert errata.apply_errata(case, "fix") == case
    assert errata.apply_errata(case, "exclude") is None
    clean = _reference(7, "A", "B")
    assert errata.apply_errata(clean, "exclude") is clean


def test_an_erratum_lapses_when_the_record_was_mended() -> None:
    mended = _reference(1390, "what's for dinner", "today's menu")
    assert mended.errata == ()
    assert errata.apply_errata(mended, "exclude") is mended


# --- layouts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("images", ["data", "", "images"])
def test_images_are_found_in_each_layout(make_root: Any, images: str) -> None:
    root = make_root({"2.3": [row(5, "2.3")]}, images=images)
    sample = _load(root)[0]
    assert sample.images[0].is_file()
    assert sample.reference_images[0].is_file()
    assert sample.group == ("Real", "2.3")


def test_without_any_images_the_official_place_is_named(tmp_path: Path) -> None:
    tiny.write_rows(tmp_path, "fullset", {"1.1.1": [row(1)]})
    assert _load(tmp_path)[0].images[0] == tmp_path / "data/1.1.1/image/original/1001.0.jpg"


def test_classes_come_in_official_order_and_lines_in_file_order(make_root: Any) -> None:
    root = make_root({"2.1": [row(9, "2.1"), row(3, "2.1")], "1.1.1": [row(70), row(20)]})
    assert [s.id for s in _load(root)] == ["70", "20", "9", "3"]


def test_our_own_fields_are_read_and_official_errata_do_not_apply(make_root: Any) -> None:
    box = [[0, 0], [10.5, 0], [10, 5], [0, 5]]
    line = row(
        365, source_text="Season4", target_text="Spencer", mask="1.1.1/image/mask/m.png",
        slots=[box], texts=[{"text": "Season4", "polygon": box}], spec_sha256="ab",
        generator={"version": 1},
    )  # fmt: skip
    root = make_root({"1.1.1": [line]}, folder="synth")
    reference = data._load(data.layout_of("synth", root))[0].reference
    assert reference.mask is not None
    assert reference.mask.is_file()
    assert reference.slots == (((0.0, 0.0), (10.5, 0.0), (10.0, 5.0), (0.0, 5.0)),)
    assert reference.texts[0].text == "Season4"
    assert reference.spec_sha256 == "ab"
    assert reference.errata == ()


def test_nothing_given_says_what_to_pass(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"eval_prompts/.*opencompass/TextEdit.*[0-9a-f]{40}"):
        data.load("mini", DataSource(cache=tmp_path))


def test_a_folder_near_by_is_suggested(make_root: Any, tmp_path: Path) -> None:
    root = make_root({"1.1.1": [row(1)]})
    for wrong in (root / "eval_prompts", root / "eval_prompts" / "fullset", root / "data"):
        with pytest.raises(UserError, match=f"did you mean {root}"):
            _load(wrong)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="pass the folder that contains eval_prompts"):
        _load(tmp_path / "empty")
    with pytest.raises(UserError, match="does not exist"):
        _load(tmp_path / "absent")


def test_our_own_suite_takes_the_same_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import synth.textedit

    asked: list[Path] = []

    def ensure(cache: Path, split: str) -> Path:
        assert split == "bench"
        asked.append(cache)
        return synth.textedit.write_suite(tmp_path / "suite", per_class=1)

    monkeypatch.setattr(synth.textedit, "ensure_suite", ensure)
    source = DataSource(cache=tmp_path / "cache")
    samples = data.load_synth(source)
    assert asked == [tmp_path / "cache"]
    assert [s.group[1] for s in samples] == [c.id for c in taxonomy.SUB_CLASSES]
    for sample in samples:
        reference = sample.reference
        files = (*sample.images, *sample.reference_images, reference.mask)
        assert all(file.is_file() for file in files)
        assert reference.slots
        assert reference.source_text in " ".join(t.text for t in reference.texts)
        assert reference.spec_sha256
        assert sample.suite == "synth"
        assert sample.output_path == f"{sample.group[1]}/{sample.images[0].name}"
    from benchmarks.textedit.verify import verify_synth

    assert verify_synth(source) == []


def test_the_validation_split_is_another_suite(tmp_path: Path) -> None:
    suites = importlib.import_module("benchmarks.textedit").BENCHMARK.suites
    val, synth = suites["val"], suites["synth"]
    assert val.synthetic
    assert [s.name for s in suites.values() if s.validation] == ["val"]
    source = DataSource(cache=tmp_path)
    samples, bench = val.load(source), synth.load(source)
    assert len(samples) == len(bench) == val.size == synth.size == 72
    assert Counter(s.group for s in samples) == Counter(s.group for s in bench)
    assert {s.suite for s in samples} == {"val"}
    for name in ("id", "cluster", "output_path", "prompt"):
        assert not {getattr(s, name) for s in samples} & {getattr(s, name) for s in bench}, name
    # Another name space than the official ids, which some errata name.
    assert not any(s.reference.errata for s in samples)
    assert val.verify(source) == []
    told = set()
    for suite in (samples, bench):
        told.add(frozenset(t for s in suite for t in (s.reference.source_text.lower(),)))
    first, second = told
    assert not {t for t in first & second if t.isalpha()}, "no word of one split is in the other"


# --- hostile lines ----------------------------------------------------------------------------


def test_bom_crlf_and_blank_lines_are_fine(make_root: Any) -> None:
    root = make_root({"1.1.1": [row(1), "", row(2)]})
    path = root / "eval_prompts" / "fullset" / "1.1.1.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [s.id for s in _load(root)] == ["1", "2"]


def test_any_text_may_stand_in_prompts_and_names(make_root: Any) -> None:
    prompt = "Replace '<script>alert(1)</script>' with '\u05e9\u05dc\u05d5\u05dd \u202e 😀'."
    name = "שלום <b>😀</b>.0.jpg".replace("/", "")
    root = make_root({"1.1.1": [row(1, prompt=prompt, name=name)]})
    sample = _load(root)[0]
    assert sample.prompt == prompt
    assert sample.images[0].is_file()
    assert sample.output_path == f"1.1.1/{name}"


@pytest.mark.parametrize(
    "path",
    [
        "../x.jpg", "1.1.1/../../x.jpg", "/etc/passwd", "C:/x.jpg", "c:x.jpg", "1.1.1\\x.jpg",
        "\\\\host\\x.jpg", "a//b.jpg", "./a.jpg", "", "a/", "a\u0000.jpg", "a\n.jpg", "..",
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["original_image", "gt_image", "mask"])
def test_paths_that_escape_are_refused(tmp_path: Path, field: str, path: str) -> None:
    tiny.write_rows(tmp_path, "fullset", {"1.1.1": [row(1), row(2, **{field: path})]})
    with pytest.raises(UserError, match=rf"1\.1\.1\.jsonl:2 .*'{field}'"):
        _load(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "is not JSON"),
        ("[1, 2]", "not an object"),
        ("null", "not an object"),
        ("[" * 100_000, "is not JSON"),
        (json.dumps({k: v for k, v in row(2).items() if k != "prompt"}), "no field 'prompt'"),
        (json.dumps({k: v for k, v in row(2).items() if k != "id"}), "no field 'id'"),
        (json.dumps(row(2, id="../x")), "the id '../x'"),
        (json.dumps(row(2, id="2")), "whole number"),
        (json.dumps(row(2, id=True)), "whole number"),
        (json.dumps(row(2, id=-1)), "whole number"),
        (json.dumps(row(2, id=1.5)), "whole number"),
        (json.dumps(row(2, source_text=None)), "'source_text'; it must be text"),
        (json.dumps(row(2, target_text=3)), "'target_text'; it must be text"),
        (json.dumps(row(2, prompt="a\x00b")), "NUL character"),
        (json.dumps(row(2, gt_caption="\ud800")), "lone surrogate"),
        (json.dumps(row(1)), r"repeats the id 1 of 1\.1\.1\.jsonl:1"),
        (json.dumps(row(2, slots=[[1, 2]])), "a polygon is a list"),
        (json.dumps(row(2, slots=5)), "must be a list"),
        (json.dumps(row(2, texts=[{"polygon": []}])), "each needs 'text' and 'polygon'"),
        (json.dumps(row(2, spec_sha256=5)), "spec_sha256"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    tiny.write_rows(tmp_path, "fullset", {"1.1.1": [row(1), line]})
    with pytest.raises(UserError, match=rf"1\.1\.1\.jsonl:2 .*{message}"):
        _load(tmp_path)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    tiny.write_rows(tmp_path, "fullset", {"1.1.1": [row(1)]})
    with (tmp_path / "eval_prompts/fullset/1.1.1.jsonl").open("ab") as stream:
        stream.write(b'{"id": \xff\x00}\n')
    with pytest.raises(UserError, match=r"1\.1\.1\.jsonl:2 is not UTF-8"):
        _load(tmp_path)


def test_the_same_id_in_two_classes_is_refused(tmp_path: Path) -> None:
    tiny.write_rows(tmp_path, "fullset", {"1.1.1": [row(1)], "2.1": [row(1, "2.1")]})
    with pytest.raises(UserError, match=r"2\.1\.jsonl:1 repeats the id 1 of 1\.1\.1\.jsonl:1"):
        _load(tmp_path)


# --- the hub ----------------------------------------------------------------------------------


def _hub_rows(folder: Path, ids: list[int]) -> list[dict[str, Any]]:
    """Rows as the hub's card describes them, with images on disk."""
    rows = []
    for i, category in zip(ids, ["1.1.1", "2.3 Board-like Media Surface"], strict=True):
        for kind, colour in (("original", (9, 9, 9)), ("gt", (200, 9, 9))):
            tiny.write_image(folder / kind / f"{i}.0.webp", colour)
        rows.append(
            {
                "original_image": str(folder / "original" / f"{i}.0.webp"),
                "gt_image": str(folder / "gt" / f"{i}.0.webp"),
                "id": i, "category": category, "source_text": "A", "target_text": "B",
                "prompt": "Replace the text 'A' with 'B'.", "gt_caption": "B on a wall.",
            }
        )  # fmt: skip
    return rows


def _no_fetch(path: str) -> bytes:
    raise AssertionError(f"nothing to fetch, asked for {path}")


def test_a_parquet_copy_of_the_hub_becomes_the_official_layout(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    ids = [*sorted(hub.mini_ids())[:1], 1419]
    rows = _hub_rows(tmp_path / "images", ids)
    embedded = [
        {
            **r,
            "original_image": {"bytes": Path(r["original_image"]).read_bytes(), "path":
                               Path(r["original_image"]).name},
            "gt_image": {"bytes": Path(r["gt_image"]).read_bytes(), "path":
                         Path(r["gt_image"]).name},
        }
        for r in rows
    ]  # fmt: skip
    features = datasets.Features(
        {
            "original_image": datasets.Image(), "gt_image": datasets.Image(),
            "id": datasets.Value("int64"),
            **{k: datasets.Value("string") for k in
               ("category", "source_text", "target_text", "prompt", "gt_caption")},
        }
    )  # fmt: skip
    copy = tmp_path / "hub"
    copy.mkdir()
    datasets.Dataset.from_list(embedded, features=features).to_parquet(copy / "train-0.parquet")
    streamed = datasets.load_dataset(
        str(copy), split="train", streaming=True, cache_dir=str(tmp_path / "hf")
    )
    root = tmp_path / "root"
    hub.write_official_layout(hub.undecoded(streamed), root, _no_fetch)

    full = _load(root)
    assert [(s.id, s.group[1]) for s in full] == [(str(ids[0]), "1.1.1"), ("1419", "2.3")]
    original = tmp_path / "images" / "original" / f"{ids[0]}.0.webp"
    # The stored bytes, not a re-encoded picture.
    assert full[0].images[0].read_bytes() == original.read_bytes()
    assert full[0].output_path == f"1.1.1/{ids[0]}.0.webp"
    assert full[0].reference_images[0].read_bytes() != original.read_bytes()
    assert [s.id for s in _load(root, "mini")] == [str(ids[0])]


def test_a_metadata_jsonl_copy_of_the_hub_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    copy = tmp_path / "hub"
    copy.mkdir()
    rows = _hub_rows(tmp_path / "images", [1, 2])
    (copy / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    streamed = datasets.load_dataset(
        "json", data_files=str(copy / "rows.jsonl"), split="train", streaming=True,
        cache_dir=str(tmp_path / "hf"),
    )  # fmt: skip
    root = tmp_path / "root"
    hub.write_official_layout(hub.undecoded(streamed), root, _no_fetch)
    assert [s.id for s in _load(root)] == ["1", "2"]
    assert _load(root)[1].images[0].is_file()


def test_images_that_are_links_into_the_repository_are_fetched(tmp_path: Path) -> None:
    asked = []

    def fetch(path: str) -> bytes:
        asked.append(path)
        return f"bytes of {path}".encode()

    base = {
        "category": "1.1.1", "source_text": "A", "target_text": "B", "prompt": "p",
        "gt_caption": "c",
    }  # fmt: skip
    repo = "datasets/opencompass/TextEdit"
    rows = [
        {**base, "id": 1, "original_image": f"https://hub.example/{repo}/resolve/main/1.1.1/image/original/7.0.jpg",
         "gt_image": {"bytes": None, "path": "1.1.1/image/gt/7.0.jpg"}},
        {**base, "id": 2, "original_image": f"hf://{repo}@abc/1.1.1/image/original/8.0.jpg",
         "gt_image": "1.1.1/image/gt/8.0.jpg"},
    ]  # fmt: skip
    hub.write_official_layout(rows, tmp_path, fetch)
    assert asked == [
        "1.1.1/image/original/7.0.jpg", "1.1.1/image/gt/7.0.jpg",
        "1.1.1/image/original/8.0.jpg", "1.1.1/image/gt/8.0.jpg",
    ]  # fmt: skip
    written = tmp_path / "data/1.1.1/image/gt/7.0.jpg"
    assert written.read_bytes() == b"bytes of 1.1.1/image/gt/7.0.jpg"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category": "posters"}, "names none of the 18"),
        ({"category": "2.9"}, "names none of the 18"),
        ({"category": "../1.1.1"}, "names none of the 18"),
        ({"prompt": None}, "no text in 'prompt'"),
        ({"id": "x"}, "whole number"),
        ({"original_image": {"bytes": b"x", "path": None}}, "no usable file name"),
        ({"original_image": {"bytes": b"x", "path": "a/.."}}, "no usable file name"),
        ({"original_image": "/absent/7.0.jpg"}, "not a file of the data set"),
        ({"original_image": "https://elsewhere.example/7.0.jpg"}, "not a file of the data set"),
        ({"original_image": "../7.0.jpg"}, "not a file of the data set"),
    ],
)
def test_rows_that_are_not_as_the_card_says(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    image = {"bytes": b"x", "path": "7.0.jpg"}
    base = {
        "original_image": image, "gt_image": image, "id": 1, "category": "1.1.1",
        "source_text": "A", "target_text": "B", "prompt": "p", "gt_caption": "c",
    }  # fmt: skip
    with pytest.raises(UserError, match=message):
        hub.write_official_layout([{**base, **change}], tmp_path, _no_fetch)
    assert not (tmp_path / "eval_prompts").exists()


@pytest.mark.parametrize("revision", ["main", "v1", "76da556", "../../x", ""])
def test_only_a_full_commit_is_accepted(tmp_path: Path, revision: str) -> None:
    with pytest.raises(UserError, match="not a commit of 40 hex digits"):
        hub.ensure_hub_data(revision, tmp_path)


def test_a_downloaded_revision_is_not_downloaded_again(make_root: Any, tmp_path: Path) -> None:
    root = make_root({"1.1.1": [row(1)]}, folder="miniset")
    target = tmp_path / "cache" / "textedit" / hub.HUB_REVISION
    target.parent.mkdir(parents=True)
    root.rename(target)
    source = DataSource(revision=hub.HUB_REVISION, cache=tmp_path / "cache")
    assert [s.id for s in data.load_mini(source)] == ["1"]
