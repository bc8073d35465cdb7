from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.textedit.strata import strata


@pytest.mark.parametrize(
    ("source", "target", "label", "value"),
    [
        ("2022", "2023", "edit", "digits"),
        ("MAINE", "Maine", "edit", "case"),
        ("3-1", "31", "edit", "punctuation"),
        ("ten", "10", "edit", "to_digits"),
        ("10", "ten", "edit", "from_digits"),
        ("TEA", "COFFEE", "length", "longer"),
        ("TEA", "INFUSION", "ratio", "over_2x"),
        ("INFUSION", "TEA", "ratio", "under_half"),
        ("EXIT", "EXIT LEFT", "contains", "source_in_target"),
        ("EXIT LEFT", "EXIT", "contains", "target_in_source"),
        ("EXIT", "EXIT LEFT", "words", "multi"),
        ("2", "3", "source", "short"),
        ("cafe", "café", "accent", "yes"),
        ("P-38", "P39", "punctuation", "yes"),
    ],
)
def test_labels(source: str, target: str, label: str, value: str) -> None:
    assert strata(source, target)[label] == value


@given(st.text(max_size=8), st.text(max_size=8))
def test_labels_are_always_the_same_eight(source: str, target: str) -> None:
    names = {"edit", "length", "ratio", "contains", "words", "source", "accent", "punctuation"}
    assert set(strata(source, target)) == names


def test_counts_of_the_full_set(official_data: Path) -> None:
    rows = [
        json.loads(line)
        for path in sorted((official_data / "textedit/eval_prompts/fullset").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    labels = [strata(r["source_text"], r["target_text"]) for r in rows]
    counts = {name: Counter(s[name] for s in labels) for name in labels[0]}
    assert counts["length"] == {"longer": 845, "same": 664, "shorter": 639}
    assert counts["source"]["short"] == 196
    assert counts["edit"]["digits"] == 266
    assert counts["edit"]["case"] == 2
    assert counts["ratio"]["over_2x"] == 49
    assert counts["contains"] == {"source_in_target": 13, "target_in_source": 5, "no": 2130}
    assert counts["accent"]["yes"] == 4
