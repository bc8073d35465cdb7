"""The 18 sub-classes of TextEdit, as one explicit table.

The released scripts decide between Virtual and Real by searching a path for ``/1.``, which counts
every sample as Real when paths are relative (docs/errata.md). Here a record belongs to the
sub-class whose prompt file it stands in, and everything else about that sub-class is read off
this table. Source: taxonomy table of open-compass/TextEdit@0ca14ba; counts from its prompt files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evals.core.types import Group

Domain = Literal["Virtual", "Real"]

DOMAIN_TITLES: dict[Domain, str] = {"Virtual": "Virtual scenes", "Real": "Real-world scenes"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SubClass:
    """A leaf of the taxonomy.

    Attributes:
        id: as upstream, e.g. ``"1.4.2"``; also the name of its prompt file and image folder.
        domain: the half of the benchmark that it counts for.
        scene: the group between domain and sub-class.
        title: as people call it.
        full: records in the full set.
        mini: records in the mini set.
    """

    id: str
    domain: Domain
    scene: str
    title: str
    full: int
    mini: int


def _rows() -> tuple[SubClass, ...]:
    poster, comic = "Poster scenes", "Comic scenes"
    slide, gui, real = "Slides and presentations", "GUI scenes", "Real-world surfaces"
    table: tuple[tuple[str, Domain, str, str, int, int], ...] = (
        ("1.1.1", "Virtual", poster, "Activities & promotions posters", 57, 13),
        ("1.1.2", "Virtual", poster, "Product & advertising posters", 74, 17),
        ("1.1.3", "Virtual", poster, "Movie & art posters", 107, 25),
        ("1.2.1", "Virtual", comic, "Dialogue & narration", 65, 16),
        ("1.2.2", "Virtual", comic, "Onomatopoeia & special-effects text", 26, 6),
        ("1.3.1", "Virtual", slide, "Titles & subtitles", 71, 16),
        ("1.3.2", "Virtual", slide, "Charts & explanatory text", 73, 17),
        ("1.4.1", "Virtual", gui, "Game interfaces", 138, 32),
        ("1.4.2", "Virtual", gui, "Browser interfaces", 44, 10),
        ("1.4.3", "Virtual", gui, "App interfaces (mobile, TV)", 45, 11),
        ("1.4.4", "Virtual", gui, "Operating-system desktops", 61, 14),
        ("2.1", "Real", real, "Object surfaces", 168, 39),
        ("2.2", "Real", real, "Signage", 339, 79),
        ("2.3", "Real", real, "Board-like media", 235, 55),
        ("2.4", "Real", real, "Personal accessories", 192, 45),
        ("2.5", "Real", real, "Transport", 257, 59),
        ("2.6", "Real", real, "Watermarks", 69, 16),
        ("2.7", "Real", real, "Paper media", 127, 30),
    )
    return tuple(
        SubClass(id=i, domain=d, scene=s, title=t, full=full, mini=mini)
        for i, d, s, t, full, mini in table
    )


SUB_CLASSES: tuple[SubClass, ...] = _rows()
"""In the official order, which is also the order of samples and of report rows."""

BY_ID: dict[str, SubClass] = {c.id: c for c in SUB_CLASSES}

FULL_SIZE = sum(c.full for c in SUB_CLASSES)
MINI_SIZE = sum(c.mini for c in SUB_CLASSES)


def group_path(sub_class: str) -> tuple[str, ...]:
    """Group path of a sub-class.

    Raises:
        KeyError: there is no such sub-class.

    >>> group_path("2.6")
    ('Real', '2.6')
    """
    return (BY_ID[sub_class].domain, sub_class)


def groups() -> tuple[Group, ...]:
    """The taxonomy in display order: each domain, followed by its sub-classes.

    >>> [g.path for g in groups()][:2]
    [('Virtual',), ('Virtual', '1.1.1')]
    """
    found: list[Group] = []
    for domain, title in DOMAIN_TITLES.items():
        found.append(Group(path=(domain,), title=title))
        found += [
            Group(path=(domain, c.id), title=f"{c.id} {c.title}")
            for c in SUB_CLASSES
            if c.domain == domain
        ]
    return tuple(found)
