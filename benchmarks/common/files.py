"""Official data files: found, and checked against the revisions that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evals.core.errors import UserError
from evals.core.hashes import FileHashes
from evals.core.protocols import DataProblem, DataSource

HASH = "sha256:"
"""What a revision starts with that names a data file by content: ``geneval@sha256:0123abcd``."""
MD5 = "md5:"
"""The same by the hash that VLMEvalKit publishes for its tables: ``mme@md5:0123abcd``."""


def named_hash(revision: str | None, kind: str) -> str:
    """The digits of a revision of this kind, `HASH` or `MD5`; empty for any other revision.

    >>> named_hash("md5:0123abcd", MD5), named_hash("md5:0123abcd", HASH), named_hash(None, MD5)
    ('0123abcd', '', '')
    """
    return revision.removeprefix(kind) if revision and revision.startswith(kind) else ""


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A data set on the hub, whose files are downloaded as they are.

    Attributes:
        dataset: ``owner/name``.
        patterns: of the files that are needed, as of `huggingface_hub.snapshot_download`.
        note: what else must be said about it; empty for nothing.
    """

    dataset: str
    patterns: tuple[str, ...] = ("*",)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class OfficialFiles:
    """The data files of a suite, below the folder that the user gives.

    Attributes:
        benchmark: name, for messages and ``--data``.
        names: path of each file below the root, by what it is called in code. Alternatives are
            separated by ``|``: the first that exists is taken.
        known: file (by its name in code) -> sha256 -> which revision that is, e.g.
            ``{"prompts": {"9f2c...": "djghosh13/geneval@af4902f"}}``. A file that has known
            revisions and is none of them is refused, unless the user names its hash.
        where: where the data comes from, e.g. a repository, for the message when it is absent.
        hub: None when it is not on the hub.
        terms: what the user must accept, e.g. a licence; empty for nothing.
    """

    benchmark: str
    names: Mapping[str, str]
    where: str
    known: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hub: Hub | None = None
    terms: str = ""

    def open(self, source: DataSource) -> Folder:
        """Find the files and check their revision.

        Raises:
            UserError: no data is named, a file is absent, or it is of another revision.
        """
        folder = Folder(files=self, root=self.root(source), hashes=FileHashes(source.cache))
        for problem in folder.problems(source.revision):
            raise UserError(problem.message)
        return folder

    def root(self, source: DataSource) -> Path:
        """The user's folder, or the hub's data set in the cache.

        Raises:
            UserError: neither is named, or it cannot be had.
        """
        if source.root is not None:
            root = source.root.expanduser().absolute()
            if not root.is_dir():
                raise UserError(
                    f"The data folder {root} does not exist; pass an existing one with "
                    f"--data {self.benchmark}=FOLDER."
                )
            return root
        revision = source.revision or ""
        if self.hub is not None and revision and not revision.startswith((HASH, MD5)):
            from benchmarks.common.hub import ensure_snapshot

            return ensure_snapshot(self.hub, revision, source.cache, self.benchmark)
        raise UserError(self.missing())

    def missing(self) -> str:
        """What to do when no data is named; one sentence."""
        first = next(iter(self.names.values())).split("|")[0]
        sentence = (
            f"{self.benchmark} needs its official data, which is not part of this package: get "
            f"{self.where} and pass --data {self.benchmark}=FOLDER, the folder that holds {first}"
        )
        if self.hub is not None:
            sentence += (
                f", or ask for a commit of {self.hub.dataset} on the hub with "
                f"{self.benchmark}/SUITE@COMMIT"
            )
        tail = f" {self.hub.note}" if self.hub is not None and self.hub.note else ""
        return f"{sentence}{f' (terms: {self.terms})' if self.terms else ''}.{tail}"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder with the files of a suite."""

    files: OfficialFiles
    root: Path
    hashes: FileHashes

    def path(self, name: str) -> Path:
        """Where a file lies; the first alternative when none exists."""
        places = [self.root / p for p in self.files.names[name].split("|")]
        return next((p for p in places if p.exists()), places[0])

    def problems(self, revision: str | None = None) -> list[DataProblem]:
        """Files that are absent or of an unknown revision.

        Args:
            revision: ``sha256:<first digits>`` accepts a file whose hash begins so.
        """
        found = []
        for name in self.files.names:
            path = self.path(name)
            if not path.exists():
                message = (
                    f"{path} does not exist; get {self.files.where} and pass its folder with "
                    f"--data {self.files.benchmark}=FOLDER."
                )
                found.append(DataProblem(kind="missing", where=str(path), message=message))
            elif problem := self._revision(name, path, revision):
                found.append(problem)
        if not found and (problem := self._unheld(revision)):
            found.append(problem)
        return found

    def _unheld(self, revision: str | None) -> DataProblem | None:
        """A hash that was named and is none of the files': nothing may be accepted by it."""
        wanted = named_hash(revision, HASH)
        if not wanted:
            return None
        held = {
            p.name: self.hashes.sha256(p) for n in self.files.names if (p := self.path(n)).is_file()
        }
        if len(wanted) >= 8 and any(h.startswith(wanted) for h in held.values()):
            return None
        told = ", ".join(f"{name} {digest[:12]}" for name, digest in held.items())
        message = (
            f"No data file of {self.files.benchmark} in {self.root} has a sha256 that begins with "
            f"{wanted!r} (8 digits or more are needed): {told}; name one of these, or none."
        )
        return DataProblem(kind="unexpected", where=str(self.root), message=message)

    def _revision(self, name: str, path: Path, revision: str | None) -> DataProblem | None:
        known = self.files.known.get(name)
        if not known:
            return None
        digest = self.hashes.sha256(path)
        wanted = named_hash(revision, HASH)
        if digest in known or (len(wanted) >= 8 and digest.startswith(wanted)):
            return None
        message = (
            f"{path} is of another revision than {' or '.join(dict.fromkeys(known.values()))}: its "
            f"sha256 is {digest}, expected {' or '.join(h[:16] for h in known)}; get that one, or "
            f"take this one knowingly with {self.files.benchmark}/SUITE@{HASH}{digest[:12]}."
        )
        return DataProblem(kind="unexpected", where=str(path), message=message)

    def identity(self) -> dict[str, str]:
        """File -> sha256 with the revision that it is known as."""
        out = {}
        for name in self.files.names:
            path = self.path(name)
            if path.is_file():
                digest = self.hashes.sha256(path)
                label = self.files.known.get(name, {}).get(digest, "")
                out[path.name] = f"{digest}{f' ({label})' if label else ''}"
        return out
