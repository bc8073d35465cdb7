"""Known errors of official records, kept as data in `errata.json` and applied only on request."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.textedit.reference import TextEditReference

ErrataPolicy = Literal["off", "fix", "exclude"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Erratum:
    """What is wrong with one record.

    Attributes:
        kinds: stable words, explained in `errata.json`.
        recorded: (source, target) as released. Another text means that the record was mended
            upstream, and the erratum no longer applies.
        fixed: (source, target) as the prompt has them; equal to `recorded` where the texts are
            right and only the scoring cannot see the edit.
    """

    kinds: tuple[str, ...]
    recorded: tuple[str, str]
    fixed: tuple[str, str]


@cache
def known_errata() -> Mapping[int, Erratum]:
    """Official record id -> erratum."""
    text = Path(__file__).with_name("errata.json").read_text(encoding="utf-8")
    found = {}
    for record, entry in json.loads(text)["records"].items():
        recorded = entry["recorded"]
        fixed = entry.get("fixed", recorded)
        found[int(record)] = Erratum(
            kinds=tuple(entry["kinds"]),
            recorded=(recorded["source_text"], recorded["target_text"]),
            fixed=(fixed["source_text"], fixed["target_text"]),
        )
    return found


def errata_kinds(record_id: int, source_text: str, target_text: str) -> tuple[str, ...]:
    """What is known to be wrong with an official record that reads like this.

    >>> errata_kinds(365, "Season4", "Spencer")
    ('cut_at_apostrophe',)
    >>> errata_kinds(365, "Season4", "Spencer's")
    ()
    """
    erratum = known_errata().get(record_id)
    if erratum is None or erratum.recorded != (source_text, target_text):
        return ()
    return erratum.kinds


def apply_errata(reference: TextEditReference, policy: ErrataPolicy) -> TextEditReference | None:
    """The reference that scoring shall use under a policy.

    Args:
        reference: as loaded; records without `errata` come back unchanged under every policy.
        policy: ``off`` leaves the record as released, ``fix`` takes source and target from the
            prompt (records that differ in case only stay: their texts are right), ``exclude``
            leaves every record with an erratum out.

    Returns:
        The reference, or None when the record is excluded.
    """
    if policy == "off" or not reference.errata:
        return reference
    if policy == "exclude":
        return None
    source, target = known_errata()[reference.record_id].fixed
    return dataclasses.replace(reference, source_text=source, target_text=target)
