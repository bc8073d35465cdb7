"""From a YAML file, a preset and ``key=value`` words to a checked configuration, and back."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.core.errors import UserError, nearest, unknown
from evals.core.types import fingerprint
from model.adapters.options import checked
from model.finetune.config import Config

PRESETS = Path(__file__).parent / "presets"
STORED = "config.yaml"
"""Name of the resolved configuration in a run's folder and beside every checkpoint."""

_FREE = ("out", "name", "checkpoint", "data.workers", "data.cache", "data.latents",
         "data.on_bad_row", "device.gradient_checkpointing", "save.", "log.", "sampling.",
         "evaluate.", "on_nan")  # fmt: skip
"""What may change when a run goes on: it does not change what is learnt. Whether the checkpoint is
still the same is told by its files."""


_PLACE = re.compile(r"data\.(mixture\[\d+\]\.path|refuse)")
"""What says where files lie: they may have moved, and what is in them is told by their digests."""


def presets() -> Mapping[str, Path]:
    """Name -> file of every preset."""
    return {path.stem: path for path in sorted(PRESETS.glob("*.yaml"))}


def about(preset: Path) -> str:
    """What a preset is for: the comment that its file begins with."""
    return preset.read_text(encoding="utf-8").split("\n", maxsplit=1)[0].removeprefix("# ")


def read(source: str, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a run.

    Args:
        source: a YAML file, or the name of a preset. ``preset: NAME`` in it is what it builds on.
        overrides: ``section.key=value``, the value in YAML.

    Raises:
        UserError: a file that cannot be read, an unknown key, or a value that makes no sense.
    """
    config: Config = build(merged(source, overrides))
    return config


def merged(source: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The tables of a file, its preset and the words of the command line, one over the other.

    Raises:
        UserError: a file that cannot be read, or a word of another form.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    tree = _load(source)
    names = presets()
    base = tree.pop("preset", None)
    if base is not None and not (isinstance(base, str) and base in names):
        raise unknown("preset", str(base), names)
    try:
        layers = [_load(str(names[base]))] if base is not None else []
        whole = OmegaConf.merge(*layers, tree)
        for word in overrides:
            key, equals, value = word.partition("=")
            if not equals or not key:
                raise UserError(f"{word!r} is not of the form key=value.")
            # Its loader reads 1e-4 as a number, which YAML 1.1 does not.
            parsed = OmegaConf.select(OmegaConf.create(f"value: {value}"), "value")
            OmegaConf.update(whole, key, parsed, merge=True, force_add=True)
        found: Any = OmegaConf.to_container(whole, resolve=True)
    except UserError:
        raise
    except (OmegaConfBaseException, ValueError, TypeError, IndexError) as error:
        first = str(error).strip().split("\n")[0]
        raise UserError(f"{source} with {' '.join(overrides)}: {first}.") from error
    except Exception as error:  # the YAML of an override, by the loader's own exceptions
        first = str(error).strip().split("\n")[0]
        raise UserError(f"{' '.join(overrides)} is not YAML: {first}.") from error
    result: dict[str, Any] = found
    return result


def _load(source: str) -> Any:
    from omegaconf import DictConfig, OmegaConf

    path = Path(source).expanduser()
    if not path.is_file():
        names = presets()
        if source in names:
            path = names[source]
        else:
            near = nearest(source, names)
            guess = f"; did you mean the preset {near[0]}" if near else ""
            raise UserError(
                f"There is no file {source} and no preset of that name{guess}? Presets: "
                f"{', '.join(names)}."
            )
    try:
        tree = OmegaConf.load(path)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}; check the path.") from error
    except Exception as error:  # the loader's own exceptions, of half a dozen kinds
        first = " ".join(str(error).split())
        raise UserError(f"{path} is not valid YAML: {first}.") from error
    if not isinstance(tree, DictConfig):
        raise UserError(f"{path} does not hold keys and values at its top.")
    return tree


def build(tree: Mapping[str, Any], kind: type[Any] = Config, where: str = "") -> Any:
    """A dataclass of a table, its sections included.

    Args:
        tree: as it was read.
        kind: `Config` or the class of a section.
        where: path of the section, with a dot behind it.

    Raises:
        UserError: an unknown key, with the nearest known ones, or a value that makes no sense.
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in tree.items():
        if key not in fields:
            raise unknown("key called", f"{where}{key}", [where + name for name in fields])
        values[key] = _value(f"{where}{key}", fields[key], hints[key], value)
    return kind(**values)


def _value(where: str, field: Any, wanted: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(wanted):
        if not isinstance(value, Mapping):
            raise UserError(f"{where} is {value!r}; it must be a section with keys of its own.")
        return build(value, typing.cast("type[Any]", wanted), f"{where}.")
    if typing.get_origin(wanted) is tuple:
        inner = typing.get_args(wanted)[0]
        if isinstance(value, str) and inner is str:
            value = [value]
        if not isinstance(value, list | tuple):
            raise UserError(f"{where} is {value!r}; it must be a list.")
        if dataclasses.is_dataclass(inner):
            return tuple(
                _value(f"{where}[{n}]", field, inner, item) for n, item in enumerate(value)
            )
        return tuple(checked(f"{where}[{n}]", field, inner, item) for n, item in enumerate(value))
    if typing.get_origin(wanted) is dict and isinstance(value, Mapping):
        odd = [x for pair in value.items() for x in pair if not isinstance(x, str)]
        if odd:
            raise UserError(f"{where} holds {odd[0]!r}; its keys and values must be text.")
    return checked(where, field, wanted, value)


# --- stored ---------------------------------------------------------------------------------------


def resolved(config: Config) -> str:
    """All keys and values as YAML, defaults included."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(_plain(dataclasses.asdict(config))))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def stored_config(run: Path) -> Config:
    """The configuration that a run or a checkpoint was made with.

    Raises:
        UserError: the folder holds none.
    """
    path = Path(run).expanduser() / STORED
    if not path.is_file():
        raise UserError(f"{run} is no folder of a fine-tuning; it holds no {STORED}.")
    config: Config = build(merged(str(path)))
    return config


def differences(old: Config, new: Config) -> list[str]:
    """What differs so that a run which goes on would not be the run that began, one per key."""
    before, now = (_flat(dataclasses.asdict(c)) for c in (old, new))
    found = []
    for key in sorted(before.keys() | now.keys()):
        more = key == "steps" and new.optimizer.schedule == "constant"
        if key.startswith(_FREE) or _PLACE.fullmatch(key) or more:
            continue
        if before.get(key) != now.get(key):
            found.append(f"{key}: {before.get(key)!r} is now {now.get(key)!r}")
    return found


def identity(config: Config) -> str:
    """Names what is learnt: equal for two configurations without `differences` and moved files."""
    flat = _flat(dataclasses.asdict(config))
    free = (*_FREE, "steps") if config.optimizer.schedule == "constant" else _FREE
    return fingerprint({k: v for k, v in flat.items() if not k.startswith(free)})


def _flat(tree: Any, where: str = "") -> dict[str, Any]:
    if isinstance(tree, Mapping):
        pairs = tree.items()
    elif isinstance(tree, list | tuple) and tree and isinstance(tree[0], Mapping):
        pairs = [(f"[{n}]", item) for n, item in enumerate(tree)]  # type: ignore[assignment]
    else:
        return {where: list(tree) if isinstance(tree, tuple) else tree}
    found: dict[str, Any] = {}
    for key, value in pairs:
        joint = "" if not where or str(key).startswith("[") else "."
        found.update(_flat(value, f"{where}{joint}{key}"))
    return found
