"""Official files: found, pinned by their hash, and read with file and line in every complaint."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.files import HASH, MD5, Hub, OfficialFiles, named_hash
from evals.core.errors import UserError
from evals.core.protocols import DataSource

KNOWN = b'{"prompt": "a cat"}\n'
OTHER = b'{"prompt": "a dog"}\n'


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def official(**more: Any) -> OfficialFiles:
    return OfficialFiles(
        benchmark="zoo", where="the repository owner/zoo",
        **{
            "names": {"prompts": "prompts.jsonl|data/prompts.jsonl"},
            "known": {"prompts": {digest(KNOWN): "owner/zoo@0123abcd"}}, **more,
        },
    )  # fmt: skip


def source(root: Path | None, cache: Path, revision: str | None = None) -> DataSource:
    return DataSource(root=root, cache=cache, revision=revision)


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


# --- pins -------------------------------------------------------------------------------------


def test_a_known_revision_is_taken_and_named(tmp_path: Path) -> None:
    write(tmp_path / "prompts.jsonl", KNOWN)
    folder = official().open(source(tmp_path, tmp_path / "cache"))
    assert folder.path("prompts") == tmp_path / "prompts.jsonl"
    assert folder.identity() == {"prompts.jsonl": f"{digest(KNOWN)} (owner/zoo@0123abcd)"}


def test_another_revision_is_refused_and_the_message_says_how_to_take_it(tmp_path: Path) -> None:
    path = write(tmp_path / "prompts.jsonl", OTHER)
    with pytest.raises(UserError) as error:
        official().open(source(tmp_path, tmp_path / "cache"))
    message = str(error.value)
    assert str(path) in message
    assert digest(OTHER) in message
    assert digest(KNOWN)[:16] in message
    assert "owner/zoo@0123abcd" in message
    flag = f"zoo/SUITE@{HASH}{digest(OTHER)[:12]}"
    assert flag in message
    # What the message says does it.
    folder = official().open(source(tmp_path, tmp_path / "cache", flag.partition("@")[2]))
    assert folder.identity() == {"prompts.jsonl": digest(OTHER)}


@pytest.mark.parametrize(
    "revision", [HASH + digest(OTHER)[:7], HASH, HASH + "0" * 12, MD5 + digest(OTHER)[:12], "main"]
)
def test_other_digits_or_too_few_take_nothing(revision: str, tmp_path: Path) -> None:
    write(tmp_path / "prompts.jsonl", OTHER)
    with pytest.raises(UserError, match="of another revision"):
        official().open(source(tmp_path, tmp_path / "cache", revision))


def test_named_hashes_are_told_by_their_kind() -> None:
    assert named_hash("sha256:0123", HASH) == "0123"
    assert named_hash("md5:0123", HASH) == ""
    assert named_hash("0123", MD5) == ""


# --- absent files -----------------------------------------------------------------------------


def test_the_first_alternative_that_exists_is_taken(tmp_path: Path) -> None:
    files = official()
    with pytest.raises(UserError, match="does not exist; get the repository owner/zoo") as error:
        files.open(source(tmp_path, tmp_path / "cache"))
    assert f"{tmp_path / 'prompts.jsonl'} " in str(error.value)
    assert "--data zoo=FOLDER" in str(error.value)
    write(tmp_path / "data" / "prompts.jsonl", KNOWN)
    folder = files.open(source(tmp_path, tmp_path / "cache"))
    assert folder.path("prompts") == tmp_path / "data" / "prompts.jsonl"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere does not exist; pass an existing one"):
        official().open(source(tmp_path / "nowhere", tmp_path / "cache"))


@pytest.mark.parametrize("revision", [None, "sha256:0123abcd", "md5:0123abcd"])
def test_no_data_named(revision: str | None, tmp_path: Path) -> None:
    files = official(hub=Hub(dataset="owner/zoo", note="Ask first."), terms="be kind")
    with pytest.raises(UserError) as error:
        files.open(source(None, tmp_path, revision))
    assert str(error.value) == files.missing()
    for part in ("get the repository owner/zoo", "that holds prompts.jsonl", "zoo/SUITE@COMMIT",
                 "(terms: be kind)", "Ask first."):  # fmt: skip
        assert part in files.missing()
    assert "COMMIT" not in official().missing()


@pytest.mark.parametrize("digits", ["12", "0123abcd0123"])
def test_a_hash_that_no_file_has_is_refused_also_for_known_files(
    tmp_path: Path, digits: str
) -> None:
    (tmp_path / "a.txt").write_bytes(b"known")
    label = hashlib.sha256(b"known").hexdigest()
    files = OfficialFiles(
        benchmark="toy", where="somewhere", names={"a": "a.txt"}, known={"a": {label: "toy@1"}}
    )
    source = DataSource(root=tmp_path, cache=tmp_path / "cache", revision=f"sha256:{digits}")
    with pytest.raises(UserError, match=f"begins with '{digits}'.*a.txt {label[:12]}"):
        files.open(source)
    assert files.open(replace_revision(source, f"sha256:{label[:8]}")).root == tmp_path


def replace_revision(source: DataSource, revision: str) -> DataSource:
    return DataSource(root=source.root, cache=source.cache, revision=revision)
