"""Word tables of the VQA evaluation: number words and forgotten apostrophes.

The released tables (VQA authors' script, as VLMEvalKit@e8e78f05 and lmms-eval@75571cfe carry it)
list 114 lower-case misspellings. All but one leave out one apostrophe of a form below, so the table
is built from the forms. Entries with a capital are left away: words are lower-case by then.
"""

from __future__ import annotations

NUMBERS = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip
"""``none`` is a number there."""

_FORMS = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't
mightn't've must've mustn't needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've
shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll
someone's something'd something'd've something'll that's there'd there'd've there're there's
they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're
what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're
why's won't would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll
you're you've
"""


def _without_one_apostrophe(form: str) -> list[str]:
    return [form[:at] + form[at + 1 :] for at, char in enumerate(form) if char == "'"]


CONTRACTIONS = {
    wrong: form for form in _FORMS.split() for wrong in _without_one_apostrophe(form)
} | {"somebody'd": "somebodyd"}
"""Misspelling -> form. The last entry is turned round in the released tables."""
