"""Yes or no: four ways to read a reply.

Rules as released: VLMEvalKit is open-compass/VLMEvalKit@e8e78f05 without a judge, lmms-eval is
EvolvingLMMs-Lab/lmms-eval@75571cfe, MME's own tool is the copy in ByteDance-Seed/Bagel@056b5fd.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from benchmarks.understanding.short.vqa import vlmeval_punctuation
from metrics.answers import read_answer

Said: TypeAlias = Literal["yes", "no", ""]
"""What a reply says; empty when it could not be read, which is never right."""


def vlmeval_said(reply: str) -> Said:
    """VLMEvalKit: one of the two words occurs and the other does not.

    Where a judge model is set, a reply that cannot be read goes to it, up to five times.

    >>> vlmeval_said("I think yes."), vlmeval_said("Yes or no?"), vlmeval_said("not sure")
    ('yes', '', '')
    """
    words = vlmeval_punctuation(reply.lower()).split()
    if ("yes" in words) == ("no" in words):
        return ""
    return "yes" if "yes" in words else "no"


def lmms_said(reply: str) -> Said:
    """lmms-eval's MME task: the first four characters, once periods and outer spaces are off.

    >>> lmms_said("Not sure"), lmms_said("I think yes"), lmms_said("Y.")
    ('no', '', 'yes')
    """
    text = reply.lower().strip().replace(".", "")
    if len(text) == 1:
        letters: dict[str, Said] = {"y": "yes", "n": "no"}
        return letters.get(text, "")
    return first_four_said(text)


def first_four_said(reply: str) -> Said:
    """MME's own tool: "yes", else "no", anywhere in the first four characters (lower case).

    >>> first_four_said("know"), first_four_said("the answer is yes")
    ('no', '')
    """
    start = reply[:4]
    return "yes" if "yes" in start else "no" if "no" in start else ""


def strict_said(reply: str | None) -> Said:
    """Ours, see `metrics.answers`: a sentence is read, one that says both or neither is not.

    >>> strict_said("The answer is **No**, since yes would be wrong."), strict_said("not sure")
    ('no', '')
    """
    value = read_answer(reply, "yes_no").value
    return "yes" if value == "yes" else "no" if value == "no" else ""
