from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from metrics.aesthetic import HEAD_FILE, aesthetic_score, head, head_sha256


def test_recorded_scores(conformance_dir: Path) -> None:
    functions = json.loads((conformance_dir / "textedit.json").read_text())["functions"]
    recorded = functions["unit.aesthetic_head"]
    assert recorded["cases"]
    for case in recorded["cases"]:
        found = aesthetic_score(case["input"]["features"])
        assert found == pytest.approx(case["expected"]["out"], abs=recorded["tolerance"])


def test_the_head_is_the_released_one(official_data: Path) -> None:
    torch = pytest.importorskip("torch")
    place = official_data / "textedit" / "checkpoint" / "sa_0_4_vit_l_14_linear.pth"
    state = torch.load(place, weights_only=True)
    weight, bias = head()
    np.testing.assert_array_equal(weight, state["weight"][0].double().numpy())
    assert bias == float(state["bias"])


def test_by_hand() -> None:
    weight, bias = head()
    axis = np.zeros(768)
    axis[5] = 17.0  # the length does not matter
    assert aesthetic_score(axis) == pytest.approx(weight[5] + bias)
    assert aesthetic_score(weight) == pytest.approx(np.linalg.norm(weight) + bias)
    assert np.linalg.norm(weight) == pytest.approx(28.44, abs=0.01)


def test_features_of_another_clip_are_refused() -> None:
    with pytest.raises(ValueError, match="768"):
        aesthetic_score(np.ones(512))


def test_the_notice_ships_with_the_head() -> None:
    notice = (HEAD_FILE.parent / "NOTICE.md").read_text()
    assert "LAION AI" in notice
    assert "Danni Yang" in notice
    assert head_sha256() in notice
