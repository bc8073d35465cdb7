"""Judging through the command: money, tapes, replays, kills, and models that change their face."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.cli import main
from evals.core.store import StoredRun, read_jsonl
from evals.core.summary import summarise
from tests import judge_replies as serve
from tests.judge_server import JudgeServer
from tests.performance.folders import Folder, build, invented

ROOT = Path(__file__).resolve().parent.parent
N = 36


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return build(tmp_path_factory.mktemp("te"), invented(N))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def call(*words: str | Path) -> int:
    try:
        main([str(w) for w in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def words(folder: Folder, out: Path, url: str, *more: str | Path) -> list[str | Path]:
    return [
        "run", "-m", f"replay:{folder.outputs}", "-b", "textedit/full",
        "--data", f"textedit={folder.root}", "--out", out, "--workers", "1", "--no-anchors",
        "--no-report", "--metric", "judge", "--ocr", "recorded",
        "--ocr-option", f"file={folder.readings}", "--judge", "openai:test-model",
        "--judge-option", f"base_url={url}", *more,
    ]  # fmt: skip


def stored(out: Path) -> StoredRun:
    return StoredRun.read(out / "textedit-full" / "bagel")


def test_a_run_is_judged_kept_and_replayed(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    with JudgeServer(serve.Faults(seed=3)) as server:
        assert call(*words(folder, out, server.url)) == 0
        assert len(server.calls) == N
        assert call(*words(folder, out, server.url)) == 0
        assert call(*words(folder, tmp_path / "second", server.url)) == 0
        assert len(server.calls) == N, "equal questions are not paid twice, in another run either"
    run = stored(out)
    rows = list(run.verdicts())
    assert len(rows) == N
    assert {r["verdict"]["status"] for r in rows} == {"ok"}
    assert run.manifest["settings"]["judge"]["model"] == "test-model"
    before = {k: s.parts for k, s in run.scores.items()}
    # Somebody else, years later: no key, no server, no cache; the run folder is the tape.
    os.environ["UMM_EVALS_CACHE"] = str(tmp_path / "empty")
    (run.folder / "scores.jsonl").unlink()
    capsys.readouterr()
    assert call("score", out, "--metric", "judge", "--judge", f"replay:{run.folder}") == 0
    again = stored(out)
    assert {k: s.parts for k, s in again.scores.items()} == before
    assert len(list(again.verdicts())) == N
    assert again.manifest["fingerprints"]["judge"] == run.manifest["fingerprints"]["judge"], (
        "a replayed run may stand beside the one that was paid for"
    )


def test_the_plan_says_what_it_costs(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[models."test-model"]\ninput = 10.0\noutput = 100.0\n')
    out = tmp_path / "runs"
    with JudgeServer(serve.verdict(4, usage=(1000, 50))) as server:
        flags = ("--prices", prices, "--json")
        assert call(*words(folder, out, server.url, "--dry-run", *flags)) == 0
        (plan,) = json.loads(capsys.readouterr().out)["runs"]
        assert (plan["judge_calls"], server.calls) == (N, [])
        assert plan["judges"][0]["basis"] == "a rule of thumb"
        assert plan["dollars"] > 0
        assert not out.exists(), "a dry run writes nothing"
        assert call(*words(folder, out, server.url, "--limit", "10", *flags)) == 0
        capsys.readouterr()
        other = tmp_path / "other"
        assert call(*words(folder, other, server.url, "--dry-run", *flags)) == 0
        (plan,) = json.loads(capsys.readouterr().out)["runs"]
        judge = plan["judges"][0]
        assert judge["basis"] == "10 replies on the tape"
        assert judge["input_tokens"] == 1000 * N
        assert judge["dollars"] == pytest.approx((1000 * 10 + 50 * 100) * N / 1e6)


def test_max_cost_leaves_a_run_that_goes_on(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    price = ("--judge-option", "price_in=10", "--judge-option", "price_out=10",
             "--judge-option", "max_tokens=50")  # fmt: skip
    with JudgeServer(serve.verdict(4, usage=(1000, 50))) as server:  # 1.05 cents a call
        assert call(*words(folder, out, server.url, "--max-cost", "0.2", *price)) == 1
        said = capsys.readouterr().err
        assert "stopped: judge: the next judge call may cost" in said
        assert "are still to be made; the same command again goes on" in said
        assert 0 < len(server.calls) <= 19, "never more than the budget"
        paid = len(server.calls)
        assert len(stored(out).scores) == paid
        assert call(*words(folder, out, server.url, "--max-cost", "5", *price)) == 0
        assert len(server.calls) == N
    assert len(stored(out).scores) == N


def test_one_budget_bounds_all_runs_of_a_command(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    for name, limit in (("a", "10"), ("b", str(N))):
        unjudged = words(folder, out / name, "x")[:-4]
        unjudged[unjudged.index("judge")] = "ocr_paper"
        assert call(*unjudged, "--limit", limit) == 0
    with JudgeServer(serve.verdict(4, usage=(1000, 50))) as server:  # 1.05 cents a call
        judge = ["--judge", "openai:test-model"]
        for option in (f"base_url={server.url}", "price_in=10", "price_out=10", "max_tokens=50"):
            judge += ["--judge-option", option]
        assert call("score", out, "--metric", "judge", *judge, "--max-cost", "0.2") == 1
        assert "the next judge call may cost" in capsys.readouterr().err
        assert 10 < len(server.calls) <= 19, "both runs draw on one purse"


def test_a_key_that_is_missing_is_said_at_the_door(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosted = [w for w in words(folder, tmp_path / "runs", "x") if w != "base_url=x"]
    hosted.remove("--judge-option")
    assert call(*hosted) == 2
    assert "OPENAI_API_KEY is not set" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_wrong_key_ends_in_a_sentence(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    with JudgeServer(serve.keyed("right", serve.verdict(5))) as server:
        assert call(*words(folder, out, server.url)) == 1
        said = capsys.readouterr().err
        assert "stopped: judge: openai:test-model at http://loopback/v1: HTTP 401" in said
        assert f"0 scores failed, {N} are still to be made" in said
        os.environ["OPENAI_API_KEY"] = "right"
        try:
            assert call(*words(folder, out, server.url)) == 0, "the same command again goes on"
        finally:
            del os.environ["OPENAI_API_KEY"]


def test_a_served_model_that_changes_is_not_averaged(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    turning = serve.verdict(5, served=serve.served_after(24, "judge-1", "judge-2"))
    with JudgeServer(turning) as server:
        flags = ("--judge-option", "concurrency=1")
        assert call(*words(folder, out, server.url, *flags)) == 0
        said = capsys.readouterr().err
        assert "judge: served as judge-1 (24) and judge-2 (12)" in said
        cell = summarise(stored(out), resamples=100).cells["judge.Avg", ()]
        assert (cell.scored, cell.planned, cell.complete) == (24, N, False)
        assert any("judged by judge-2 as served" in r for r in cell.reasons)
        assert call("score", out, "--metric", "judge", "--pool-judges") == 0
        cell = summarise(stored(out), resamples=100).cells["judge.Avg", ()]
        assert (cell.scored, cell.complete) == (N, True)
        assert len(server.calls) == N


def test_failed_verdicts_alone_are_retried(folder: Folder, tmp_path: Path) -> None:
    out = tmp_path / "runs"

    def decide(asked: serve.Asked) -> serve.Reply:
        return serve.completion("hm") if asked.number <= 5 else serve.verdict(5)

    with JudgeServer(decide) as server:
        assert call(*words(folder, out, server.url)) == 1
        assert Counter(s.status for s in stored(out).scores.values()) == {"ok": 31, "failed": 5}
        assert call(*words(folder, out, server.url)) == 1
        assert len(server.calls) == N
        assert call("score", out, "--metric", "judge", "--retry-failed") == 0
        assert len(server.calls) == N + 5
    assert {s.status for s in stored(out).scores.values()} == {"ok"}
    kept = [r["raw"] for r in stored(out).verdicts()]
    assert kept.count("hm") == 5, "no attempt is thrown away"


def test_killed_runs_repeat_no_recorded_request(tmp_path: Path) -> None:
    many = build(tmp_path / "te", invented(2000))
    log, out = tmp_path / "log.jsonl", tmp_path / "runs"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.judge_server", "--latency", "0.05", "--log", str(log)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    command = [sys.executable, "-m", "evals.cli"]
    command += [str(w) for w in words(many, out, url, "--judge-option", "concurrency=16")]
    try:
        for target in (300, 900):
            process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
            tape: list[Path] = []
            while process.poll() is None:
                tape = tape or list((tmp_path / "cache" / "tapes").glob("*.jsonl"))
                if tape and tape[0].read_bytes().count(b"\n") >= target:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.02)
            assert process.wait() == -signal.SIGKILL
        time.sleep(1)  # until the server has told of the calls that the killed client left open
        recorded = {r["request"] for r in read_jsonl(tape[0])}
        asked_before = len(log.read_text().splitlines())
        subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=True)
    finally:
        server.terminate()
        server.wait()
    assert 900 <= len(recorded) < 2000
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    fresh = len(rows) - asked_before
    assert fresh == 2000 - len(recorded), "exactly what was not recorded is asked"
    scores = list(read_jsonl(out / "textedit-full" / "bagel" / "scores.jsonl"))
    assert len({r["sample"] for r in scores}) == 2000
    assert {r["status"] for r in scores} == {"ok"}


def test_repeats_and_panels_say_how_far_they_agree(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    with JudgeServer(serve.Faults(seed=1)) as server:
        flags: list[str | Path] = ["--judge", "other=openai:test-model-2", "--judge-repeats", "3",
                                   "--judge-option", "seed=7"]  # fmt: skip
        assert call(*words(folder, out, server.url, *flags)) == 0
        assert len(server.calls) == N * 2 * 3
    capsys.readouterr()
    assert call("judge", "agreement", out, "--json") == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert [j["name"] for j in facts["judges"]] == ["openai:test-model", "other"]
    assert facts["calls"] == N * 6
    names = [d["name"] for d in facts["dimensions"]]
    assert names == ["TA", "TP", "SI", "LR", "VC", "headline"]
    first = facts["dimensions"][0]
    # The server answers by chance: no agreement, and all of the interval is the judges' noise.
    assert first["alpha"]["low"] < 0.1
    assert abs(first["pairs"][0]["kappa"]["value"]) < 0.5
    assert facts["judges"][0]["within_sd"]["TA"] == pytest.approx(1.4, abs=0.3)
    assert first["share"]["share"] > 0.5
    assert call("judge", "agreement", out) == 0
    assert "judge's share of the CI" in capsys.readouterr().out


def test_a_bridge_finds_the_offset(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {f"Q{n}": 4 for n in range(1, 6)}
    with JudgeServer(serve.verdict(scores)) as server:
        assert call(*words(folder, tmp_path / "old", server.url)) == 0
        server.scenario = serve.verdict({**scores, "Q2": 2})
        other: list[Any] = [
            "openai:new" if w == "openai:test-model" else w
            for w in words(folder, tmp_path / "new", server.url)
        ]
        assert call(*other) == 0
    capsys.readouterr()
    assert call("judge", "bridge", tmp_path / "old", tmp_path / "new") == 0
    shown = capsys.readouterr()
    assert "TP: The scores of the two judges are not interchangeable: new gives 2 less" in shown.err
    assert "TA: No offset found" in shown.err


def test_calibration_reads_labels(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    with JudgeServer(serve.Faults(seed=5)) as server:
        assert call(*words(folder, out, server.url)) == 0
    verdicts = {k[0]: s.evidence["scores"] for k, s in stored(out).scores.items()}
    labels = tmp_path / "labels.csv"
    lines = ["sample,TA,TP"]
    lines += [f"{n},{v['TA']},{6 - v['TP']}" for n, v in verdicts.items()]
    labels.write_text("\n".join(lines) + "\n")
    capsys.readouterr()
    assert call("judge", "calibrate", labels, "--run", out, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    found = {d["name"]: d["agreement"]["kappa"] for d in result["dimensions"]}
    assert found["TA"]["value"] == 1.0
    assert found["TP"]["value"] < 0
    labels.write_text("sample,TA\n1,9\n")
    assert call("judge", "calibrate", labels, "--run", out) == 2
    assert "labels.csv" in capsys.readouterr().err


def test_tapes_are_shown_and_merged(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    with JudgeServer(serve.verdict(5)) as server:
        assert call(*words(folder, out, server.url, "--limit", "18")) == 0
    capsys.readouterr()
    assert call("judge", "tape", "show", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["judges"]
    assert (row["name"], row["questions"], row["statuses"]) == (
        "openai:test-model", 18, {"answered": 18},
    )  # fmt: skip
    target = tmp_path / "all.jsonl"
    assert call("judge", "tape", "export", "--out", target) == 0
    assert call("judge", "tape", "merge", stored(out).folder, "--out", target) == 0
    shown = capsys.readouterr().out
    assert "18 attempts added, 18 in all" in shown
    assert "0 attempts added, 18 in all" in shown
    assert call("judge", "tape", "show", tmp_path / "nowhere.jsonl") == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--judge", "opena:x"], "Did you mean 'openai'"),
        (["--judge", "openai"], "names no model"),
        (["--judge", "openai:x", "--judge-option", "key=1"], "option of the judge backend"),
        (["--judge-option", "timeout=1"], "no judge"),
        (["--judge", "openai:x", "--judge", "openai:x"], "Two judges are called"),
        (["--judge", "replay:/nowhere"], "does not exist"),
        (["--judge", "openai:x", "--judge-repeats", "0"], "makes no sense"),
        (["--judge", "openai:x", "--judge-aggregate", "best"], "way to sum up verdicts"),
        (["--judge", "openai:x", "--judge-prompt", "/nowhere"], "cannot be read"),
        (["--judge", "openai:x", "--prices", "/nowhere", "--dry-run"], "cannot be read"),
        (["--judge", "openai:x", "--max-cost", "-1"], "give dollars"),
    ],
)
def test_wrong_words_are_met_at_the_door(
    flags: list[str], message: str, folder: Folder, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given = words(folder, tmp_path / "runs", "x")
    at = given.index("--judge")
    assert call(*given[:at], *flags) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "runs").exists()
