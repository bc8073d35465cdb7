"""`umm-evals demo`: the built-in suite of every area, offline, on one page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evals.cli import main
from evals.core.store import StoredRun

MODELS = {"copy-source", "ground-truth", "classical", "builtin", "shuffled-truth"}
CANNOT = {
    "textedit-synth": set(),
    "rendered-qa-synth": {"copy-source", "shuffled-truth"},
    "rendered-scenes-synth": {"copy-source"},
    "rendered-facts-synth": {"copy-source"},
}


def test_the_demo_covers_all_areas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--out", str(tmp_path), "--limit", "2", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told.get("complete"), told.get("outcomes", told)
    assert ended.value.code == 0
    assert told["report"] == str(tmp_path / "report.html")
    for suite, cannot in CANNOT.items():
        runs = {p.parent.name: StoredRun.read(p.parent)
                for p in (tmp_path / suite).glob("*/run.json")}  # fmt: skip
        assert set(runs) == MODELS
        assert {name for name, run in runs.items() if run.unsupported} == cannot
        assert runs["ground-truth"].manifest["suite"]["synthetic"]

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    overview = page.split('id="overview"')[1].split("</section>")[0]
    bands = re.findall(r'scope="colgroup">(\w+)<', overview)
    assert bands == ["understanding", "generation", "knowledge", "editing"]
    rows = dict(re.findall(r'class="name">([\w-]+)</bdi>(.*?)</tr>', overview, re.S))
    assert set(rows) == MODELS
    for name, cells in rows.items():
        cannot = sum(name in missing for missing in CANNOT.values())
        assert cells.count("not supported</small>") == cannot
    assert overview.count("<figure") == 1
    assert "synthetic</span>" in overview
