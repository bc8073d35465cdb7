"""Scores a folder of images that exist already, without running any model.

The official layout is ``<folder>/<class>/<file>``, with the file name of the original image. The
released TextEdit script skips every output under another name without a word: 444 of its 2,148
originals are not ``.jpg``, so a model that always writes ``.jpg`` or ``.png`` loses them. Here a
file with the same stem is taken and counted (``usage["near_match"]``), and a sample without a file
is `missing` with the nearest names there are. ``match=exact`` repeats the script's rule.

Other benchmarks say in `Sample.places` where their official scripts and GenEditEvalKit keep an
output: several images per prompt, or one file with a grid of them, which is cut into its cells.
Where such a path repeats the model's name, the name is that of the folder given, else the only one
that leads to a file; when several models lie side by side the option ``name`` says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evals.core.errors import ImageError, UserError, nearest
from evals.core.images import inspect_image
from evals.core.types import JSON, Output, Sample, Task
from model.adapters.base import Adapter, check_options, choice, failed
from model.adapters.existing import MODEL, Index, Match, cut, glimpse, places_of, scan

OPTIONS = ("match", "name")


class Replay(Adapter):
    """Outputs that exist already; the identity of a run is the folder's path, not its content.

    A run over a folder that is still being filled can thus be resumed: samples that were `missing`
    are looked for again, and images that were taken are kept in the run as they were.

    Args:
        folder: the model's folder.
        match: ``stem`` or ``exact``.
        called: the model's name in layouts that repeat it; empty to find out.

    Raises:
        UserError: there is no such folder, or no image in it.
    """

    tasks: frozenset[Task] = frozenset({"edit", "generate"})
    batch_size = 16

    def __init__(self, folder: Path, match: str = "stem", called: str = "") -> None:
        self.folder = folder.expanduser().absolute()
        self.match = match
        self.called = called
        self.name = self.folder.name or "replay"
        if not self.folder.is_dir():
            raise UserError(_no_folder(self.folder))
        files, self._outside = scan(self.folder)
        if not files and not self._outside:
            raise UserError(_no_images(self.folder))
        self.index = Index(files)
        self._models: dict[tuple[str, str], str] = {}
        self._owner: dict[str, str | None] = {}

    def describe(self) -> Mapping[str, JSON]:
        """Path and policy; not the content, see the class."""
        about = {"adapter": "replay", "folder": str(self.folder), "match": self.match}
        return {**about, "name": self.called} if self.called else about

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The existing output of each sample; seeds have no meaning here."""
        return [self._one(sample) for sample in samples]

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The existing output of each sample; seeds have no meaning here."""
        return [self._one(sample) for sample in samples]

    def matches(self, samples: Sequence[Sample]) -> list[Match]:
        """Which file each sample would get, without opening any."""
        return [self._match(s) for s in samples]

    def _match(self, sample: Sample) -> Match:
        """The first place that holds a file of that very name, else what the first one leads to."""
        nowhere = Match(sample=sample.id, wanted="", found=None, rule="exact", cell=sample.trial)
        tried: list[Match] = []
        for place, grid in places_of(sample):
            names = self._names(sample, [place])
            ways = tuple(place.replace(MODEL, name) for name in names)
            if len(ways) > 1:
                tried.append(replace(nowhere, wanted=place, candidates=ways))
                continue
            hit = self.index.find(sample.id, ways[0], exact_only=self.match == "exact")
            tried.append(replace(hit, grid=grid, cell=sample.trial))
            if hit.found == ways[0]:
                return tried[-1]
        return next((m for m in tried if m.found or m.candidates), (*tried, nowhere)[0])

    def _names(self, one: Sample, places: Iterable[str]) -> list[str]:
        """What the model may be called at places; more than one name where it is not clear."""
        if known := self.called or self._models.get((one.benchmark, one.suite), ""):
            return [known]
        there = {name for place in places if MODEL in place for name in self.index.models(place)}
        return [self.name] if self.name in there or not there else sorted(there)

    def _decide(self, samples: Sequence[Sample]) -> None:
        """Find the model's name once for all samples: never one model's output for another's.

        Raises:
            UserError: there are several, and none is the folder's own.
        """
        one = samples[0]
        names = self._names(one, (place for s in samples for place, _ in places_of(s)))
        if len(names) > 1:
            raise UserError(
                f"{self.folder} holds outputs of several models: {', '.join(names)}; say which in "
                f"the model's table of the run's file: options = {{name = '{names[0]}'}}."
            )
        self._models[one.benchmark, one.suite] = names[0]

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """What a user should know before the run starts.

        Args:
            samples: all planned samples.

        Returns:
            Sentences about outputs found under other names, unclear, missing, or not used.

        Raises:
            UserError: not one sample has an output here, there are those of several models, or
                more images per sample are planned than any layout keeps.
        """
        if samples:
            self._decide(samples)
            self._refuse_repeats(samples)
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
        return [*remarks, *self._uneven(samples, matches), *self._idle(found)]

    def _refuse_repeats(self, samples: Sequence[Sample]) -> None:
        """One image is no sample of several; counted as such it would look free of chance.

        Raises:
            UserError: no layout keeps the image of a planned repeat.
        """
        lone = next((s for s in samples if not places_of(s)), None)
        if lone is not None:
            raise UserError(
                f"{max(s.trial for s in samples) + 1} images per sample are planned, and outputs "
                f"of {lone.benchmark} are one each; leave out trials, or set trials = 1."
            )

    def _uneven(self, samples: Sequence[Sample], matches: Sequence[Match]) -> list[str]:
        """Note prompts with some of their images, but not all."""
        counts: dict[str, list[int]] = {}
        for sample, match in zip(samples, matches, strict=True):
            have = counts.setdefault(sample.id, [0, 0])
            have[0] += match.found is not None
            have[1] += 1
        partial = {i: c for i, c in counts.items() if 0 < c[0] < c[1]}
        if not partial:
            return []
        name, (have_now, planned) = next(iter(partial.items()))
        return [
            f"{len(partial)} prompts have fewer images than planned, e.g. {have_now} of {planned} "
            f"for {name}."
        ]

    def _idle(self, found: Sequence[Match]) -> list[str]:
        """Note files that belong to no planned sample."""
        idle = sorted(self.index.files - {str(m.found) for m in found})
        return [f"{len(idle)} images belong to no planned sample, e.g. {idle[0]}."] if idle else []

    def _contested(self, found: Sequence[Match]) -> list[str]:
        """Note files that would serve several places; one has its own name, or nobody has it."""
        users: dict[str, set[str]] = {}
        for match in found:
            users.setdefault(str(match.found), set()).add(match.wanted)
        contested = {file: places for file, places in users.items() if len(places) > 1}
        for file, places in contested.items():
            self._owner[file] = file if file in places else None
        return [
            f"{file} could be the output of {len(places)} samples and is used for "
            f"{'the one of that name' if file in places else 'none'}; put outputs into class "
            "folders."
            for file, places in list(contested.items())[:1]
        ]

    def _one(self, sample: Sample) -> Output:
        match = self._match(sample)
        if unclear := self._unclear(match):
            return failed("ambiguous_output", unclear)
        if match.found is None:
            told = self._missing(match.wanted) if match.wanted else _no_place(sample)
            return failed("missing_file", told, status="missing")
        path = self.folder / match.found
        try:
            inspect_image(path)
        except ImageError as error:
            kind = "missing_file" if error.kind == "not_found" else "unreadable_output"
            return failed(kind, str(error), status="missing" if kind == "missing_file" else "error")
        except OSError as error:
            return failed("unreadable_output", f"{match.found} cannot be read ({error}).")
        usage = {} if match.rule == "exact" else {"near_match": 1.0}
        return _taken(path, match, usage)

    def _unclear(self, match: Match) -> str:
        """Why it is not clear which file is the sample's; empty when it is."""
        if match.candidates:
            files = " and ".join(match.candidates[:3])
            if MODEL in match.wanted:
                return f"{files} are of several models; say which with the option name."
            return f"{files} could all be {match.wanted}; keep one."
        if not match.found:
            return ""
        # A file of the wanted name serves all samples that a layout keeps there.
        owner = self._owner.setdefault(match.found, match.wanted)
        if match.wanted in {owner, match.found}:
            return ""
        return f"{match.found} could be the output of several samples; put it at {match.wanted}."

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
        wanted = self._match(samples[0]).wanted
        sentence = (
            f"None of the {len(samples)} samples has an output in {self.folder}, e.g. there is no "
            f"{wanted}"
        )
        places = [place for s in samples for place, _ in places_of(s) if MODEL in place]
        if others := sorted({name for place in places for name in self.index.models(place)}):
            return f"{sentence}; the models there are {', '.join(others)}."
        for place in _near_folders(self.folder):
            index = Index(glimpse(place))
            if index.files and (n := sum(self._is_in(index, s) for s in samples)):
                return f"{sentence}; with {place} instead {n} of them would have one."
        near = self.index.near(wanted)
        if near:
            return f"{sentence}; the nearest names are {', '.join(near)}, rename the files."
        return f"{sentence}; the folder must hold <class>/<file name of the original image>."

    def _is_in(self, index: Index, sample: Sample) -> bool:
        """Whether a sample would find its output among other files."""
        exact = self.match == "exact"
        return any(
            index.models(w) if MODEL in w else index.find(sample.id, w, exact_only=exact).found
            for w, _ in places_of(sample)
        )


def _taken(path: Path, match: Match, usage: Mapping[str, float]) -> Output:
    """The file itself, or its cell of a grid."""
    if match.grid is None:
        return Output(images=(path,), usage=usage)
    try:
        return Output(images=(cut(path, match.grid, match.cell),), usage=usage)
    except ValueError as error:
        return failed("wrong_grid", f"{match.found}: {error}")


def _no_place(sample: Sample) -> str:
    return f"Outputs of {sample.benchmark} are one each; there is no image {sample.trial + 1}."


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
    n = len(glimpse(folder.parent))
    hint = f" ({folder.parent} one level up holds {n})" if n else ""
    return (
        f"{folder} holds no image files{hint}; replay expects <folder>/<class>/<file name of the "
        "original image>."
    )


def make(argument: str | None, options: Mapping[str, JSON]) -> Replay:
    """Score images that you have already, replay:DIR with DIR/<class>/<file name of the original>.

    Args:
        argument: the model's folder.
        options: ``match``: ``stem`` (default) or ``exact``. ``name``: of the model in layouts that
            repeat it, where several lie side by side.

    Raises:
        UserError: no folder given or nothing usable in it, or an unknown option.
    """
    check_options("replay", options, OPTIONS)
    if not argument:
        raise UserError("replay needs the folder of output images, e.g. replay:outputs/bagel.")
    called = options.get("name", "")
    if not isinstance(called, str) or "/" in called:
        raise UserError(f"The option 'name' of the model 'replay' is {called!r}; give a folder's.")
    match = choice("replay", options, "match", ("stem", "exact"))
    return Replay(Path(argument), match, called)
