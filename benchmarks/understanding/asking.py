"""What asking a judge takes: scripts in our words or in the user's, and what replies are worth.

The judge sees texts only: the question, the reply, and sometimes the right answer. What it says is
compared by the rules of each benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from benchmarks.common.judged import Readers, by_name, in_words, parsed, rubrics, spoken
from benchmarks.understanding.replies import Marked, ReplyMetric, share
from evals.core.protocols import ScoringSettings
from judges.interview import Said, one_judge, raw_of
from judges.metric import Question
from judges.parsing import Parsed
from judges.script import Script

JUDGED_ONCE = (
    "the judge's reply is not in the released form; the released script asks up to four more "
    "times at a rising temperature, and then counts the sample as wrong"
)
"""Why an official value is absent: a judge is asked once here."""
NOTHING = frozenset({"", "none", "null", "n/a", "na", "no answer", "unknown", "nothing"})
"""How a judge says that a reply holds no answer."""


# --- words ------------------------------------------------------------------------------------


def rubric(package: str, readers: Readers) -> dict[str, Script]:
    """The scripts of ``rubric.toml`` in a package below this one, see `judges.script`."""
    return rubrics(f"understanding.{package}", readers, "rubric.toml")


@cache
def own_scripts(benchmark: str) -> Mapping[str, Script]:
    """Scripts of a benchmark of `judged`; their readers are put in per sample."""
    return rubric(f"judged.{benchmark}", {"per sample": (f"{benchmark} 1", read_text)})


def scripts_for(benchmark: str, settings: ScoringSettings) -> Mapping[str, Script]:
    """The scripts, in the words of the user's prompt file where one is given.

    It is a JSON file with one prompt per script, in which ``{question}``, ``{reply}`` and so on
    stand for the fields: VLMEvalKit assembles its prompts in code, so that there is no file to pass
    as it is.

    Raises:
        UserError: the file cannot be read, or lacks a prompt or a field.
    """
    return in_words(own_scripts(benchmark), settings, by_name)


def told(**fields: str) -> Question:
    """A question without images."""
    return Question(fields=fields, images={})


# --- replies of a judge -----------------------------------------------------------------------


def words_of(reply: str) -> str:
    """What a judge says without its thoughts, its signs between words as single spaces.

    >>> words_of("<think>A?</think> **B**.")
    'B'
    """
    return re.sub(r"[\W_]+", " ", spoken(reply)).strip()


def read_text(reply: str) -> Parsed:
    """Any text; what it is worth depends on the sample."""
    reason = "" if reply.strip() else "the reply is empty"
    return parsed(reason, {"found": float(not is_nothing(reply))})


def is_nothing(extracted: str) -> bool:
    """Whether a judge says that there is no answer.

    >>> is_nothing("None."), is_nothing("9")
    (True, False)
    """
    return extracted.strip().strip("\"'`*.").lower() in NOTHING


def released(said: Said, name: str) -> str | None:
    """The raw reply for a released parser; None behind a panel, which released scripts lack."""
    return raw_of(said, name) if name in said and one_judge(said) else None


# --- without a judge --------------------------------------------------------------------------

Check = Callable[[Any, str], tuple[bool, str]]
"""(reference, reply) -> (right, why the reply cannot be read; empty when it can)."""


def by_rules(version: str, check: Check) -> ReplyMetric:
    """The metric ``rules``: right as far as plain rules can read it; else wrong.

    A lower bound that needs no judge: it understates models that answer at length.
    """
    quantities = (
        share("accuracy", "Right by plain rules; a reply that they cannot read is wrong.",
              label="without a judge"),
        share("readable", "Share of replies that plain rules can read, right or wrong."),
    )  # fmt: skip
    return ReplyMetric(
        name="rules", version=version, quantities=quantities, mark=partial(_marks, check)
    )


def _marks(check: Check, reference: Any, reply: str) -> Marked:
    right, reason = check(reference, reply)
    parts = {"accuracy": float(right and not reason), "readable": float(not reason)}
    return Marked(parts=parts, notes={"accuracy": f"counted as wrong: {reason}"} if reason else {})
