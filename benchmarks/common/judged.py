"""What judged benchmarks share: words, questions, and what replies amount to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings
from evals.core.types import JSON, Item, Quantity, Sample
from evals.core.verdicts import Verdict
from judges.interview import InterviewMetric, Said, Turn, interview
from judges.metric import Marks, Question
from judges.parsing import Parsed
from judges.script import Script, load_scripts, with_official

Readers = Mapping[str, tuple[str, Callable[[str], Parsed]]]
"""Name in the TOML file -> (name and version, function), as `judges.script.load_scripts`."""
Reword = Callable[[str, Script, Path], Script]
"""(name of a script, our own, official prompt file) -> the script in official words."""
TRIES = 200
"""Braces at which an object is tried to be read."""
_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)

# --- words ------------------------------------------------------------------------------------


def rubrics(package: str, readers: Readers, file: str = "rubrics.toml") -> dict[str, Script]:
    """The scripts of a package, in our own words."""
    text = files(f"benchmarks.{package}").joinpath(file).read_text(encoding="utf-8")
    return load_scripts(text, readers)


def in_words(
    scripts: Mapping[str, Script], settings: ScoringSettings, reword: Reword
) -> Mapping[str, Script]:
    """The scripts, in official words where the user passes a prompt file.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    path = settings.judging.prompt
    if path is None:
        return scripts
    return {name: reword(name, script, path) for name, script in scripts.items()}


def by_name(name: str, script: Script, path: Path) -> Script:
    """The prompt that is called like the script, with ``{field}`` for every field.

    Raises:
        UserError: the file cannot be read, or lacks the prompt or a field.
    """
    return with_official(script, path, name, {f.name: f"{{{f.name}}}" for f in script.fields})


class Ask(Protocol):
    """What to ask next, as `judges.interview.InterviewMetric.ask` has it, of scripts by name."""

    def __call__(  # noqa: D102
        self, item: Item, said: Said, *, scripts: Mapping[str, Script]
    ) -> Sequence[Turn]: ...


def judge_metric(
    settings: ScoringSettings,
    *,
    quantities: tuple[Quantity, ...],
    scripts: Mapping[str, Script],
    reword: Reword,
    ask: Ask,
    mark: Callable[[Item, Said], Marks],
    expected: Callable[[Sample], int] = lambda _: 1,
    also: Mapping[str, JSON] | None = None,
) -> InterviewMetric:
    """The metric `judge` of a benchmark, see `judges.interview.interview`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    asked = in_words(scripts, settings, reword)
    return interview(
        settings,
        quantities=quantities,
        scripts=list(asked.values()),
        ask=partial(ask, scripts=asked),
        mark=mark,
        expected=expected,
        also=also,
    )


# --- questions --------------------------------------------------------------------------------


def picture_of(item: Item) -> Path:
    """The picture of a prediction.

    Raises:
        ImageError: it holds none.
    """
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    return item.images[0]


def turn(
    name: str, script: Script, fields: Mapping[str, str], images: Mapping[str, Path]
) -> Turn:  # fmt: skip
    """A question that is told and shown what its script has a place for."""
    told = {f.name: fields[f.name] for f in script.fields if f.name in fields}
    shown = {i.role: images[i.role] for i in script.images if i.role in images}
    return Turn(name=name, script=script, question=Question(fields=told, images=shown))


# --- replies ----------------------------------------------------------------------------------


def spoken(reply: str) -> str:
    """The reply without what stands between ``<think>`` tags."""
    return _THOUGHTS.sub("", reply)


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object of a text that is not inside another, in order; nothing is mended."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(TRIES):
        start = text.find("{", at)
        if start < 0:
            return
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            at = start + 1
            continue
        yield value


def parsed(reason: str, scores: Mapping[str, float]) -> Parsed:
    """The scores of a reply, or why it has none."""
    if reason:
        return Parsed(status="unparsed", reason=reason)
    return Parsed(status="ok", scores=scores)


def numbered(letter: str, values: Iterable[float]) -> dict[str, float]:
    """Scores of a list of questions by name.

    >>> numbered("q", [1, 0])
    {'q1': 1.0, 'q2': 0.0}
    """
    return {f"{letter}{n}": float(v) for n, v in enumerate(values, 1)}


def decided(verdict: Verdict, letter: str, count: int) -> tuple[bool, ...]:
    """What most judges say to each of a list of yes/no questions, as `numbered` names them.

    Empty when they are evenly divided on one.
    """
    scores = [verdict.scores[f"{letter}{n}"] for n in range(1, count + 1)]
    return () if 0.5 in scores else tuple(s > 0.5 for s in scores)
