"""WiseEdit's numbers as variants: per category and language, and the means that are printed."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.quantities import in_percent
from benchmarks.editing.wiseedit.scoring import BASIC, CATEGORIES, COMPLEX, LANGUAGES
from evals.core.aggregation import Term, Variant
from evals.core.types import Profile

_SCALE = 100 / 9
_TITLES = {"en": "English", "cn": "Chinese"}


def _terms(kind: str, languages: Sequence[str], profile: Profile, subset: str = "") -> list[Term]:
    """One term per metric and language: its mean in percent, as released with one decimal."""
    official = profile == "official"
    return [
        Term(
            column=f"judge.{metric}{'_official' if official else ''}",
            under=(kind, subset) if subset else (kind,),
            where={"language": language},
            scale=_SCALE,
            offset=-_SCALE,
            clip=(0, 100),
            digits=1 if official else None,
        )
        for language in languages
        for metric in CATEGORIES[kind]
    ]


def _category(kind: str, language: str) -> Variant:
    short = kind.rpartition("_")[2].lower()
    return in_percent(
        f"{short}_{language}", f"{short}, {_TITLES[language]}",
        f"Mean of the category's metrics, each a mean over its cases in percent with one decimal; "
        f"{_TITLES[language]} instructions. A mean on the edge of a decimal may be rounded the "
        "other way than by the released script.", *_terms(kind, (language,), "official"),
    )  # fmt: skip


def _basic(language: str, end: str, doc: str, *, profile: Profile, single: bool) -> Variant:
    """Every basic category has four metrics, so the mean of their means is that of all twelve."""
    terms = [
        t
        for kind in BASIC
        for t in _terms(kind, (language,), profile, f"{kind}_1" if single else "")
    ]
    title = f"basic, {_TITLES[language]}{end.replace('_', ', ')}"
    return in_percent(f"basic_{language}{end}", title, doc, *terms, profile=profile)


def variants() -> tuple[Variant, ...]:
    """All of them, official ones first."""
    official = [_category(kind, lang) for kind in (*BASIC, COMPLEX) for lang in LANGUAGES]
    for lang in LANGUAGES:
        official += [
            _basic(
                lang, "", "Mean of the three basic categories, as released.", profile="official",
                single=False,
            ),
            _basic(
                lang, "_kit", "The same over the cases with one given picture: GenEditEvalKit.",
                profile="official", single=True,
            ),
        ]  # fmt: skip
    official.append(
        in_percent(
            "complex", "complex", "Mean of the complex cases in both languages, as released.",
            of=tuple(f"complex_{lang}" for lang in LANGUAGES),
        )
    )  # fmt: skip
    doc = "Mean of the three basic categories over all planned cases, nothing rounded."
    strict = [_basic(lang, "_strict", doc, profile="strict", single=False) for lang in LANGUAGES]
    strict += [
        in_percent(
            "complex_strict", "complex, strict",
            "Mean of the complex cases in both languages over all planned ones.",
            *_terms(COMPLEX, LANGUAGES, "strict"), profile="strict",
        ),
        in_percent(
            "basic_strict", "basic, strict",
            "Mean of the basic categories in both languages over all planned cases.",
            of=tuple(f"basic_{lang}_strict" for lang in LANGUAGES), profile="strict",
        ),
    ]  # fmt: skip
    return (*official, *strict)
