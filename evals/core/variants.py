"""Variants as data: read from a run, what they are made of, and the mistakes a benchmark can make.

What a variant is stands in `evals.core.types`; its arithmetic is in `evals.core.formula`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.core.aggregation import Headline, Term, Variant
from evals.core.errors import nearest
from evals.core.store import StoredRun
from evals.core.types import Group

Variants = Mapping[str, Variant]
"""Variants by name."""

MARK = "="
"""First character of a variant's column, e.g. ``=macro``; no metric's name begins so."""


def variants_of(run: StoredRun) -> dict[str, Variant]:
    """The variants in a run's manifest, in their order; none in runs made before there were any."""
    return {row["name"]: _variant(row) for row in run.manifest.get("variants", ())}


def _variant(row: Mapping[str, Any]) -> Variant:
    """A variant as run.json holds it; fields of a later minor version are ignored."""
    low, high = (float(v) for v in row.get("range", (0.0, 1.0)))
    return Variant(
        name=row["name"],
        title=row.get("title", ""),
        doc=row.get("doc", ""),
        terms=tuple(_term(t) for t in row.get("terms", ())),
        of=tuple(row.get("of", ())),
        combine=row.get("combine", "mean"),
        profile=row.get("profile", "official"),
        range=(low, high),
        direction=row.get("direction", "higher"),
        unit=row.get("unit", ""),
        digits=row.get("digits"),
        label=row.get("label", ""),
    )


def _term(row: Mapping[str, Any]) -> Term:
    clip = row.get("clip")
    return Term(
        column=row["column"],
        over=row.get("over", ""),
        under=tuple(row.get("under", ())),
        where=dict(row.get("where", {})),
        key=row.get("key", ""),
        levels=tuple(row.get("levels", ())),
        weights={k: float(v) for k, v in row.get("weights", {}).items()},
        total=bool(row.get("total", False)),
        scale=float(row.get("scale", 1.0)),
        offset=float(row.get("offset", 0.0)),
        clip=(float(clip[0]), float(clip[1])) if clip else None,
        digits=row.get("digits"),
    )


def definition(variant: Variant, variants: Variants) -> tuple[Variant, ...]:
    """A variant and all that it is made of: equal for two runs whose numbers are made alike.

    Raises:
        ValueError: it is made of an unknown variant, or of itself.
    """
    return tuple({v.name: v for v in _walk(variant, variants, ())}.values())


def _walk(variant: Variant, variants: Variants, above: tuple[str, ...]) -> Iterator[Variant]:
    if variant.name in above:
        way = " -> ".join((*above, variant.name))
        raise ValueError(f"variant {variant.name!r} is made of itself ({way})")
    yield variant
    for name in variant.of:
        if name not in variants:
            raise ValueError(
                f"variant {variant.name!r} is made of {name!r}, which is no variant"
                f"{_near(name, variants)}"
            )
        yield from _walk(variants[name], variants, (*above, variant.name))


def columns_used(variant: Variant, variants: Variants) -> tuple[str, ...]:
    """The columns that a variant reads, ``metric.quantity``, each once."""
    names = [
        n for v in definition(variant, variants) for t in v.terms for n in (t.column, t.over) if n
    ]
    return tuple(dict.fromkeys(names))


def metrics_used(variant: Variant, variants: Variants) -> tuple[str, ...]:
    """The metrics that a variant rests on, each once."""
    return tuple(dict.fromkeys(n.rpartition(".")[0] for n in columns_used(variant, variants)))


def group_matches(name: str, path: Sequence[str]) -> bool:
    """Whether a name in `Term.weights` means this group: its whole path, or its last word.

    >>> group_matches("time", ("spatio-temporal", "time"))
    True
    >>> group_matches("spatio-temporal/time", ("spatio-temporal", "time"))
    True
    """
    return bool(path) and name in {path[-1], "/".join(path)}


# --- the same number under another policy -----------------------------------------------------

_POLICY_WORD = re.compile(r"_?(strict|counted)$")
"""How the names of strict variants end."""


def twins(variant: Variant, variants: Variants) -> tuple[Variant, ...]:
    """Official variants that are the same number as a strict one but for how faults count.

    Printed numbers of theirs may be looked at beside it. The one of its name (``macro`` of
    ``macro_strict``) is the twin; where its name says the policy only (``strict``), those that are
    made by the same formula of other columns are, in their order.

    Args:
        variant: any; one that is official itself is its own twin.
        variants: of the benchmark.
    """
    if variant.profile == "official":
        return (variant,)
    scale = (variant.range, variant.unit, variant.direction)
    others = [
        v for v in variants.values()
        if v.profile == "official" and (v.range, v.unit, v.direction) == scale
    ]  # fmt: skip
    name = _POLICY_WORD.sub("", variant.name)
    if name:
        return tuple(v for v in others if v.name == name)
    return tuple(v for v in others if _formula(v, variants) == _formula(variant, variants))


def _formula(variant: Variant, variants: Variants) -> tuple[Any, ...]:
    """How a variant is made, whatever columns it is made of."""
    terms = [replace(t, column="", over="*" if t.over else "") for t in variant.terms]
    return variant.combine, terms, [_formula(variants[name], variants) for name in variant.of]


# --- what can be wrong ------------------------------------------------------------------------


def check_variants(
    variants: Sequence[Variant],
    headline: Headline,
    columns: Collection[str] | None,
    groups: Sequence[Group] = (),
) -> None:
    """Refuse variants that cannot be computed: a mistake of the benchmark, not of its user.

    Args:
        variants: of the benchmark.
        headline: of the benchmark.
        columns: ``metric.quantity`` names of its metrics; None when only some of them were asked
            for, and the names cannot be checked.
        groups: its taxonomy; empty when it has none.

    Raises:
        ValueError: naming the variant and what is wrong with it.
    """
    by_name: dict[str, Variant] = {}
    for variant in variants:
        if variant.name in by_name:
            raise ValueError(f"two variants are called {variant.name!r}")
        by_name[variant.name] = variant
    paths = {g.path[:depth] for g in groups for depth in range(len(g.path) + 1)}
    for variant in variants:
        if bool(variant.terms) == bool(variant.of):
            raise _wrong(variant, "needs either `terms` or `of`, not both and not neither")
        for other in definition(variant, by_name):
            if other.profile != variant.profile:
                raise _wrong(
                    variant,
                    f"has the profile {variant.profile!r} and is made of {other.name!r}, which has "
                    f"{other.profile!r}: one number follows one policy",
                )
        for term in variant.terms:
            _check_term(variant, term, columns, paths)
    if headline.variant:
        if headline.variant not in by_name:
            raise ValueError(
                f"the headline names the variant {headline.variant!r}, which there is not"
                f"{_near(headline.variant, by_name)}"
            )
        if headline.column or headline.tracks:
            raise ValueError(
                f"the headline {headline.name!r} names a variant and a column or track"
            )


def _check_term(
    variant: Variant, term: Term, columns: Collection[str] | None, paths: Collection[Sequence[str]]
) -> None:
    for name in filter(None, (term.column, term.over)):
        if columns is not None and name not in columns:
            raise _wrong(variant, f"reads {name!r}, which no metric declares{_near(name, columns)}")
    depths = list(term.levels)
    if any(d < 1 for d in depths) or depths != sorted(set(depths), reverse=True):
        raise _wrong(variant, f"has levels {term.levels}; they go from deep to shallow, 1 at least")
    if (term.weights or term.total) and not depths:
        raise _wrong(variant, "weighs or adds up groups without `levels` that say which")
    if term.key and term.over:
        raise _wrong(
            variant, "has both `key` and `over`: a unit that counts once has no denominator"
        )
    if term.clip and not term.clip[0] <= term.clip[1]:
        raise _wrong(variant, f"clips to {term.clip}, whose ends are the wrong way round")
    if paths and tuple(term.under) not in paths:
        raise _wrong(variant, f"is under the group {'/'.join(term.under)!r}, which there is not")
    if paths and term.weights:
        last = [
            p for p in paths if len(p) == depths[-1] and tuple(p[: len(term.under)]) == term.under
        ]
        for name in term.weights:
            found = sum(group_matches(name, p) for p in last)
            if found != 1:
                raise _wrong(
                    variant,
                    f"weighs the group {name!r}, and {found or 'no'} groups of depth {depths[-1]} "
                    "are called so",
                )


def _wrong(variant: Variant, what: str) -> ValueError:
    return ValueError(f"variant {variant.name!r} {what}")


def _near(word: str, known: Collection[str]) -> str:
    found = nearest(word, known, 1)
    return f"; did you mean {found[0]!r}?" if found else ""
