"""Runs side by side, on one board per set that may be compared, with shared ranks.

Two runs share a board only when suite, data, samples, OCR engine and scorers are the same and
their headlines are made of the same columns. Otherwise each stands on its own board, and
`Leaderboard.separations` says why; nothing is averaged over suites.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evals.core.aggregation import Headline
from evals.core.comparable import kind_of, separations
from evals.core.errors import UserError
from evals.core.headline import Contest, HeadlineValue, evaluate
from evals.core.paired import shared_ranks
from evals.core.pairs import ALPHA, Pair, compare_all
from evals.core.stats import RESAMPLES
from evals.core.store import StoredRun
from evals.core.tracks import Entry, rule_of, used_columns, variant_of
from evals.core.variants import MARK

OPEN_LIMIT = 0.01
"""A run with more than this share of samples still open is shown but not ranked."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run on a board.

    Attributes:
        run: as stored.
        headline: its value, interval and parts.
        rank: 1 plus the number of models that are significantly better; None when not ranked.
        anchor: a floor or ceiling model: shown, never ranked.
        note: why it is not ranked, or what its rank must be read with; empty otherwise.
        key: what the pairs of its board call it; empty when it is not ranked.
    """

    run: StoredRun
    headline: HeadlineValue
    rank: int | None = None
    anchor: bool = False
    note: str = ""
    key: str = ""

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.run.model


@dataclass(frozen=True, kw_only=True)
class Board:
    """Runs that may be compared.

    Attributes:
        benchmark: its name.
        suite: its name.
        synthetic: whether the data was generated here.
        name: of the headline formula, or the column or variant.
        columns: (track, columns) of the value, equal for all ranked rows.
        partial: tracks are missing or substituted in all of its rows.
        direction: whether a higher or a lower value is better.
        rows: ranked ones by rank and value, then unranked ones, then anchors, then models that
            do not do the benchmark's task.
        pairs: every pair of ranked rows.
        mdd: largest of the pairs' minimum detectable differences; None without pairs.
    """

    benchmark: str
    suite: str
    synthetic: bool
    name: str
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    partial: bool
    direction: Literal["higher", "lower"]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...] = ()
    mdd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """All boards, full headlines and official suites first.

    Attributes:
        boards: see `Board`.
        separations: why there is more than one board, one sentence per reason.
    """

    boards: tuple[Board, ...]
    separations: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows of all boards, board by board."""
        return tuple(row for board in self.boards for row in board.rows)


@dataclass(frozen=True)
class _Field:
    """Runs that one contest measures, anchors among them."""

    contest: Contest
    entries: tuple[Entry, ...]
    values: tuple[HeadlineValue, ...]


def leaderboard(
    runs: Sequence[StoredRun],
    *,
    column: str = "",
    one_board: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Leaderboard:
    """Rank runs by their headline, or by one column.

    Args:
        runs: of any models and suites; those of the anchor models serve their whole suite.
        column: rank by this column (strict policy), or by the variant ``=name``, in place of the
            headline.
        one_board: insist on a single board.
        resamples: of the bootstrap.
        seed: of bootstrap and permutations.

    Raises:
        UserError: `one_board` is asked for runs that may not be mixed; no run has `column`; or a
            run has no headline rule.
    """
    boards: list[Board] = []
    reasons: dict[str, None] = {}
    groups = _comparable(runs, column, reasons)
    for members in groups:
        field = _field(members, column, resamples, seed)
        boards.extend(_boards(field, reasons))
    if one_board and len(boards) > 1:
        raise UserError(
            f"These runs may not be ranked or averaged together: {'; '.join(reasons)}. "
            "Compare runs of one suite with the same scorers, or drop the demand for one board."
        )
    boards.sort(key=lambda b: (b.synthetic, b.benchmark, b.suite, b.partial, -len(b.rows)))
    return Leaderboard(boards=tuple(boards), separations=tuple(reasons))


def _rule(run: StoredRun, column: str) -> Headline:
    if column.startswith(MARK):
        return Headline(name=column, variant=column.removeprefix(MARK))
    return Headline(name=column, column=column) if column else rule_of(run)


def _used_metrics(run: StoredRun, rule: Headline) -> list[str]:
    return sorted({n.rpartition(".")[0] for n in used_columns(run, rule)})


def _comparable(
    runs: Sequence[StoredRun], column: str, reasons: dict[str, None]
) -> list[list[StoredRun]]:
    """Runs in sets whose members may be compared; the reasons for a split are added."""
    sets: list[list[StoredRun]] = []
    for run in runs:
        rule = _rule(run, column)
        for members in sets:
            why = list(separations(members[0], run, _used_metrics(run, rule)))
            if _rule(members[0], column) != rule:
                why.append(f"headline rule differs: {rule.name}")
            elif variant_of(members[0], rule) != variant_of(run, rule):
                why.append(f"the variant {rule.variant} is made otherwise")
            if not why:
                members.append(run)
                break
            reasons.update(dict.fromkeys(f"{members[0].model} and {run.model}: {w}" for w in why))
        else:
            sets.append([run])
    return sets


def is_anchor(run: StoredRun) -> bool:
    """Whether a run is of a model that marks an end of the scale and takes no part in ranks."""
    named = run.model in run.manifest.get("anchors", ())
    return named or run.manifest["model"].get("role") == "anchor"


def _field(runs: Sequence[StoredRun], column: str, resamples: int, seed: int) -> _Field:
    rule = _rule(runs[0], column)
    entries = tuple(Entry.read(r, rule) for r in runs)
    named = {e.run.model: e for e in reversed(entries)}  # of two runs of one anchor, the first
    contest = Contest.of(
        rule, runs[0], named.get(rule.floor), named.get(rule.ceiling), resamples=resamples,
        seed=seed,
    )  # fmt: skip
    if rule.column and column and not any(column in e.columns for e in entries):
        known = ", ".join(sorted(m["name"] for m in runs[0].manifest.get("metrics", ())))
        raise UserError(
            f"No run of {runs[0].benchmark}/{runs[0].suite} has the column {column!r}; "
            f"name one as metric.quantity (metrics: {known})."
        )
    return _Field(contest, entries, tuple(evaluate(contest, e) for e in entries))


def _boards(field: _Field, reasons: dict[str, None]) -> list[Board]:
    """One board per set of columns: partial headlines never stand among full ones."""
    by_columns: dict[tuple[tuple[str, tuple[str, ...]], ...], list[int]] = {}
    unmade, anchors, unsupported = [], [], []
    for i, (entry, value) in enumerate(zip(field.entries, field.values, strict=True)):
        if entry.run.unsupported:
            unsupported.append(i)
        elif is_anchor(entry.run):
            anchors.append(i)
        elif value.value is None:
            unmade.append(i)
        else:
            by_columns.setdefault(value.columns, []).append(i)
    if not by_columns:
        by_columns[()] = []
    for value in field.values:
        if value.partial and value.value is not None and len(by_columns) > 1:
            for track, why in value.missing_reasons.items():
                reasons[f"{value.model}: partial headline, track {track}: {why}"] = None
    order = sorted(by_columns, key=lambda c: field.values[by_columns[c][0]].partial if c else True)
    out = []
    for place, columns in enumerate(order):
        others = [*unmade, *anchors, *unsupported] if place == 0 else anchors
        out.append(_board(field, columns, by_columns[columns], others))
    return out


def _board(
    field: _Field,
    columns: tuple[tuple[str, tuple[str, ...]], ...],
    ranked: Sequence[int],
    others: Sequence[int],
) -> Board:
    rule = field.contest.rule
    run = field.entries[0].run
    lower = _lower(field)
    rows = [_row(field, i) for i in ranked]
    fit = [r for r, i in zip(rows, ranked, strict=True) if not r.note]
    fit_entries = [field.entries[i] for r, i in zip(rows, ranked, strict=True) if not r.note]
    sign = -1.0 if lower else 1.0
    keys = _keys(fit)
    score = {k: sign * float(r.headline.value or 0.0) for k, r in keys.items()}
    place = sorted(range(len(fit)), key=lambda i: -score[list(keys)[i]])
    in_order = [list(keys)[i] for i in place]
    pairs = compare_all(field.contest, [fit_entries[i] for i in place], in_order, sign)
    ranks = shared_ranks(score, {(p.a, p.b): p.adjusted for p in pairs}, alpha=ALPHA)
    made = [replace(keys[k], rank=ranks[k], note=_mark(keys[k]), key=k) for k in keys]
    made.sort(key=lambda r: (r.rank or 0, -sign * float(r.headline.value or 0.0)))
    rest = [r for r in rows if r.note] + [_row(field, i) for i in others]
    return Board(
        benchmark=run.benchmark,
        suite=run.suite,
        synthetic=kind_of(run.manifest["suite"]) == "synthetic",
        name=rule.name,
        columns=columns,
        partial=any(field.values[i].partial for i in ranked),
        direction="lower" if lower else "higher",
        rows=(*made, *rest),
        pairs=tuple(pairs),
        mdd=max((p.mdd for p in pairs if p.mdd is not None), default=None),
    )


def _lower(field: _Field) -> bool:
    """Whether lower is better; tracks are turned so that higher is."""
    rule, formula = field.contest.rule, field.contest.formula
    if formula:
        return formula.variant.direction == "lower"
    found = [e.columns[rule.column] for e in field.entries if rule.column in e.columns]
    return bool(not rule.tracks and found and found[0].quantity.direction == "lower")


def _keys(rows: Sequence[Row]) -> dict[str, Row]:
    """Rows by model name; a name that occurs again gets its folder appended."""
    out: dict[str, Row] = {}
    for row in rows:
        name = row.model
        if name in out:
            name = f"{row.model} ({row.run.folder.name})"
        number = 2
        while name in out:
            name, number = f"{row.model} ({row.run.folder.name}, {number})", number + 1
        out[name] = row
    return out


def _row(field: _Field, index: int) -> Row:
    run, value = field.entries[index].run, field.values[index]
    note = ""
    if is_anchor(run):
        note = "anchor: shown for scale, not ranked"
    elif value.value is None:
        note = value.reason
    elif value.waiting > OPEN_LIMIT * value.planned:
        note = f"incomplete: {value.waiting} of {value.planned} samples are still open"
    return Row(run=run, headline=value, anchor=is_anchor(run), note=note)


def _mark(row: Row) -> str:
    """What a rank must be read with."""
    if row.headline.waiting:
        return f"{row.headline.waiting} of {row.headline.planned} samples are still open"
    return ""


def by_model(board: Board) -> Mapping[str, Row]:
    """Rows of a board by the name of their model, as used in its pairs."""
    return {r.key: r for r in board.rows if r.rank is not None}
