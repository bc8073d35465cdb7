"""The hub data set, written once to the cache in the official layout.

The hub has one split of 2,148 rows with the columns original_image, gt_image (images), id,
category, source_text, target_text, prompt and gt_caption (its card, read second hand). After the
download everything reads the written files, so that a run needs neither the network nor the hub's
packages, and an offline machine only needs a copy of that folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.textedit.taxonomy import BY_ID
from evals.core.errors import MissingExtra, UserError
from evals.core.writing import write_atomic

HUB_DATASET = "opencompass/TextEdit"
HUB_REVISION = "76da556ab29c681ab35eddc5195810ccc81f92ec"
"""The commit said to have added `metadata.jsonl` and the card: second hand, for the hub was out of
reach when this was written. It is offered in messages and never used by itself. A branch name
moves, so none is accepted."""

_CLASS = re.compile(r"^\s*([12](?:\.\d+){1,2})(?![\d.])")
_IN_REPOSITORY = re.compile(r"^(?:https?://[^/]+/datasets/|hf://datasets/)[^/]+/[^/@]+"
                            r"(?:/resolve/[^/]+|@[^/]+)?/(.+)$")  # fmt: skip

Fetch = Callable[[str], bytes]
"""Reads one file of the hub data set by its path there."""


def mini_ids() -> frozenset[int]:
    """Record ids of the mini set; the hub has the full set only."""
    text = Path(__file__).with_name("mini_ids.json").read_text(encoding="utf-8")
    return frozenset(json.loads(text))


def ensure_hub_data(revision: str, cache: Path, *, dataset: str = HUB_DATASET) -> Path:
    """Download the data set once.

    Args:
        revision: full commit of the hub data set.
        cache: the folder ``textedit/<revision>`` is made below it.
        dataset: name on the hub.

    Returns:
        The folder in the official layout, for `benchmarks.textedit.data.layout_of`.

    Raises:
        UserError: the revision is not a commit, or the hub cannot be read or is not as its card
            says.
        MissingExtra: the hub's packages are not installed.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UserError(
            f"The revision {revision!r} of {dataset} is not a commit of 40 hex digits; pass a "
            f"commit, e.g. {HUB_REVISION} (second hand, unchecked): branches and tags move."
        )
    root = cache / "textedit" / revision
    if not (root / "eval_prompts" / "miniset").is_dir():
        try:
            import datasets
            import huggingface_hub
        except ImportError as error:
            package = error.name or "datasets"
            raise MissingExtra(package, "data", f"Downloading {dataset}") from error

        def fetch(path: str) -> bytes:
            local = huggingface_hub.hf_hub_download(
                dataset, path, revision=revision, repo_type="dataset"
            )
            return Path(local).read_bytes()

        try:
            rows = datasets.load_dataset(dataset, revision=revision, split="train", streaming=True)
            write_official_layout(undecoded(rows), root, fetch)
        except (MissingExtra, UserError):
            raise
        except Exception as error:
            # The hub's packages raise what their HTTP library raises; all of it means this.
            raise UserError(
                f"Cannot download {dataset}@{revision} ({type(error).__name__}: {error}); check "
                "the network, or pass a folder that holds the official data."
            ) from error
    return root


def undecoded(rows: Any) -> Iterable[Mapping[str, Any]]:
    """The rows of a `datasets` data set with images as stored bytes, never re-encoded."""
    import datasets

    for column in ("original_image", "gt_image"):
        rows = rows.cast_column(column, datasets.Image(decode=False))
    found: Iterable[Mapping[str, Any]] = rows
    return found


def write_official_layout(rows: Iterable[Mapping[str, Any]], root: Path, fetch: Fetch) -> None:
    """Write rows of the hub data set as prompt files and images in the official layout.

    Images come first and the mini set's folder last, so that an interrupted download is done
    again; images that are already there are not.

    Raises:
        UserError: a row is not as the card says.
    """
    lines: dict[str, list[tuple[int, str]]] = {}
    for number, row in enumerate(rows):
        where = f"row {number} of the hub data set"
        record = _record(row, where)
        sub_class = record["original_image"].split("/")[0]
        for column in ("original_image", "gt_image"):
            target = root / "data" / record[column]
            if not target.exists():
                write_atomic(target, _image_bytes(row[column], fetch, f"{where}, {column}"))
        line = json.dumps(record, ensure_ascii=False)
        lines.setdefault(sub_class, []).append((record["id"], line))
    if not lines:
        raise UserError("The hub data set has no rows; pass another revision.")
    mini = mini_ids()
    for folder, wanted in (("fullset", None), ("miniset", mini)):
        for sub_class, found in lines.items():
            chosen = [text for i, text in sorted(found) if wanted is None or i in wanted]
            if chosen:
                data = ("\n".join(chosen) + "\n").encode()
                write_atomic(root / "eval_prompts" / folder / f"{sub_class}.jsonl", data)


def _record(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    texts = {}
    for name in ("prompt", "source_text", "target_text", "gt_caption"):
        value = row.get(name)
        if not isinstance(value, str):
            raise UserError(f"{where} has no text in {name!r}; pass another revision.")
        texts[name] = value
    if not isinstance(row.get("id"), int):
        raise UserError(f"{where} has no whole number in 'id'; pass another revision.")
    match = _CLASS.match(str(row.get("category")))
    if match is None or match[1] not in BY_ID:
        raise UserError(
            f"{where} has the category {row.get('category')!r}, which names none of the 18 "
            "sub-classes; pass another revision, or a folder in the official layout."
        )
    name = _file_name(row["original_image"], f"{where}, original_image")
    gt_name = _file_name(row["gt_image"], f"{where}, gt_image")
    return {
        "id": row["id"],
        "prompt": texts["prompt"],
        "original_image": f"{match[1]}/image/original/{name}",
        "gt_image": f"{match[1]}/image/gt/{gt_name}",
        "source_text": texts["source_text"],
        "target_text": texts["target_text"],
        "gt_caption": texts["gt_caption"],
    }


def _path_of(image: Any) -> str | None:
    path = image.get("path") if isinstance(image, Mapping) else image
    return path if isinstance(path, str) and path else None


def _file_name(image: Any, where: str) -> str:
    """Official file name of an image: outputs of other people are found by it."""
    name = re.split(r"[/\\]", _path_of(image) or "")[-1]
    if not re.fullmatch(r"[\w][\w. -]*", name):
        raise UserError(
            f"{where} has no usable file name ({name!r}); pass another revision, or a folder in "
            "the official layout."
        )
    return name


def _image_bytes(image: Any, fetch: Fetch, where: str) -> bytes:
    if isinstance(image, Mapping) and image.get("bytes"):
        return bytes(image["bytes"])
    path = _path_of(image) or ""
    if Path(path).is_file():
        return Path(path).read_bytes()
    match = _IN_REPOSITORY.match(path)
    inside = match[1] if match else path
    if not inside or "://" in inside or inside.startswith("/") or ".." in inside.split("/"):
        raise UserError(f"{where} points to {path!r}, which is not a file of the data set.")
    return fetch(inside)
