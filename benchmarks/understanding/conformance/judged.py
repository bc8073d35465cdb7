"""Functions of MathVista, MathVerse, LogicVista and MM-Vet.

The i-th call of the judge returns the i-th recorded reply, and the last one repeats. What the
released scripts log of every try is part of their results, and is written here only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from benchmarks.understanding.conformance.given import Input, Scorer
from benchmarks.understanding.judged.logicvista import scoring as logicvista
from benchmarks.understanding.judged.mathverse import scoring as mathverse
from benchmarks.understanding.judged.mathvista import lmms
from benchmarks.understanding.judged.mathvista import scoring as mathvista
from benchmarks.understanding.judged.mmvet import scoring as mmvet

Scorers = dict[str, Scorer]
T = TypeVar("T")

API_FAILED = "Failed to obtain answer via API."
"""What stands in for a reply when the endpoint failed."""


def _asked(
    given: Input, tries: int, read: Callable[[str], T | None], complaint: Callable[[str], str]
) -> tuple[T | None, str, str, int]:
    """Ask until a reply can be read.

    Returns:
        What was read, its reply, the log of all tries, and the number of calls.
    """
    replies, log = given["judge_replies"], ""
    for attempt in range(tries):
        reply = replies[min(attempt, len(replies) - 1)]
        found = None if API_FAILED in reply else read(reply)
        if found is not None:
            return found, reply, f"{log}Succeed", attempt + 1
        log += f"Try {attempt}: output is {complaint(reply)}.\n"
    return None, "", f"{log}All {tries} retries failed.\n", tries


def _result(calls: int, **values: Any) -> dict[str, Any]:
    return {"ok": values, "judge_calls": calls}


# --- MathVista --------------------------------------------------------------------------------


def _final(given: Input) -> bool:
    line = given["line"]
    return mathvista.official_hit(mathvista.question_of(line), line["res"])


def _prefetch(given: Input) -> Any:
    line = given["line"]
    found = mathvista.official_prefetch(mathvista.question_of(line), line["prediction"])
    return False if found is None else found


def _mathvista_table(given: Input) -> list[dict[str, Any]]:
    return mathvista.official_table(
        mathvista.Row(
            task=row["task"],
            skills=mathvista.read_names(row["skills"]),
            prefetched=row["log"] == "Prefetch succeed",
            hit=_final({"line": row}),
        )
        for row in given["rows"]
    )


def _mathvista_extraction(given: Input) -> dict[str, Any]:
    line = given["line"]
    prefetched = mathvista.official_prefetch(mathvista.question_of(line), line["prediction"])
    if not mathvista.official_asks(prefetched):
        return _result(0, log="Prefetch succeed", res=prefetched)
    _, reply, log, calls = _asked(
        given,
        mathvista.TRIES,
        lambda text: text,
        lambda _: f"{line['prediction']}, failed to parse",
    )
    return _result(calls, log=log, res=reply)


def _lmms(given: Input) -> dict[str, Any]:
    """Both ways to extract an answer, what becomes of the first one, and whether it is right."""
    line = given.get("problem") or given.get("line") or given
    question = mathvista.question_of(line)
    reply, asked = given["response"], given.get("judge_reply_if_asked") or ""
    plain = lmms.quick_extraction(question, reply)
    quick = lmms.quick_extraction(question, reply, quoted=True)
    extracted = asked if plain is None else plain
    found = lmms.normalised(question, extracted, line.get("precision"))
    return {
        "extraction": extracted,
        "quick_extraction": asked if quick is None else quick,
        "normalized": found,
        "equal": lmms.equal(found, str(line["answer"])),
    }


MATHVISTA: Scorers = {
    "vlmevalkit.post_check:final": _final,
    "vlmevalkit.post_check:prefetch": _prefetch,
    "vlmevalkit.auxeval": _mathvista_extraction,
    "vlmevalkit.MathVista_acc": _mathvista_table,
    "lmms_eval.extract_normalize_equal": _lmms,
}


# --- MathVerse --------------------------------------------------------------------------------


def _mathverse_extract(given: Input) -> dict[str, Any]:
    prediction = given["line"]["prediction"]
    _, reply, log, calls = _asked(
        given, mathverse.TRIES, lambda text: text, lambda _: f"{prediction}, failed to parse"
    )
    return _result(calls, log_extract=log, extract=reply)


def _mathverse_score(given: Input) -> dict[str, Any]:
    line = given["line"]
    if mathverse.same_as_answer(str(line["extract"]), str(line["answer"])):
        return _result(0, log_score="Prefetch succeed", score=True)
    found, _, log, calls = _asked(
        given, mathverse.TRIES, mathverse.official_judgement,
        lambda reply: f"{line['prediction']}, res is {reply}, failed to parse",
    )  # fmt: skip
    return _result(calls, log_score=log, score=bool(found))


def _mathverse_table(given: Input) -> list[dict[str, Any]]:
    rows = []
    for row in given["rows"]:
        about = mathverse.official_metadata(row["metadata"])
        rows.append(
            mathverse.Row(
                version=row["problem_version"], subject=about["subject"],
                subfield=about["subfield"], hit=bool(row["score"]),
            )
        )  # fmt: skip
    return mathverse.official_table(rows)


MATHVERSE: Scorers = {
    "vlmevalkit.auxeval_extract": _mathverse_extract,
    "vlmevalkit.auxeval_score": _mathverse_score,
    "vlmevalkit.MathVerse_acc": _mathverse_table,
}


# --- LogicVista -------------------------------------------------------------------------------


def _logicvista(given: Input) -> dict[str, Any]:
    line = given["line"]
    found, reply, log, calls = _asked(
        given, logicvista.TRIES, logicvista.official_letters,
        lambda _: f"{line['prediction']}, failed to parse",
    )  # fmt: skip
    hit = found is not None and logicvista.official_hit(found, line["answer"])
    return _result(calls, log=log, res=reply, hit=int(hit))


LOGICVISTA: Scorers = {
    "vlmevalkit.auxeval": _logicvista,
    "vlmevalkit.evaluate_logicvista": lambda given: logicvista.official_table(
        (row["skill"], bool(row["hit"])) for row in given["rows"]
    ),
}


# --- MM-Vet -----------------------------------------------------------------------------------


def _mmvet_usable(reply: str) -> float | None:
    grade = mmvet.official_grade(reply)
    return grade.value if grade.outcome == "ok" else None


def _mmvet_complaint(reply: str) -> str:
    grade = mmvet.official_grade(reply)
    if grade.outcome == "unparsed":
        return f"{reply}, failed to parse"
    return f"{reply}, invalid score: {grade.value}"


def _mmvet(given: Input) -> dict[str, Any]:
    found, _, log, calls = _asked(given, mmvet.TRIES, _mmvet_usable, _mmvet_complaint)
    return _result(calls, log=log, score=0.0 if found is None else found)


def _mmvet_tables(given: Input) -> Sequence[Any]:
    tables = mmvet.official_tables((row["category"], float(row["score"])) for row in given["rows"])
    if not given["rows"]:
        raise UnboundLocalError("the released script sets its lists in the first row")
    if any(line["acc"] is None for table in tables for line in table):
        raise ZeroDivisionError("no sample has one of the capabilities")
    return tables


MMVET: Scorers = {"vlmevalkit.auxeval": _mmvet, "vlmevalkit.MMVet_acc": _mmvet_tables}

CONFORMANCE: dict[str, Scorers] = {
    "mathvista": MATHVISTA, "mathverse": MATHVERSE, "logicvista": LOGICVISTA, "mmvet": MMVET,
}  # fmt: skip
"""Benchmark -> its functions; the catalog names the single tables (``module:MATHVISTA``)."""
