"""What people see in the terminal: live progress, tables, and plain lines when piped."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

PLAIN_EVERY = 5.0
"""Seconds between lines when the output is not a terminal."""


class LiveProgress:
    """Done, failed, rate and time left of each stage; use it as a context manager.

    On a terminal one moving bar per stage; elsewhere one line every few seconds and one at the
    end of each stage, on standard error.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._rich: RichProgress | None = None
        self._title, self._total, self._done, self._failed = "", 0, 0, 0
        self._start = self._said = 0.0
        self._note = ""
        self._task: TaskID | None = None

    def __enter__(self) -> LiveProgress:
        if not self._quiet and err.is_terminal:
            from rich import progress as rp

            self._rich = rp.Progress(
                rp.TextColumn("{task.description}", table_column=None),
                rp.BarColumn(bar_width=24),
                rp.MofNCompleteColumn(),
                rp.TextColumn("{task.fields[failed]}"),
                rp.TextColumn("{task.fields[rate]}"),
                rp.TimeRemainingColumn(),
                rp.TextColumn("{task.fields[note]}"),
                console=err,
            )
            self._rich.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rich is not None:
            self._rich.stop()

    def stage(self, title: str, total: int) -> None:
        """A new stage with `total` units of work begins."""
        self._title, self._total, self._done, self._failed = title, total, 0, 0
        self._start = self._said = time.monotonic()
        self._note = ""
        if self._rich is not None:
            from rich.markup import escape

            self._task = self._rich.add_task(
                escape(title), total=total, failed="", rate="", note=""
            )

    def note(self, text: str) -> None:
        """What is going on just now, shown with the next advance."""
        self._note = text

    def advance(self, done: int, failed: int = 0) -> None:
        """`done` more units are finished, `failed` of them without a result."""
        self._done += done
        self._failed += failed
        now = time.monotonic()
        rate = self._done / max(now - self._start, 1e-9)
        if self._rich is not None and self._task is not None:
            bad = f"[red]{self._failed} failed[/red]" if self._failed else ""
            note = self._note if self._done < self._total else ""
            self._rich.update(
                self._task, completed=self._done, failed=bad, rate=f"{rate:.1f}/s", note=note
            )
        elif not self._quiet and (now - self._said >= PLAIN_EVERY or self._done == self._total):
            self._said = now
            left = (self._total - self._done) / rate if self._done else 0.0
            eta = f", {left:.0f} s left" if self._done < self._total and self._done else ""
            eta += f", {self._note}" if self._note and self._done < self._total else ""
            print(
                f"{self._title}: {self._done}/{self._total} done, {self._failed} failed, "
                f"{rate:.1f}/s{eta}",
                file=sys.stderr,
                flush=True,
            )


def say(sentence: str) -> None:
    """A sentence on standard error, never wrapped: it may be searched for or copied."""
    err.print(sentence, markup=False, soft_wrap=True)


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """A table that fits a terminal, or tab-separated lines when piped."""
    if not out.is_terminal:
        if title:
            print(title)
        for row in (headers, *rows):
            print("\t".join(str(c).replace("\n", " ") for c in row))
        return
    from rich.text import Text

    upright, turned = [headers, *rows], list(zip(headers, *rows, strict=True))
    if out.width < _width(upright) and _width(turned) < _width(upright):
        # More columns than fit: a column per model reads better than folded numbers.
        headers, rows = turned[0], turned[1:]
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for n, header in enumerate(headers):
        table.add_column(header, justify="left" if n == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(c)) for c in row))
    out.print(table)


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Columns of the terminal that a table needs to be shown without folding."""
    return sum(max(len(str(c)) for c in column) + 2 for column in zip(*rows, strict=True))


def show_list(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Like `show_table`, every column flush left: for lists of names."""
    if not out.is_terminal:
        for row in (headers, *rows):
            print("\t".join(str(c).replace("\n", " ") for c in row))
        return
    from rich.text import Text

    table = Table(header_style="bold", box=None)
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(c)) for c in row))
    out.print(table)


def print_json(value: Any) -> None:
    """Print a value as JSON, words for what JSON lacks."""
    from evals.core.store import plain

    print(json.dumps(plain(value), ensure_ascii=False, indent=1))
