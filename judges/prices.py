"""What calls cost: a table that users edit, and what a request is expected to take."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from evals.core.errors import UserError

PIXELS_PER_TOKEN = 784
"""One token for 28 x 28 pixels, as Qwen2.5-VL counts; others take more or fewer. It only serves
where no reply of the judge has told yet what a request really takes."""
CHARACTERS_PER_TOKEN = 4

_SNAPSHOT = re.compile(
    r"-(?:\d{4}-?\d{2}-?\d{2}|\d{2}-\d{2}|\d{4}|\d{3}|latest|preview(?:-\d{2}-\d{2,4})?)$"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

    def cost(self, usage: Mapping[str, float]) -> float | None:
        """Dollars of a call; None when the endpoint did not say what it took."""
        if "input_tokens" not in usage or "output_tokens" not in usage:
            return None
        return (
            usage["input_tokens"] * self.input + usage["output_tokens"] * self.output
        ) / 1_000_000


def find_price(model: str, table: Path | None = None) -> Price | None:
    """The price of a model, also of a dated snapshot of it; None when the table has none.

    Raises:
        UserError: the user's table cannot be read.

    >>> find_price("gpt-4.1-2025-04-14") == find_price("gpt-4.1")
    True
    >>> find_price("gpt-4.1-huge") is None
    True
    """
    for prices in (_load(table) if table else {}, _ours()):
        for name in (model, _SNAPSHOT.sub("", model)):
            if name in prices:
                return prices[name]
    return None


@lru_cache(maxsize=1)
def _ours() -> Mapping[str, Price]:
    text = files("judges").joinpath("prices.toml").read_text(encoding="utf-8")
    return _read(tomllib.loads(text), "prices.toml")


@lru_cache(maxsize=8)
def _load(path: Path) -> Mapping[str, Price]:
    try:
        return _read(tomllib.loads(path.expanduser().read_text(encoding="utf-8")), str(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(
            f"The price table {path} cannot be read ({error}); write it as judges/prices.toml is."
        ) from error


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _read(table: Mapping[str, Any], where: str) -> dict[str, Price]:
    found = {}
    models = table.get("models", {})
    for name, row in models.items() if isinstance(models, dict) else ():
        numbers = [row.get(k) for k in ("input", "output")] if isinstance(row, dict) else [None]
        if not all(_is_price(n) for n in numbers):
            raise UserError(
                f'{where}: models."{name}" needs input and output, dollars per million tokens.'
            )
        found[name] = Price(input=float(row["input"]), output=float(row["output"]))
    if not found:
        raise UserError(f'{where} names no model; write [models."NAME"] with input and output.')
    return found


def expected_tokens(text: str, sizes: tuple[tuple[int, int], ...]) -> int:
    """Input tokens that a request takes by rule of thumb: its text and its images' pixels."""
    pixels = sum(w * h for w, h in sizes)
    return len(text) // CHARACTERS_PER_TOKEN + pixels // PIXELS_PER_TOKEN + 1
