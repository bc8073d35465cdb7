"""Loading TextEdit: the official suites `full` and `mini`, and our own `synth` and `val`.

A root folder has the official layout::

    eval_prompts/fullset/<class>.jsonl       one record per line
    eval_prompts/miniset/<class>.jsonl
    data/<class>/image/original/<name>       images: below `data/` as the released scripts have
    data/<class>/image/gt/<name>             it, or directly below the root, or below `images/`

Where the images lie is decided by looking for a class folder with an `image` folder in those three
places; our own suites are written to the cache in the same layout and read by the same code.
Loading opens prompt files only; whether every image is there and whole is the business of `verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.textedit.errata import errata_kinds
from benchmarks.textedit.records import LineProblem, Record, parse_file
from benchmarks.textedit.reference import TextEditReference
from benchmarks.textedit.strata import strata
from benchmarks.textedit.taxonomy import SUB_CLASSES, group_path
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Sample
from synth.words import Split

SuiteName = Literal["full", "mini", "synth", "val"]
PROMPT_FOLDERS: dict[SuiteName, str] = {
    "full": "fullset", "mini": "miniset", "synth": "synth", "val": "synth",
}  # fmt: skip
SPLITS: dict[SuiteName, Split] = {"synth": "bench", "val": "val"}
"""Our own suites, each in a folder of its own -> the split that its words and layouts are of."""
IMAGE_FOLDERS = ("data", "", "images")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the files of one suite lie.

    Attributes:
        suite: name of the suite.
        root: folder given by the user, or written by us to the cache.
        prompts: sub-class -> its prompt file; only files that exist, in the official order.
        images: folder that the paths in the records start from.
    """

    suite: SuiteName
    root: Path
    prompts: dict[str, Path]
    images: Path


def load(suite: SuiteName, source: DataSource) -> list[Sample]:
    """Samples of a suite in the official order: sub-class by sub-class, line by line.

    Raises:
        UserError: the data is not there, or a line of it cannot be used (with file:line).
    """
    return _load(find_layout(suite, source))


def load_full(source: DataSource) -> list[Sample]:
    """The full set: 2,148 samples."""
    return load("full", source)


def load_mini(source: DataSource) -> list[Sample]:
    """The mini set: 500 samples, a true subset of the full set."""
    return load("mini", source)


def load_synth(source: DataSource) -> list[Sample]:
    """Our own synthetic suite, rendered to the cache on first use."""
    return load("synth", source)


def load_val(source: DataSource) -> list[Sample]:
    """Its validation split: other words and layouts, to look at while a model is trained."""
    return load("val", source)


def find_layout(suite: SuiteName, source: DataSource) -> Layout:
    """Find, render or download the data of a suite.

    Raises:
        UserError: it cannot be found, and what to pass.
    """
    if suite in SPLITS:
        from synth.textedit import ensure_suite

        root = Path(ensure_suite(source.cache, split=SPLITS[suite]))
    elif source.root is not None:
        root = source.root
    elif source.revision is not None:
        from benchmarks.textedit.hub import ensure_hub_data

        root = ensure_hub_data(source.revision, source.cache)
    else:
        from benchmarks.textedit.hub import HUB_DATASET, HUB_REVISION

        raise UserError(
            f"The TextEdit suite {suite!r} needs the official data: pass --data textedit=FOLDER, "
            f"the folder that holds eval_prompts/ and data/, or ask for a commit of {HUB_DATASET} "
            f"on the hub with textedit/{suite}@COMMIT, e.g. {HUB_REVISION} (second hand, not "
            "checked)."
        )
    return layout_of(suite, root)


def layout_of(suite: SuiteName, root: Path) -> Layout:
    """Look at a folder in the official layout.

    Raises:
        UserError: it is not one.
    """
    root = root.expanduser().absolute()
    if not root.is_dir():
        raise UserError(f"The data folder {root} does not exist; pass an existing folder.")
    folder = root / "eval_prompts" / PROMPT_FOLDERS[suite]
    prompts = {c.id: folder / f"{c.id}.jsonl" for c in SUB_CLASSES}
    prompts = {name: path for name, path in prompts.items() if path.is_file()}
    if not prompts:
        raise UserError(_no_prompts(root, folder))
    return Layout(suite=suite, root=root, prompts=prompts, images=_image_root(root))


def _no_prompts(root: Path, folder: Path) -> str:
    """Say what is missing, and name a folder near by that would do."""
    sentence = f"{root} holds no TextEdit prompts: there is no {folder}/1.1.1.jsonl"
    for near in (root / "TextEdit", root / "textedit", *list(root.parents)[:3]):
        if (near / "eval_prompts" / folder.name).is_dir():
            return f"{sentence}; did you mean {near}?"
    return f"{sentence}; pass the folder that contains eval_prompts/."


def _image_root(root: Path) -> Path:
    places = [root / name if name else root for name in IMAGE_FOLDERS]
    for place in places:
        if any((place / c.id / "image").is_dir() for c in SUB_CLASSES):
            return place
    # Nothing is there yet: `verify` will say so, naming the place the released scripts use.
    return places[0]


def read_records(
    layout: Layout, on_problem: Callable[[LineProblem], None]
) -> Iterator[tuple[str, Record]]:
    """(sub-class, record) for every usable line, in order; the others go to `on_problem`.

    Raises:
        UserError: a prompt file cannot be read at all.
    """
    first: dict[int, str] = {}
    for name, path in layout.prompts.items():
        try:
            records, problems = parse_file(path)
        except OSError as error:
            raise UserError(f"Cannot read {path} ({error}); check its permissions.") from error
        for problem in problems:
            on_problem(problem)
        for record in records:
            if record.id in first:
                message = f"repeats the id {record.id} of {first[record.id]}; ids must be unique."
                problem = LineProblem(
                    path=path, line=record.line, message=message, kind="duplicate"
                )
                on_problem(problem)
                continue
            first[record.id] = f"{path.name}:{record.line}"
            yield name, record


def _refuse(problem: LineProblem) -> None:
    raise UserError(f"{problem.where} {problem.message}")


def _load(layout: Layout) -> list[Sample]:
    official = layout.suite not in SPLITS
    return [
        _sample(layout, name, record, official) for name, record in read_records(layout, _refuse)
    ]


def _sample(layout: Layout, sub_class: str, record: Record, official: bool) -> Sample:
    name = record.original_image.rpartition("/")[2]
    reference = TextEditReference(
        record_id=record.id,
        sub_class=sub_class,
        source_text=record.source_text,
        target_text=record.target_text,
        caption=record.gt_caption,
        mask=layout.images / record.mask if record.mask is not None else None,
        slots=record.slots,
        texts=record.texts,
        spec_sha256=record.spec_sha256,
        # Ids of our own suites are another name space: the same number is another record.
        errata=(
            errata_kinds(record.id, record.source_text, record.target_text) if official else ()
        ),
    )
    return Sample(
        # Both of our own suites count from 1: no tool may take an item of one for one of the other.
        id=f"val-{record.id}" if layout.suite == "val" else str(record.id),
        benchmark="textedit",
        suite=layout.suite,
        task="edit",
        prompt=record.prompt,
        images=(layout.images / record.original_image,),
        reference_images=(layout.images / record.gt_image,),
        reference=reference,
        group=group_path(sub_class),
        cluster=f"{sub_class}/{name}",
        strata=strata(record.source_text, record.target_text),
        output_path=f"{sub_class}/{name}",
    )
