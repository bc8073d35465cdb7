from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from metrics import weight_files
from metrics.weight_files import file_sha256, hub_file, is_torchscript, torch_checkpoint


def test_torch_keeps_checkpoints_where_we_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("torch.hub")
    for variables in ({"TORCH_HOME": "t"}, {"XDG_CACHE_HOME": "x"}):
        monkeypatch.delenv("TORCH_HOME", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(tmp_path / value))
        assert torch_checkpoint("a.pth") == Path(hub.get_dir()) / "checkpoints" / "a.pth"


def test_a_file_in_the_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert hub_file("owner/name", "w.bin") is None
    model = tmp_path / "hub" / "models--owner--name"
    for revision in ("aaa", "bbb"):
        (model / "snapshots" / revision).mkdir(parents=True)
        (model / "snapshots" / revision / "w.bin").write_bytes(b"x")
    assert hub_file("owner/name", "w.bin") == model / "snapshots" / "aaa" / "w.bin"
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("bbb")
    assert hub_file("owner/name", "w.bin") == model / "snapshots" / "bbb" / "w.bin"
    assert hub_file("owner/name", "other.bin") is None
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert hub_file("owner/name", "w.bin") is None


def test_the_hub_cache_is_laid_out_as_its_own_client_lays_it_out(tmp_path: Path) -> None:
    client = pytest.importorskip("huggingface_hub")
    model = tmp_path / "models--o--n"
    (model / "snapshots" / "r").mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("r")
    (model / "snapshots" / "r" / "f").write_bytes(b"x")
    theirs = client.try_to_load_from_cache("o/n", "f", cache_dir=tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(tmp_path))
        assert hub_file("o/n", "f") == Path(theirs)


def test_a_hash_is_computed_once_and_again_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, cache = tmp_path / "w", tmp_path / "cache"
    file.write_bytes(b"one")
    read: list[Path] = []
    real = weight_files.sha256_file
    monkeypatch.setattr(weight_files, "sha256_file", lambda p: read.append(p) or real(p))
    expected = hashlib.sha256(b"one").hexdigest()
    assert file_sha256(file, cache) == expected
    weight_files._remembered.cache_clear()  # as in a new process
    assert file_sha256(file, cache) == expected
    assert len(read) == 1
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert file_sha256(file, cache) == hashlib.sha256(b"two").hexdigest()
    assert len(read) == 2


def test_a_damaged_memory_is_written_anew(tmp_path: Path) -> None:
    file, cache = tmp_path / "w", tmp_path / "cache"
    file.write_bytes(b"one")
    first = file_sha256(file, cache)
    (entry,) = (cache / "sha256").iterdir()
    entry.write_text("{")
    weight_files._remembered.cache_clear()
    assert file_sha256(file, cache) == first
    assert "sha256" in entry.read_text()


def test_an_archive_of_code_is_recognised(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(1)}, tmp_path / "state.pt")
    assert not is_torchscript(tmp_path / "state.pt")
    with zipfile.ZipFile(tmp_path / "jit.pt", "w") as archive:
        archive.writestr("jit/code/__torch__.py", "")
        archive.writestr("jit/constants.pkl", b"")
    assert is_torchscript(tmp_path / "jit.pt")
    (tmp_path / "plain").write_bytes(b"x")
    assert not is_torchscript(tmp_path / "plain")
