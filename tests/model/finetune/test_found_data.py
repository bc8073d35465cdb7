"""Rows and words that once slipped through, or ended in a traceback."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from evals.core.errors import UserError
from model.finetune.examples import Reader
from model.finetune.prepare import write_dropped
from model.finetune.reading import read
from model.finetune.refuse import Guard, bench_specs
from model.finetune.rows import RowError
from model.internvlu import loading
from model.internvlu.config import ModelConfig
from tests.model.finetune import kit
from tests.model.finetune.table_kit import edit_row, jsonl, kinds, noise, opened, parquet, written
from tests.model.finetune.table_kit import picture as flat
from tests.model.finetune.test_examples import ALWAYS, a_row

# --- rows of benchmarks -----------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("name", ["split", "Spec_SHA256", "source_text"])
def test_a_column_with_fields_cannot_hide_where_rows_are_from(
    name: str, kind: str, tmp_path: Path
) -> None:
    rows = [edit_row(n, meta={"made by": "us", name: "bench"}) for n in range(2)]
    place = written(kind, tmp_path, rows)
    with pytest.raises(UserError, match=rf"has a field 'meta\.{name}'.*a column of its own"):
        opened(place)
    harmless = [edit_row(n, meta={"made by": "us"}) for n in range(2)]
    assert len(opened(written(kind, tmp_path / "b", harmless)).kept) == 2


@pytest.mark.parametrize("name", ["Split", " split", "SPEC_SHA256", "spec-sha256"])
def test_where_rows_are_from_is_not_ignored_for_its_spelling(name: str, tmp_path: Path) -> None:
    for path in (
        parquet(tmp_path / "a.parquet", [edit_row(0, **{name: "bench"})]),
        jsonl(tmp_path / "a.jsonl", [edit_row(0, **{name: "bench"})]),
    ):
        with pytest.raises(UserError, match=r"tells where rows are from .* add `columns: \{sp"):
            opened(path)


def test_where_rows_are_from_is_not_renamed_away(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [edit_row(0, split="bench", other="train")])
    with pytest.raises(UserError, match="a column 'split', which tells where rows are from"):
        opened(path, columns={"split": "other"})
    named = parquet(tmp_path / "b.parquet", [edit_row(0, Split="train"), edit_row(1, Split="x")])
    assert opened(named, columns={"split": "Split"}).kept.tolist() == [0]


def test_a_hash_is_known_whatever_is_written_around_it() -> None:
    known = min(bench_specs())
    for text in (f" {known}", f"{known}\n", f"sha256:{known.upper()}"):
        found = Guard().why(instruction="Do it.", split="train", spec_sha256=text)
        assert found is not None
        assert found.reason == "bench_spec"


def test_nobody_can_ask_for_the_split_bench(tmp_path: Path) -> None:
    for split in ("bench", " Bench"):
        with pytest.raises(UserError, match=r"data.mixture\[0\] asks for the split bench"):
            kit.make_config(
                tmp_path, tmp_path / "x", [{"path": "a", "task": "edit", "splits": [split]}]
            )


# --- files ------------------------------------------------------------------------------------


def test_json_without_an_end_is_a_sentence(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [edit_row(0)])
    with path.open("ab") as stream:
        stream.write(b"[" * 200_000 + b"\n")
    with pytest.raises(UserError, match=r"Line 2 of .* is not JSON"):
        opened(path)


def test_an_image_in_base64_is_named_and_not_printed(tmp_path: Path) -> None:
    words = base64.b64encode(noise(100, 0, "PNG")).decode()
    path = jsonl(tmp_path / "a.jsonl", [edit_row(0), edit_row(1, source_image=words)])
    (dropped,) = opened(path).dropped
    assert dropped.reason == "unreadable_image"
    assert "characters stands where a path should" in dropped.detail
    assert len(dropped.detail) < 200
    long = jsonl(tmp_path / "b.jsonl", [edit_row(0), edit_row(1, source_image="x" * 300)])
    assert [d.reason for d in opened(long).dropped] == ["unreadable_image"]


@pytest.mark.parametrize(("task", "column"), [("edit", "edit_instruction"),
                                              ("understand", "answer")])  # fmt: skip
def test_a_list_is_not_learnt_as_text(task: str, column: str, tmp_path: Path) -> None:
    rows = [edit_row(n, answer="A cat.") for n in range(2)] + [edit_row(2, answer="A dog.")]
    rows[1][column] = ["one", "two"]
    rows[2][column] = {"text": "one"}
    source = opened(jsonl(tmp_path / "a.jsonl", rows), task)
    assert [(d.row, d.reason) for d in source.dropped] == [(1, "not_text"), (2, "not_text")]


def test_a_column_of_nulls_has_no_image(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [edit_row(0, source_image=None)])
    with pytest.raises(UserError, match="they have no image"):
        opened(path)


def test_a_column_that_is_there_twice_is_a_sentence(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([edit_row(0)])
    pq.write_table(table.append_column("id", pa.array(["x"])), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="several columns called id"):
        opened(tmp_path / "a.parquet")


@pytest.mark.parametrize("told", [(80, 96), (96, 80)], ids=["smaller", "turned"])
def test_an_image_is_what_its_table_says(told: tuple[int, int], tmp_path: Path) -> None:
    """Its size decides what it is cut to; a table that lies would be learnt as a blur."""
    sides = {"edited_image_height": told[0], "edited_image_width": told[1]}
    image = flat(8, 10) if told == (80, 96) else flat()
    source = opened(parquet(tmp_path / "a.parquet", [edit_row(0, edited_image=image, **sides)]))
    with pytest.raises(RowError, match=r"table says"):
        source.read(0)


def test_half_a_character_is_listed_and_refused(checkpoint: Path, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [edit_row(0), edit_row(1, edit_instruction="")])
    path.write_text(path.read_text().replace('"row1"', '"\\ud800"'))
    write_dropped(tmp_path, [opened(path)])
    (line,) = (tmp_path / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["id"] == "\ud800"
    tokenizer = loading.load_tokenizer(checkpoint / "processor")
    reader = Reader(ModelConfig.read(checkpoint), tokenizer, ALWAYS, 0)
    for changed in ({"task": "cot", "reasoning": "\ud800"},
                    {"task": "understand", "answer": "\ud800"}):  # fmt: skip
        with pytest.raises(UserError, match="half a character"):
            reader.example(a_row(**changed), source="x", number=0, bucket=(96, 96))


def test_a_part_that_is_switched_off_need_not_be_there(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "edit"}, {"path": "gone", "task": "edit", "weight": 0}]
    assert kit.train(kit.make_config(checkpoint, tmp_path / "run", mixture, steps=1)).finished


# --- sizes ------------------------------------------------------------------------------------


def test_a_source_lies_on_its_target_below_the_sizes_of_inference(checkpoint: Path) -> None:
    """512 pixels have buckets such as 576 x 448, of which inference would make 592 x 464."""
    tokenizer = loading.load_tokenizer(checkpoint / "processor")
    config = ModelConfig.read(checkpoint)
    bucket = (144, 144)  # the checkpoint's inference goes up to 128 x 128
    picture = kit.picture(1, bucket)
    found = Reader(config, tokenizer, ALWAYS, 0).example(
        a_row(source=picture, target=picture), source="x", number=0, bucket=bucket
    )
    assert found.target is not None
    assert torch.equal(found.conditions[0], found.target)


# --- configurations ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: [tiny]\n", "no preset"),
        ("preset: {a: 1}\n", "no preset"),
        ("optimizer: {beta1: 1}\n", "optimizer.beta1 is 1.0"),
        ("steps: 100000000000000000000000\n", "steps is 1"),
        ("data: {mixture: [{path: a, task: edit, columns: {5: id}}]}\n",
         r"data.mixture\[0\].columns holds 5"),
    ],
)  # fmt: skip
def test_odd_values_are_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read(str(tmp_path / "a.yaml"))


def test_a_word_of_another_form_is_said_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read("tiny", ["steps"])
    assert str(caught.value) == "'steps' is not of the form key=value."


# --- what can be learnt -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "how"),
    [
        ("understand", {"loss": {"next_token": 1}}),
        ("t2i", {"trainable": ["vlm.vision_model.*"]}),
        ("t2i", {"trainable": ["vlm.language_model.lm_head.*"], "loss": {"next_token": 1}}),
    ],
)
def test_a_part_that_teaches_nothing_is_refused(
    task: str, how: dict[str, Any], checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "edit"}, {"path": str(rows), "task": task, "name": "b"}]
    if "trainable" in how:
        mixture = mixture[1:]
    with pytest.raises(UserError, match=f"'b' has the task {task}, from which nothing"):
        kit.train(kit.make_config(checkpoint, tmp_path / "run", mixture, **how))


def test_a_micro_batch_that_reaches_nothing_is_no_error(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    """Without its images, which are dropped, an edit says nothing to the vision encoder."""
    config = kit.make_config(
        checkpoint, tmp_path / "run", [{"path": str(rows), "task": "edit"}], steps=2,
        trainable=["vlm.vision_model.*"], dropout={"edit_all": 1.0, "edit_text": 0.0},
    )  # fmt: skip
    assert kit.train(config).finished
