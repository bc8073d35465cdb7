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


def test_a_pipe_gets_tab_separated_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "out", Console(force_terminal=False))
    console.show_table(HEADERS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t") for line in lines] == [HEADERS, *ROWS]
