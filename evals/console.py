"""What people see in the terminal: live progress, tables, and plain lines when piped."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from evals.core.errors import Interrupted

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
    """A table that fits a terminal, or tab-separated lines when piped.

    One that is too wide is turned, a column per row, where that fits; else it is cut into pieces
    that have the first column in common, so that no number is folded.
    """
    if not out.is_terminal:
        if title:
            print(title)
        for row in (headers, *rows):
            print("\t".join(str(c).replace("\n", " ") for c in row))
        return
    from rich.text import Text

    columns = _columns([headers, *rows], out.width)
    for place, piece in enumerate(columns):
        own = title if place == 0 else ""
        table = Table(title=own or None, title_justify="left", header_style="bold", box=None)
        for n, column in enumerate(piece):
            table.add_column(column[0], justify="left" if n == 0 else "right", overflow="fold")
        for row in list(zip(*piece, strict=True))[1:]:
            table.add_row(*(Text(str(c)) for c in row))
        if place:
            out.print()
        out.print(table)


Grid = Sequence[Sequence[str]]
"""Cells of a table, the headings first."""


def _columns(rows: Grid, room: int) -> list[Grid]:
    """A table's columns in pieces that fit: as it is or turned, whichever takes fewer lines."""
    ways = [_pieces(list(zip(*rows, strict=True)), room), _pieces(rows, room)]
    return min(ways, key=lambda pieces: len(pieces) * len(pieces[0][0]) * (len(pieces) > 1))


def _pieces(columns: Grid, room: int) -> list[Grid]:
    """Columns in pieces that fit, each with the first one in front and at least another."""
    from rich.cells import cell_len

    widths = [max(cell_len(str(c)) for c in column) + 2 for column in columns]
    first = min(widths[0], room // 2)  # a very long name is folded
    made: list[list[Sequence[str]]] = [[columns[0]]]
    used = first
    for column, width in zip(columns[1:], widths[1:], strict=True):
        if len(made[-1]) > 1 and used + width > room:
            made.append([columns[0]])
            used = first
        made[-1].append(column)
        used += width
    return list(made)


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


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C as an error of ours: typer would answer it with a bare "Aborted"."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None
