"""Options of an adapter: a frozen dataclass whose fields say what they are and what is allowed.

```python
@dataclass(frozen=True, kw_only=True)
class Options:
    steps: int = option(20, "denoising steps", least=1)
    dtype: str = option("auto", "of the weights", choices=("auto", "float32", "bfloat16"))
    height: int | None = option(None, "of the image in pixels; that of the input when not given")
```

`read_options` makes one from the table ``options`` of a run's TOML file and refuses what makes no
sense; `stamp` is what the run keeps of it.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, TypeVar

from evals.core.errors import UserError, unknown
from evals.core.types import JSON

T = TypeVar("T")


def option(
    default: Any, doc: str, *, least: float | None = None, most: float | None = None,
    choices: Sequence[str] = (),
) -> Any:  # fmt: skip
    """A field of an options class.

    Args:
        default: when the user says nothing.
        doc: what it is, for `umm-evals show model`.
        least: smallest number allowed.
        most: largest number allowed.
        choices: the only words allowed; for text.
    """
    about = {"doc": doc, "least": least, "most": most, "choices": tuple(choices)}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=about)
    return dataclasses.field(default=default, metadata=about)


def read_options(kind: type[T], adapter: str, given: Mapping[str, JSON]) -> T:
    """Options with their types.

    Args:
        kind: the options class of the adapter.
        adapter: its name, for messages.
        given: as the user wrote them.

    Raises:
        UserError: an unknown option, a value of another type, or one outside what is allowed.
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in fields:
            raise unknown(f"option of the model {adapter!r} called", name, fields)
        where = f"The option {name} of the model {adapter!r}"
        values[name] = checked(where, fields[name], hints[name], value)
    return kind(**values)


def stamp(options: Any) -> dict[str, JSON]:
    """All options with their values, defaults included, as the run keeps them."""
    return dataclasses.asdict(options)


def table(kind: type[Any]) -> list[list[str]]:
    """Rows of name, type, default, meaning; for people."""
    hints = typing.get_type_hints(kind)
    rows = []
    for field in dataclasses.fields(kind):
        default = field.default if field.default is not dataclasses.MISSING else {}
        words = field.metadata["choices"]
        doc = field.metadata["doc"] + (f" ({', '.join(words)})" if words else "")
        shown = "" if default is None else str(default)
        rows.append([field.name, _name(hints[field.name]), shown, doc])
    return rows


def _kinds(wanted: Any) -> tuple[type, ...]:
    """The types of a union, without the parameters of each: ``dict[str, int]`` is a dict."""
    union = typing.get_origin(wanted) in {typing.Union, types.UnionType}
    members = typing.get_args(wanted) if union else (wanted,)
    return tuple(typing.get_origin(k) or k for k in members)


def _name(wanted: Any) -> str:
    return " or ".join(k.__name__ for k in _kinds(wanted) if k is not NoneType)


def checked(where: str, field: Any, wanted: Any, value: Any) -> Any:
    """A value that fits its field.

    Args:
        where: what it is, as the beginning of a sentence.
        field: made by `option`.
        wanted: its type.
        value: as the user wrote it.

    Raises:
        UserError: of another type, or outside what is allowed.
    """
    kinds, about = _kinds(wanted), field.metadata
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        raise UserError(f"{where} is {value!r}; it must be of type {_name(wanted)}.")
    if about["choices"] and value is not None and value not in about["choices"]:
        raise UserError(f"{where} is {value!r}; use one of {', '.join(about['choices'])}.")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = about["least"], about["most"]
        if (low is not None and value < low) or (high is not None and value > high):
            least = "" if low is None else f" from {low:g}"
            most = "" if high is None else f" to {high:g}"
            raise UserError(f"{where} is {value!r}; it must be a number{least}{most}.")
    return value
