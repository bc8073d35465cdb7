from __future__ import annotations

import pytest

from benchmarks.textedit import taxonomy


def test_sizes_are_those_of_the_release() -> None:
    assert taxonomy.FULL_SIZE == 2148
    assert taxonomy.MINI_SIZE == 500
    by_domain = {
        d: (
            sum(c.full for c in taxonomy.SUB_CLASSES if c.domain == d),
            sum(c.mini for c in taxonomy.SUB_CLASSES if c.domain == d),
        )
        for d in ("Virtual", "Real")
    }
    assert by_domain == {"Virtual": (761, 177), "Real": (1387, 323)}


def test_domain_follows_the_table() -> None:
    assert len(taxonomy.SUB_CLASSES) == 18
    assert [c.id for c in taxonomy.SUB_CLASSES if c.domain == "Real"] == [
        "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7",
    ]  # fmt: skip


def test_groups_are_in_display_order_and_hold_every_path() -> None:
    paths = [g.path for g in taxonomy.groups()]
    assert len(paths) == len(set(paths)) == 20
    assert paths[0] == ("Virtual",)
    assert paths[1] == ("Virtual", "1.1.1")
    assert paths[12] == ("Real",)
    assert paths[-1] == ("Real", "2.7")
    assert {taxonomy.group_path(c.id) for c in taxonomy.SUB_CLASSES} <= set(paths)
    assert all(g.title for g in taxonomy.groups())


def test_unknown_sub_class_is_an_error_not_a_guess() -> None:
    with pytest.raises(KeyError):
        taxonomy.group_path("1.9")
