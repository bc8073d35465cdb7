"""Names to objects: a visible dict of "module:OBJECT" strings, imported only when asked for."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from typing import Any

from evals.core.errors import UserError, unknown


class Registry:
    """A catalog of one kind of plug-in.

    Args:
        kind: what the names stand for, for messages (``"benchmark"``).
        catalog: name -> ``"module:OBJECT"``; the only list of what we ship.
        group: entry-point group through which other distributions add names. They cannot
            replace one of ours.
    """

    def __init__(self, kind: str, catalog: Mapping[str, str], group: str) -> None:
        self.kind = kind
        self._catalog = dict(catalog)
        self._group = group

    def _all(self) -> dict[str, str]:
        found = importlib.metadata.entry_points(group=self._group)
        return {**{e.name: e.value for e in found}, **self._catalog}

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def get(self, name: str) -> Any:
        """Import and return the object called `name`.

        Raises:
            UserError: no such name (with the nearest ones), or a plug-in that does not import.
        """
        catalog = self._all()
        if name not in catalog:
            raise unknown(self.kind, name, catalog)
        module, _, attribute = catalog[name].partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except ImportError as error:
            if name in self._catalog:
                raise
            raise UserError(
                f"The {self.kind} {name!r} comes from {catalog[name]!r}, which does not import "
                f"({error}); reinstall or remove that package."
            ) from error
