"""The arithmetic of variants: from sums over groups of samples to one number, on arrays.

The same function makes the number that is printed, its resampled counterparts and the permuted
ones: it takes sums of shape (..., groups, 2) and gives values of shape (...). What each field of a
variant means is told in `evals.core.types`, and in words in docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evals.core.aggregation import Term, Variant
from evals.core.frame import Bools, Frame, GroupPath, Labels
from evals.core.stats import Floats, Ints, codes
from evals.core.variants import Variants, columns_used, group_matches


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What a term reads from each sample; terms that read the same share it.

    Attributes:
        under: () unless units are formed, which are of the selected samples only.
    """

    column: str
    over: str
    key: str
    under: GroupPath
    where: Labels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Values:
    """The numbers of a source, over the samples that have one.

    Attributes:
        at: index of the sample, shape (m,); of a unit, its first sample with or without a value.
        top: numerators, shape (m,).
        bottom: denominators, shape (m,); ones where there is no column of them.
    """

    at: Ints
    top: Floats
    bottom: Floats


class Branch:
    """A term over a frame: which samples it is about, and in which groups.

    Attributes:
        member: which samples, shape (samples,).
        leaves: leaf groups that it is about, shape (L,).
        group: number of each leaf's group at the first level, shape (L,).
        paths: the groups of the first level, in order of appearance.
    """

    def __init__(self, term: Term, frame: Frame) -> None:
        self.term = term
        self.frame = frame
        where = tuple(sorted(term.where.items()))
        self.source = Source(
            column=term.column, over=term.over, key=term.key, where=where,
            under=tuple(term.under) if term.key else (),
        )  # fmt: skip
        self.leaves = frame.inside(tuple(term.under))
        leaf, labelled = frame.layout.leaf, frame.labelled(where)
        self._selected = np.flatnonzero(self.leaves[leaf] & labelled)
        if term.weights:
            self.leaves &= np.array([bool(self.names(p)) for p in frame.layout.leaves], dtype=bool)
        self.member = np.asarray(self.leaves[leaf] & labelled)
        depth = term.levels[0] if term.levels else 0
        cut = [path[:depth] for path in frame.layout.leaves]
        self.group, _ = codes(cut)
        self.paths = tuple(dict.fromkeys(cut))

    def names(self, path: GroupPath) -> list[str]:
        """Names in the weights that mean the group of the last level which a path lies in."""
        own = path[: self.term.levels[-1]]
        return [n for n in self.term.weights if group_matches(n, own)]

    @cached_property
    def _starts(self) -> Ints:
        """Samples that it is about; of units, their first samples."""
        if not self.term.key:
            return np.flatnonzero(self.member)
        rows = np.unique(self._first[self._selected])
        return rows[self.leaves[self.frame.layout.leaf[rows]]]

    @cached_property
    def _first(self) -> Ints:
        """First sample of each selected sample's unit, whatever its group weighs; else -1."""
        rows = self._selected
        _, first, unit = np.unique(
            self.frame.units(self.term.key)[rows], return_index=True, return_inverse=True
        )
        out = np.full(len(self.member), -1, dtype=np.intp)
        out[rows] = rows[first][unit]
        return out

    @cached_property
    def _touched(self) -> tuple[Bools, list[int]]:
        """Leaf groups with samples that it is about, and its groups as those samples come."""
        leaf = self.frame.layout.leaf[self._starts]
        counts = np.bincount(leaf, minlength=len(self.frame.layout.leaves))
        groups, first = np.unique(self.group[leaf], return_index=True)
        return np.asarray(counts > 0), groups[np.argsort(first)].tolist()

    def planned(self, inside: Bools) -> list[int]:
        """Groups of the first level with samples that it is about, below some leaf groups."""
        touched, groups = self._touched
        here = set(self.group[touched & inside].tolist())
        return [g for g in groups if g in here]

    def read(self, columns: Mapping[str, Floats]) -> Values:
        """The numbers of its source, from the values of each column."""
        source = self.source
        top = columns[source.column]
        has = np.isfinite(top) & self.frame.labelled(source.where)
        if source.over:
            has &= np.isfinite(columns[source.over])
        at = np.flatnonzero(has)
        if source.key:
            at = np.intersect1d(at, self._selected, assume_unique=True)
            least = np.full(len(top), np.inf)
            np.minimum.at(least, self._first[at], top[at])
            at = np.flatnonzero(np.isfinite(least))
            return Values(at=at, top=least[at], bottom=np.ones(len(at)))
        bottom = columns[source.over][at] if source.over else np.ones(len(at))
        return Values(at=at, top=top[at], bottom=bottom)

    def observed(self, values: Values, inside: Bools) -> Floats:
        """Sums of each group of the first level, in the order of the samples, shape (G, 2)."""
        leaf = self.frame.layout.leaf[values.at]
        keep = (self.leaves & inside)[leaf]
        group = self.group[leaf[keep]]
        return np.stack(
            [
                np.bincount(group, v[keep], minlength=len(self.paths))
                for v in (values.top, values.bottom)
            ],
            axis=-1,
        )

    def resampled(self, drawn: Floats, inside: Bools, groups: Sequence[int]) -> Floats:
        """Resampled sums of some groups from those of leaf groups.

        Args:
            drawn: shape (R, L, 2).
            inside: leaf groups that count.
            groups: of the first level.

        Returns:
            Shape (R, groups, 2).
        """
        here = self.leaves & inside
        return np.stack(
            [drawn[:, np.flatnonzero(here & (self.group == g))].sum(axis=1) for g in groups], axis=1
        )

    def clustered(self, values: Values, groups: Sequence[int]) -> Floats:
        """What each cluster adds to the sums of some groups, shape (clusters, 2 * groups)."""
        leaf = self.frame.layout.leaf[values.at]
        place = np.full(len(self.paths), -1, dtype=np.intp)
        place[list(groups)] = np.arange(len(groups))
        column = np.where(self.leaves[leaf], place[self.group[leaf]], -1)
        keep = column >= 0
        bootstrap = self.frame.layout.bootstrap
        cell = bootstrap.unit[values.at[keep]] * len(groups) + column[keep]
        size = bootstrap.units * len(groups)
        sums = [np.bincount(cell, v[keep], minlength=size) for v in (values.top, values.bottom)]
        flat = np.stack(sums, axis=-1, dtype=np.float64)
        return flat.reshape(bootstrap.units, 2 * len(groups))

    def value(self, sums: Floats, groups: Sequence[int], weighted: bool, exact: bool) -> Floats:
        """The term's value, shape (...).

        Args:
            sums: numerators and denominators by group, shape (..., groups, 2).
            groups: those of the first level that have a value.
            weighted: whether the term's weights are used.
            exact: round as Python does, digit by digit; else as numpy does, which is faster and
                differs in rare ties.
        """
        term = self.term
        with np.errstate(invalid="ignore", divide="ignore"):
            value = sums[..., 0] / sums[..., 1]
        value = value * term.scale + term.offset
        if term.clip:
            value = np.clip(value, *term.clip)
        value = rounded(value, term.digits, exact)
        paths = [self.paths[g] for g in groups]
        for depth in term.levels[1:]:
            parents = [p[:depth] for p in paths]
            paths = list(dict.fromkeys(parents))
            value = np.stack(
                [_mean([value[..., i] for i, p in enumerate(parents) if p == q]) for q in paths],
                axis=-1,
            )
        parts = [value[..., i] for i in range(len(paths))]
        if weighted:
            weights = [self.term.weights[self.names(p)[0]] for p in paths]
            return _sum([w * part for w, part in zip(weights, parts, strict=True)])
        return _sum(parts) if term.total else _mean(parts)


def _sum(parts: Sequence[Floats]) -> Floats:
    """Sum in order: numpy would add pairwise, and differ from a script's in the last digit."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _mean(parts: Sequence[Floats]) -> Floats:
    return _sum(parts) / len(parts)


def rounded(values: Floats, digits: int | None, exact: bool) -> Floats:
    """Values with so many decimals; unchanged for None.

    >>> rounded(np.array([2.675]), 2, True).tolist()  # below a tie in binary
    [2.67]
    """
    if digits is None:
        return values
    if not exact:
        return np.round(values, digits)
    flat = [round(float(v), digits) for v in np.ravel(values)]
    return np.array(flat, dtype=np.float64).reshape(np.shape(values))


def combined(variant: Variant, parts: Sequence[Floats]) -> Floats:
    """Parts of a variant as one number, before rounding."""
    if variant.combine == "sum" or len(parts) == 1:
        return _sum(parts)
    if variant.combine == "mean":
        return _mean(parts)
    rest = np.ones_like(parts[0])
    for part in parts:
        rest = rest * (1.0 - part)
    return 1.0 - rest


class Formula:
    """A variant over a frame.

    Attributes:
        variant: whose formula it is.
        columns: that it reads.
        branches: the terms of it and of all that it is made of, in order.
        member: which samples it is about, shape (samples,).
    """

    def __init__(self, variant: Variant, variants: Variants, frame: Frame) -> None:
        self.variant = variant
        self.variants = variants
        self.frame = frame
        self.columns = columns_used(variant, variants)
        branches: list[Branch] = []
        self._tree = self._grow(variant, branches)
        self.branches = tuple(branches)
        self.member = np.any([b.member for b in branches], axis=0)

    def _grow(self, variant: Variant, branches: list[Branch]) -> tuple[Variant, list[Any]]:
        """A variant with its parts: branch numbers, or further variants with theirs."""
        if variant.of:
            return variant, [self._grow(self.variants[n], branches) for n in variant.of]
        first = len(branches)
        branches.extend(Branch(t, self.frame) for t in variant.terms)
        return variant, list(range(first, len(branches)))

    @cached_property
    def groups(self) -> tuple[GroupPath, ...]:
        """Every prefix of the group paths of its samples, () first."""
        leaves = self.frame.layout.leaves
        own = [leaves[i] for i in dict.fromkeys(self.frame.layout.leaf[self.member].tolist())]
        found = dict.fromkeys(leaf[:d] for leaf in own for d in range(len(leaf) + 1))
        return ((), *(g for g in found if g))

    def scope(self, group: GroupPath, observed: Sequence[Floats]) -> Scope:
        """The formula over the samples of a group.

        Args:
            group: () is all samples.
            observed: by branch, sums of its groups over those samples, shape (G, 2).
        """
        return Scope(self, group, observed)

    def value(self, scope: Scope, sums: Mapping[int, Floats], exact: bool = False) -> Floats:
        """The value, shape (...), from sums by branch of the groups that the scope keeps."""
        found = self._evaluate(self._tree, scope, sums, exact)
        assert found is not None, "a scope without a value was evaluated"
        return found

    def _evaluate(
        self, node: Any, scope: Scope, sums: Mapping[int, Floats], exact: bool
    ) -> Floats | None:
        """Value of a part; None where none of its terms is about these samples."""
        if isinstance(node, int):
            if node not in scope.kept:
                return None
            weighted = node in scope.weighted
            return self.branches[node].value(sums[node], scope.kept[node], weighted, exact)
        variant, children = node
        parts = [self._evaluate(child, scope, sums, exact) for child in children]
        known = [p for p in parts if p is not None]
        return rounded(combined(variant, known), variant.digits, exact) if known else None


class Scope:
    """Which terms and groups of a formula have a say in the samples of one group.

    Attributes:
        inside: leaf groups of the samples, shape (L,).
        kept: branch -> its groups that have a value; a branch about none of the samples is left out
            below the top.
        weighted: branches whose weights are used: all weighted groups are within.
        absent: groups with planned samples and without a value, which a mean leaves out.
        reason: why there is no value; empty where there is one.
    """

    def __init__(self, formula: Formula, group: GroupPath, observed: Sequence[Floats]) -> None:
        self.inside = formula.frame.inside(group)
        self.kept: dict[int, list[int]] = {}
        self.weighted: set[int] = set()
        self.absent: dict[str, None] = {}
        reasons: dict[str, None] = {}
        for at, (branch, sums) in enumerate(zip(formula.branches, observed, strict=True)):
            planned = branch.planned(self.inside)
            if not planned and group:
                continue
            kept = [g for g in planned if sums[g, 1] != 0]
            gone = ["/".join(branch.paths[g]) for g in planned if sums[g, 1] == 0]
            self.kept[at] = kept
            if reason := self._reason(at, branch, group, kept, gone):
                reasons[reason] = None
            elif gone:
                self.absent.update(dict.fromkeys(gone))
        if not self.kept:
            reasons["none of its samples is in this group"] = None
        self.reason = "; ".join(reasons)

    def _reason(
        self, at: int, branch: Branch, group: GroupPath, kept: list[int], gone: list[str]
    ) -> str:
        """Why a term has no value; empty where it has."""
        term = branch.term
        name = term.column + (f" under {'/'.join(term.under)}" if term.under else "")
        if term.weights:
            have = {n for g in kept for n in branch.names(branch.paths[g])}
            here = {n for i in np.flatnonzero(self.inside) for n in
                    branch.names(branch.frame.layout.leaves[i])}  # fmt: skip
            if not group or here == set(term.weights):
                self.weighted.add(at)
                if lost := [n for n in term.weights if n not in have]:
                    return (
                        f"{name} has no value in {', '.join(lost)}, and every weighted group counts"
                    )
        if not kept:
            return f"{name} has no value"
        if term.total and gone:
            return f"{name} has no value in {', '.join(gone)}, and a sum needs every group"
        return ""
