"""Tables in a terminal: whole numbers at any width, plain lines in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from evals import console

HEADERS = ["model", *(f"column {n}" for n in range(9))]
ROWS = [["a", *["0.123 ±0.045"] * 9], ["b", *["0.678 ±0.090"] * 9]]


@pytest.mark.parametrize("width", [60, 200])
def test_numbers_are_never_folded(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=stream, width=width, force_terminal=True))
    console.show_table(HEADERS, ROWS, title="t")
    assert stream.getvalue().count("0.123 ±0.045") == 9
    assert stream.getvalue().count("0.678 ±0.090") == 9


def test_a_table_that_fits_in_no_way_is_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=stream, width=50, no_color=True))
    monkeypatch.setattr(console.Console, "is_terminal", True)
    rows = [[f"m{k}", *[f"{k}.123 ±0.045"] * 9] for k in range(4)]
    console.show_table(HEADERS, rows, title="t")
    pieces = stream.getvalue().split("\n\n")
    assert len(pieces) > 2
    assert pieces[0].split()[0] == "t", "the title stands above the first piece only"
    for piece in pieces:
        lines = [line for line in piece.splitlines() if line.strip() and line.strip() != "t"]
        assert len(lines) == 1 + 4
        assert [line.split()[0] for line in lines] == ["model", *(f"m{k}" for k in range(4))]
        assert max(map(len, lines)) <= 50
    assert stream.getvalue().count("3.123 ±0.045") == 9


def test_a_name_that_is_too_long_leaves_room_for_numbers() -> None:
    columns = [["model", "x" * 90], *[[f"c{n}", "0.123"] for n in range(9)]]
    pieces = console._pieces(columns, 60)
    assert [len(p) for p in pieces] == [5, 5, 2]
    assert all(p[0] == columns[0] for p in pieces)


def test_a_pipe_gets_tab_separated_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "out", Console(force_terminal=False))
    console.show_table(HEADERS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t") for line in lines] == [HEADERS, *ROWS]
