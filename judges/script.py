"""A question with a reply form of its own: for benchmarks whose official judges answer otherwise.

A `judges.rubric.Rubric` asks for one JSON object with a score per question. A script says in its
own words what to answer, and brings the function that reads it. Both are asked in the same way, and
what comes from samples and models is fenced in both.
"""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from evals.core.errors import UserError, unknown
from evals.core.types import JSON, fingerprint
from judges.parsing import Parsed
from judges.rubric import FENCE_RULE, FieldSlot, ImagePolicy, ImageSlot, fence_mark, fenced

CODE = 1
"""Raised whenever the wording that this module adds can change."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """See the module; load several with `load_scripts`. Satisfies `judges.request.Asking`.

    Attributes:
        name: e.g. ``imgedit.style``.
        version: raised by whoever edits the words.
        system: who the judge is and how to judge; may be empty.
        task: what to look at and by which scale; stands before the fields.
        form: how to answer; stands after the fields.
        read: reply -> scores; never raises, and never gives a number that the judge did not write.
        reads: name and version of `read`, e.g. ``three lines 1``: the reader has no hash.
        images: what is shown, in order; a role that a question does not fill is left out.
        fields: what is told, in order; likewise.
        low: lowest score, for panels and reports.
        high: highest score.
        policy: how images are sent.
        official: text of an official prompt in place of our own wording.
        source: where `official` came from, for people.
    """

    name: str
    version: str
    task: str
    form: str
    read: Callable[[str], Parsed]
    reads: str
    system: str = ""
    images: tuple[ImageSlot, ...] = ()
    fields: tuple[FieldSlot, ...] = ()
    low: float = 0.0
    high: float = 1.0
    policy: ImagePolicy = field(default_factory=ImagePolicy)
    official: str = ""
    source: str = ""

    @property
    def swap(self) -> tuple[str, ...]:
        """Never pairwise."""
        return ()

    @cached_property
    def hash(self) -> str:
        """16 hex digits over everything that can change a verdict."""
        words = [self.system, self.task, self.form]
        if self.official:
            words = [hashlib.sha256(self.official.encode()).hexdigest()]
        return fingerprint(
            {
                "script": CODE, "name": self.name, "version": self.version, "words": words,
                "reads": self.reads,
                "images": [[i.role, i.label, i.fit] for i in self.images],
                "fields": [[f.name, f.label] for f in self.fields],
                "policy": [self.policy.max_side, self.policy.quality],
            }
        )  # fmt: skip

    @property
    def prompt(self) -> str:
        """What people are told of the wording: our own, or whose, with the hash of the file."""
        if not self.official:
            return f"{self.name} {self.version}"
        digest = hashlib.sha256(self.official.encode()).hexdigest()[:16]
        return f"official prompt ({self.source}, sha256 {digest})"

    def schema(self) -> dict[str, JSON] | None:
        """None: the form is told in words, and nothing is imposed by the endpoint."""
        return None

    def parse(self, reply: str) -> Parsed:
        """What `read` makes of a reply."""
        return self.read(reply)

    def named(self, by_key: Mapping[str, Any]) -> dict[str, Any]:
        """The same mapping: readers answer by name."""
        return dict(by_key)

    def text(self, fields: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
        """System text, user text, and one label per image, as `Rubric.text`."""
        given = {f.name: fields[f.name] for f in self.fields if f.name in fields}
        labels = tuple(f"Image {n}: {i.label}" for n, i in enumerate(self.images, 1))
        if self.official:
            text = self.official
            for name, value in given.items():
                text = text.replace(hole(name), value)
            return "", text, ("",) * len(labels)
        mark = fence_mark(list(given.values()))
        parts = [self.task.strip(), ""]
        parts += [fenced(f.label, given[f.name], mark) for f in self.fields if f.name in given]
        parts += ["", self.form.strip()]
        return f"{self.system.strip()}\n\n{FENCE_RULE}".strip(), "\n".join(parts), labels

    def showing(self, *roles: str) -> Script:
        """The script with these of its images only, in its own order."""
        return replace(self, images=tuple(i for i in self.images if i.role in roles))


def hole(name: str) -> str:
    """The mark that stands for a field in an official prompt once it has been read."""
    return f"\0{name}\0"


def load_scripts(
    text: str, readers: Mapping[str, tuple[str, Callable[[str], Parsed]]]
) -> dict[str, Script]:
    """Scripts from the text of a TOML file: shared keys at the top, one table per script.

    ```toml
    version = "1"
    system = "..."          # shared by all that do not have their own
    [style]
    task = "..."
    form = "..."
    reader = "three"        # a key of `readers`
    scale = [1, 5]
    images = [{role = "source", label = "the picture before the edit"}]
    fields = [{name = "instruction", label = "the instruction"}]
    ```

    Args:
        text: of the file; a top-level ``name`` prefixes the scripts' names.
        readers: name -> (name and version, reading function).

    Raises:
        ValueError: a script lacks a key or has an unknown one.
    """
    table = tomllib.loads(text)
    shared = {k: v for k, v in table.items() if not isinstance(v, dict)}
    prefix = shared.pop("name")
    found = {}
    for key, own in table.items():
        if not isinstance(own, dict):
            continue
        row = {**shared, **own}
        odd = set(row) - {"version", "system", "task", "form", "reader", "scale", "images",
                          "fields", "max_side", "quality"}  # fmt: skip
        if odd:
            raise ValueError(f"script {prefix}.{key} has unknown keys {sorted(odd)}")
        low, high = row.get("scale", (0, 1))
        reads, read = readers[row["reader"]]
        found[key] = Script(
            name=f"{prefix}.{key}", version=str(row["version"]), system=row.get("system", ""),
            task=row["task"], form=row["form"], reads=reads, read=read, low=low, high=high,
            images=tuple(ImageSlot(**i) for i in row.get("images", ())),
            fields=tuple(FieldSlot(**f) for f in row.get("fields", ())),
            policy=ImagePolicy(
                max_side=row.get("max_side", 1536), quality=row.get("quality", 95)
            ),
        )  # fmt: skip
    return found


# --- official prompts -------------------------------------------------------------------------


def with_official(script: Script, path: Path, key: str, holes: Mapping[str, str]) -> Script:
    """The script with the words of an official prompt file, which stays on the user's disk.

    A ``.json`` file is an object whose `key` (with dots for nesting) is the prompt, a ``.py`` file
    is read (never run) for the constant called `key`, any other file is the prompt.

    Args:
        script: our own; reader, images and fields stay.
        path: of the file.
        key: which of the prompts in the file.
        holes: field -> the text in the prompt that stands for it, e.g. ``<edit_prompt>``.

    Raises:
        UserError: the file cannot be read, holds no such prompt, or lacks a hole.
    """
    text = _official_text(path, key)
    for name, mark in holes.items():
        if mark not in text:
            raise UserError(
                f"The prompt {key!r} of {path} does not hold {mark!r}, which stands for the "
                f"{name}; pass the official file of {script.name}."
            )
        text = text.replace(mark, hole(name))
    unscaled = ImagePolicy(max_side=1_000_000)
    return replace(script, official=text, source=f"{path.name} {key}".strip(), policy=unscaled)


def _official_text(path: Path, key: str) -> str:
    try:
        text = path.expanduser().read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            value: Any = json.loads(text)
            for part in key.split("."):
                value = value[part]
        elif path.suffix == ".py":
            value = _constants(text).get(key)
        else:
            value = text
    except (OSError, UnicodeDecodeError, ValueError, SyntaxError) as error:
        raise UserError(f"The prompt file {path} cannot be read ({error}).") from error
    except (KeyError, TypeError, IndexError):
        value = None
    if not isinstance(value, str) or not value:
        known = _known(path, text)
        raise unknown(f"prompt of {path}", key, known)
    return value


def _constants(code: str) -> dict[str, str]:
    found = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    found[target.id] = node.value.value
    return found


def _known(path: Path, text: str) -> list[str]:
    if path.suffix == ".py":
        return list(_constants(text))
    value = json.loads(text)
    return list(value) if isinstance(value, dict) else []
