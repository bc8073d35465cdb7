"""Scores a folder of images that exist already, without running any model.

The official layout is ``<folder>/<class>/<file>``, with the file name of the original image. The
released TextEdit script skips every output under another name without a word: 444 of its 2,148
originals are not ``.jpg``, so a model that always writes ``.jpg`` or ``.png`` loses them. Here a
file with the same stem is taken and counted (``usage["near_match"]``), and a sample without a file
is `missing` with the nearest names there are. ``match=exact`` repeats the script's rule.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from evals.core.errors import ImageError, UserError, nearest
from evals.core.images import inspect_image
from evals.core.types import JSON, Output, Sample, Task
from model.adapters.base import Adapter, check_options, choice, failed

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
MAX_DEPTH = 4
MAX_GLIMPSE = 5000
OPTIONS = ("match",)

Rule = Literal["exact", "suffix", "case", "without .0", "flat folder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Which file was found for a sample.

    Attributes:
        sample: id of the sample.
        wanted: path below the folder that the official layout expects.
        found: path below the folder; None when there is none or more than one.
        rule: why `found` was taken.
        candidates: the files between which the choice is not clear.
    """

    sample: str
    wanted: str
    found: str | None
    rule: Rule
    candidates: tuple[str, ...] = ()


def scan(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Image files at or below a folder, and links among them that lead out of it.

    Linked folders are not entered, and hidden files are left out.

    Returns:
        (paths below the folder with forward slashes, the same for links that leave it), sorted.

    Raises:
        UserError: a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"Cannot list {error.filename} ({error.strerror}); mend its permissions.")

    home = folder.resolve()
    inside: list[str] = []
    outside: list[str] = []
    for path in _image_files(folder, refuse):
        leaves = path.is_symlink() and not path.resolve().is_relative_to(home)
        (outside if leaves else inside).append(path.relative_to(folder).as_posix())
    return tuple(sorted(inside)), tuple(sorted(outside))


def _image_files(folder: Path, on_error: Callable[[OSError], None] | None) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=on_error):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = [] if depth >= MAX_DEPTH else [f for f in folders if f[0] != "."]
        for name in files:
            if name[0] != "." and PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(place, name)


def _glimpse(folder: Path) -> list[str]:
    """Image files of a folder that the user did not name: a few thousand at most, no errors."""
    files = itertools.islice(_image_files(folder, None), MAX_GLIMPSE)
    return [f.relative_to(folder).as_posix() for f in files]


def _stem(file: str) -> str:
    """Path without its suffix: ``1.1.1/1007.0.jpg`` -> ``1.1.1/1007.0``."""
    return str(PurePosixPath(file).with_suffix(""))


class Index:
    """Files of an outputs folder by every name under which a sample may look for its own."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = frozenset(files)
        self._stems: dict[str, list[str]] = {}
        self._folded: dict[str, list[str]] = {}
        self._folded_stems: dict[str, list[str]] = {}
        for file in sorted(self.files):
            stem = _stem(file)
            self._stems.setdefault(stem, []).append(file)
            self._folded.setdefault(file.casefold(), []).append(file)
            self._folded_stems.setdefault(stem.casefold(), []).append(file)

    def find(self, sample: str, wanted: str, *, exact_only: bool) -> Match:
        """The file for a sample: by the first rule under which there is any."""
        if wanted in self.files:
            return Match(sample=sample, wanted=wanted, found=wanted, rule="exact")
        for rule, hits in [] if exact_only else self._steps(wanted):
            if len(hits) == 1:
                return Match(sample=sample, wanted=wanted, found=hits[0], rule=rule)
            if hits:
                return Match(
                    sample=sample, wanted=wanted, found=None, rule=rule, candidates=tuple(hits)
                )
        return Match(sample=sample, wanted=wanted, found=None, rule="exact")

    def _steps(self, wanted: str) -> Iterator[tuple[Rule, list[str]]]:
        stem = _stem(wanted)
        folded_stems = self._folded_stems
        yield "suffix", self._stems.get(stem, [])
        yield "case", self._folded.get(wanted.casefold(), [])
        yield "case", folded_stems.get(stem.casefold(), [])
        yield "without .0", folded_stems.get(stem.casefold().removesuffix(".0"), [])
        name = PurePosixPath(wanted).name
        if name != wanted:
            yield "flat folder", [name] if name in self.files else []
            yield "flat folder", folded_stems.get(_stem(name).casefold(), [])
            yield "flat folder", folded_stems.get(_stem(name).casefold().removesuffix(".0"), [])

    def near(self, wanted: str, n: int = 3) -> list[str]:
        """Existing names most like a wanted one, for a message: never taken by themselves."""
        from rapidfuzz import fuzz, process

        stem = PurePosixPath(wanted).stem.removesuffix(".0").casefold()
        holding = sorted(f for f in self.files if stem in PurePosixPath(f).stem.casefold())
        if holding:
            return holding[:n]
        hits = process.extract(
            PurePosixPath(wanted).name, sorted(self.files), scorer=fuzz.ratio, limit=n,
            processor=lambda f: PurePosixPath(f).name, score_cutoff=70,
        )  # fmt: skip
        return [hit[0] for hit in hits]


class Replay(Adapter):
    """Outputs that exist already; the identity of a run is the folder's path, not its content.

    A run over a folder that is still being filled can thus be resumed: samples that were `missing`
    are looked for again, and images that were taken are kept in the run as they were.

    Args:
        folder: the model's folder.
        match: ``stem`` or ``exact``.

    Raises:
        UserError: there is no such folder, or no image in it.
    """

    tasks: frozenset[Task] = frozenset({"edit", "generate"})
    batch_size = 16

    def __init__(self, folder: Path, match: str = "stem") -> None:
        self.folder = folder.expanduser().absolute()
        self.match = match
        self.name = self.folder.name or "replay"
        if not self.folder.is_dir():
            raise UserError(_no_folder(self.folder))
        files, self._outside = scan(self.folder)
        if not files and not self._outside:
            raise UserError(_no_images(self.folder))
        self.index = Index(files)
        self._owner: dict[str, str | None] = {}

    def describe(self) -> Mapping[str, JSON]:
        """Path and policy; not the content, see the class."""
        return {"adapter": "replay", "folder": str(self.folder), "match": self.match}

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The existing output of each sample; seeds have no meaning here."""
        return [self._one(sample) for sample in samples]

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The existing output of each sample; seeds have no meaning here."""
        return [self._one(sample) for sample in samples]

    def matches(self, samples: Sequence[Sample]) -> list[Match]:
        """Which file each sample would get, without opening any."""
        return [
            self.index.find(s.id, _wanted(s), exact_only=self.match == "exact") for s in samples
        ]

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """What a user should know before the run starts.

        Args:
            samples: all planned samples.

        Returns:
            Sentences about outputs found under other names, unclear, missing, or not used.

        Raises:
            UserError: not one sample has an output here.
        """
        matches = self.matches(samples)
        found = [m for m in matches if m.found]
        if matches and not found:
            raise UserError(self._nothing_matches(samples))
        remarks = self._contested(found)
        for rule in ("suffix", "case", "without .0", "flat folder"):
            if hits := [m for m in found if m.rule == rule]:
                example = f"{hits[0].found} for {hits[0].wanted}"
                remarks.append(
                    f"{len(hits)} of {len(matches)} outputs were found under another name "
                    f"({rule}), e.g. {example}; the official script skips them."
                )
        if unclear := [m for m in matches if m.candidates]:
            names = " and ".join(unclear[0].candidates[:3])
            remarks.append(
                f"{len(unclear)} outputs are not clear, e.g. {names} for {unclear[0].wanted}."
            )
        missing = sum(1 for m in matches if not m.found and not m.candidates)
        if missing:
            remarks.append(f"{missing} of {len(matches)} samples have no output in {self.folder}.")
        return remarks

    def _contested(self, found: Sequence[Match]) -> list[str]:
        """Note files that would serve several samples, so that none of them gets one."""
        users: dict[str, set[str]] = {}
        for match in found:
            users.setdefault(str(match.found), set()).add(match.sample)
        contested = {file: ids for file, ids in users.items() if len(ids) > 1}
        self._owner.update(dict.fromkeys(contested))
        return [
            f"{file} could be the output of {len(ids)} samples and is used for none; put outputs "
            "into class folders."
            for file, ids in list(contested.items())[:1]
        ]

    def _one(self, sample: Sample) -> Output:
        match = self.matches([sample])[0]
        if match.candidates:
            return failed(
                "ambiguous_output",
                f"{' and '.join(match.candidates[:3])} could all be {match.wanted}; keep one.",
            )
        if match.found and self._owner.setdefault(match.found, sample.id) != sample.id:
            return failed(
                "ambiguous_output",
                f"{match.found} could be the output of several samples; put it at {match.wanted}.",
            )
        if match.found is None:
            return failed("missing_file", self._missing(match.wanted), status="missing")
        path = self.folder / match.found
        try:
            inspect_image(path)
        except ImageError as error:
            kind = "missing_file" if error.kind == "not_found" else "unreadable_output"
            return failed(kind, str(error), status="missing" if kind == "missing_file" else "error")
        except OSError as error:
            return failed("unreadable_output", f"{match.found} cannot be read ({error}).")
        return Output(images=(path,), usage={} if match.rule == "exact" else {"near_match": 1.0})

    def _missing(self, wanted: str) -> str:
        if wanted in self._outside:
            return f"{wanted} is a link that leaves the folder; put the file itself there."
        near = self.index.near(wanted)
        if self.match == "exact":
            taken = self.index.find("", wanted, exact_only=False).found
            near = [taken, *(n for n in near if n != taken)] if taken else near
        tail = f"; the nearest names there are {', '.join(near)}" if near else ""
        return f"There is no {wanted} in the outputs folder{tail}."

    def _nothing_matches(self, samples: Sequence[Sample]) -> str:
        sentence = (
            f"None of the {len(samples)} samples has an output in {self.folder}, e.g. there is no "
            f"{_wanted(samples[0])}"
        )
        for place in _near_folders(self.folder):
            index = Index(_glimpse(place))
            exact = self.match == "exact"
            n = sum(1 for s in samples if index.find(s.id, _wanted(s), exact_only=exact).found)
            if n:
                return f"{sentence}; with {place} instead {n} of them would have one."
        near = self.index.near(_wanted(samples[0]))
        if near:
            return f"{sentence}; the nearest names are {', '.join(near)}, rename the files."
        return f"{sentence}; the folder must hold <class>/<file name of the original image>."


def _wanted(sample: Sample) -> str:
    return sample.output_path or f"{sample.id}.png"


def _near_folders(folder: Path) -> list[Path]:
    """Folders one level down, then one level up."""
    below = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    return [*below[:50], folder.parent]


def _no_folder(folder: Path) -> str:
    parent = folder.parent
    if folder.exists():
        return f"{folder} is a file; replay needs the model's folder of output images."
    if parent.is_dir():
        names = [p.name for p in parent.iterdir() if p.is_dir()]
        near = nearest(folder.name, names) or sorted(names)[:3]
        if near:
            return f"There is no folder {folder}; {parent} holds {', '.join(near)}."
    return f"There is no folder {folder}; pass the folder that holds the model's output images."


def _no_images(folder: Path) -> str:
    n = len(_glimpse(folder.parent))
    hint = f" ({folder.parent} one level up holds {n})" if n else ""
    return (
        f"{folder} holds no image files{hint}; replay expects <folder>/<class>/<file name of the "
        "original image>."
    )


def make(argument: str | None, options: Mapping[str, JSON]) -> Replay:
    """Score images that you have already, replay:DIR with DIR/<class>/<file name of the original>.

    Args:
        argument: the model's folder.
        options: ``match``: ``stem`` (default) or ``exact``.

    Raises:
        UserError: no folder given or nothing usable in it, or an unknown option.
    """
    check_options("replay", options, OPTIONS)
    if not argument:
        raise UserError("replay needs the folder of output images, e.g. replay:outputs/bagel.")
    return Replay(Path(argument), choice("replay", options, "match", ("stem", "exact")))
