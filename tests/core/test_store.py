"""The run folder: append-only, one writer, readable after any crash."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evals.core import writing
from evals.core.errors import ImageError, UserError
from evals.core.store import StoredRun, find_runs, read_jsonl
from evals.core.types import Fault, ImageRef, Prediction, Sample, Score
from evals.core.writing import RunWriter, lock

MANIFEST: dict[str, Any] = {
    "version": "0", "created": "2026-01-01", "identity": {"seed": 0}, "trials": 1,
    "model": {"name": "m"}, "benchmark": {"name": "b"}, "suite": {"name": "s"}, "fingerprints": {},
}  # fmt: skip


def sample(name: str = "1") -> Sample:
    return Sample(id=name, benchmark="b", suite="s", task="edit", prompt="p", group=("g",))


def prediction(name: str = "1", **kw: Any) -> Prediction:
    return Prediction(**{"sample": name, "trial": 0, "seed": 1, "status": "ok", **kw})


def score(p: Prediction, value: float | None = 0.5, fp: str = "f") -> Score:
    return Score(
        sample=p.sample, trial=0, metric="m", value=value, status="ok", parts={"x": value},
        fingerprint=fp, prediction=p.hash,
    )  # fmt: skip


def test_round_trip(tmp_path: Path) -> None:
    fault = Fault(kind="exception", message="…", origin="infrastructure")
    ref = ImageRef(sha256="ab" * 32, suffix=".png", width=3, height=2, notes=("alpha",))
    rows = [
        prediction("1", images=(ref,), usage={"steps": 20.0}, seconds=0.5),
        prediction("2", status="error", fault=fault),
    ]
    with RunWriter(tmp_path / "r", MANIFEST) as writer:
        writer.write_samples([sample("1"), sample("2")])
        writer.add_predictions(rows)
        writer.add_scores([score(rows[0])])
    run = StoredRun.read(tmp_path / "r")
    assert run.predictions == {("1", 0): rows[0], ("2", 0): rows[1]}
    assert run.scores[("1", 0, "m")] == score(rows[0])
    assert [s["id"] for s in run.samples] == ["1", "2"]
    frame = run.frame()
    assert frame.loc[0, "value"] == 0.5


def test_a_torn_last_line_is_cut_and_written_again(tmp_path: Path) -> None:
    with RunWriter(tmp_path, MANIFEST) as writer:
        writer.write_samples([sample("1"), sample("2")])
        writer.add_predictions([prediction("1"), prediction("2")])
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert set(StoredRun.read(tmp_path).predictions) == {("1", 0)}
    with RunWriter(tmp_path, MANIFEST) as writer:
        assert set(writer.stored_predictions()) == {("1", 0)}
        writer.add_predictions([prediction("2")])
    assert path.read_bytes() == whole


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a":1}\n{oops\n{"a":2}\n')
    with pytest.raises(UserError, match=r"x\.jsonl:2 is not JSON"):
        list(read_jsonl(tmp_path / "x.jsonl"))


def test_two_writers_on_one_folder(tmp_path: Path) -> None:
    with (
        RunWriter(tmp_path, MANIFEST),
        pytest.raises(UserError, match=r"being written by process \d+"),
    ):
        RunWriter(tmp_path, MANIFEST)
    with RunWriter(tmp_path, MANIFEST):
        pass


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from evals.core.writing import RunWriter\n"
        f"w = RunWriter(Path({str(tmp_path)!r}), {MANIFEST!r})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with RunWriter(tmp_path, MANIFEST):
        pass


def test_a_child_does_not_keep_the_lock_of_its_parent(tmp_path: Path) -> None:
    """Processes that read data outlive one that is killed by some seconds."""
    held = lock(tmp_path)
    began, begin = os.pipe()
    child = os.fork()
    if not child:
        os.write(begin, b"x")
        time.sleep(60)
        os._exit(0)
    try:
        os.read(began, 1)
        with pytest.raises(UserError, match="being written by process"):
            lock(tmp_path)
        held.close()
        lock(tmp_path).close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_another_run_is_refused_and_named(tmp_path: Path) -> None:
    with RunWriter(tmp_path, MANIFEST):
        pass
    other = {**MANIFEST, "identity": {"seed": 1}}
    with pytest.raises(UserError, match="differs in seed"):
        RunWriter(tmp_path, other)
    assert json.loads((tmp_path / "run.json").read_text())["identity"] == {"seed": 0}


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with RunWriter(tmp_path, MANIFEST):
        pass
    manifest = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**manifest, "schema": 99}))
    with pytest.raises(UserError, match="schema 99"):
        StoredRun.read(tmp_path)
    with pytest.raises(UserError, match="update umm-evals"):
        RunWriter(tmp_path, MANIFEST)


def test_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run\.json"):
        StoredRun.read(tmp_path)
    with pytest.raises(UserError, match="holds no run"):
        find_runs([tmp_path])
    with pytest.raises(UserError, match="does not exist"):
        find_runs([tmp_path / "nowhere"])
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        StoredRun.read(tmp_path)


def test_created_survives_a_resume(tmp_path: Path) -> None:
    with RunWriter(tmp_path, MANIFEST):
        pass
    with RunWriter(tmp_path, {**MANIFEST, "created": "2027-01-01"}):
        pass
    assert StoredRun.read(tmp_path).manifest["created"] == "2026-01-01"


def test_scores_of_an_older_prediction_or_scorer_do_not_count(tmp_path: Path) -> None:
    old, new = prediction(text="a"), prediction(text="b")
    with RunWriter(tmp_path, {**MANIFEST, "fingerprints": {"m": "now"}}) as writer:
        writer.write_samples([sample()])
        writer.add_predictions([old, new])
        writer.add_scores([score(old, 0.1, "now"), score(new, 0.2, "before")])
    assert StoredRun.read(tmp_path).scores == {}
    with RunWriter(tmp_path, {**MANIFEST, "fingerprints": {"m": "now"}}) as writer:
        writer.add_scores([score(new, 0.3, "now")])
    assert StoredRun.read(tmp_path).scores[("1", 0, "m")].value == 0.3


def test_infinite_parts_are_stored_as_words(tmp_path: Path) -> None:
    with RunWriter(tmp_path, {**MANIFEST, "range": [float("-inf"), float("inf")]}):
        pass
    assert StoredRun.read(tmp_path).manifest["range"] == ["-Infinity", "Infinity"]


def test_an_equal_image_is_kept_once(tmp_path: Path) -> None:
    from PIL import Image

    picture = tmp_path / "a.webp"
    Image.new("RGB", (4, 3), "red").save(picture)
    with RunWriter(tmp_path / "r", MANIFEST) as writer:
        first = writer.add_image(picture)
        assert first == writer.add_image(picture)
        as_bytes = writer.add_image(picture.read_bytes())
    assert as_bytes.sha256 == first.sha256
    assert first.suffix == ".webp"
    assert (first.width, first.height) == (4, 3)
    kept = [p for p in (tmp_path / "r" / "images").rglob("*") if p.is_file()]
    assert [p.name for p in kept] == [f"{first.sha256}.webp"]
    picture.write_bytes(b"changed later")
    assert kept[0].read_bytes() != b"changed later"


def test_an_unreadable_image_leaves_nothing(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "r", MANIFEST) as writer, pytest.raises(ImageError):
        writer.add_image(b"not an image")
    assert not (tmp_path / "r" / "images").exists()


def test_a_full_disk_says_what_to_do_and_keeps_the_file_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunWriter(tmp_path, MANIFEST) as writer:
        writer.write_samples([sample("1"), sample("2")])
        writer.add_predictions([prediction("1")])
        stream = writer._predictions._stream

        class Full:
            def __getattr__(self, name: str) -> Any:
                return getattr(stream, name)

            def write(self, data: bytes) -> int:
                stream.write(data[: len(data) // 2])
                stream.flush()
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(writer._predictions, "_stream", Full())
        with pytest.raises(UserError, match="disk is full; free some space"):
            writer.add_predictions([prediction("2")])
    assert set(StoredRun.read(tmp_path).predictions) == {("1", 0)}


def test_a_read_only_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def refuse(path: Path, mode: str = "r", **options: Any) -> Any:
        if "x" in mode:
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, mode, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match="may not be written; choose another --out"):
        RunWriter(tmp_path, MANIFEST)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        RunWriter(tmp_path / "out" / "r", MANIFEST)


def test_write_atomic_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(writing.os, "replace", fail)
    with pytest.raises(UserError):
        writing.write_atomic(tmp_path / "x", b"data")
    assert list(tmp_path.iterdir()) == []


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(("umask", "wanted"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_files_have_the_mode_that_the_umask_leaves(tmp_path: Path, umask: int, wanted: int) -> None:
    before = os.umask(umask)
    try:
        writing.write_atomic(tmp_path / "page.html", b"first")
        writing.write_atomic(tmp_path / "page.html", b"again")
        with RunWriter(tmp_path / "r", MANIFEST) as writer:
            writer.write_samples([sample()])
            writer.add_predictions([prediction()])
    finally:
        os.umask(before)
    assert (tmp_path / "page.html").read_bytes() == b"again"
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.name for p in written} >= {"page.html", "run.json", "samples.jsonl"}
    assert {mode(p) for p in written} == {wanted}
    assert not list(tmp_path.rglob("*.part"))
