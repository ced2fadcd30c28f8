"""Whom `erase` is given, and what it says to what it cannot use."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from digital_human_backup.errors import RefusedError
from tests.backup.conftest import Run
from tests.backup.killer import PROGRAM
from tests.backup.servers import Database

from .test_erase import address


@pytest.mark.parametrize(
    ("data", "words", "count"),
    [
        (b"jwt:alice\njwt:bob\n\n", (), 2),
        (b"jwt:alice\r\njwt:bob", (), 2),
        (b"jwt:alice\njwt:alice\n", ("jwt:bob", "jwt:alice"), 2),
        (b"jwt:alice\0jwt:bob\0jwt:with\na line\0", ("--null",), 3),
        (b"jwt:alice\njwt:bob\njwt:\xff\0zero\n", (), 3),
    ],
)
@pytest.mark.parametrize("stdin", [False, True])
def test_subjects_from_a_file(  # noqa: PLR0917 - fixtures
    run: Run,
    redis: Database,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: bytes,
    words: tuple[str, ...],
    count: int,
    stdin: bool,
) -> None:
    (tmp_path / "who").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    source = "-" if stdin else tmp_path / "who"
    told = run("erase", "--from", source, *words, *address(redis), "--key-file", key_file)
    assert (told["subjects"], told["sessions"]) == (count, 3)


def test_a_person_is_told_what_happened(
    run: Run, redis: Database, key_file: Path, tmp_path: Path
) -> None:
    place = ["--key-file", str(key_file), "--store", f"file://{tmp_path / 'backups'}"]
    place += ["--uid", "uid-1"]
    run("create", "--human", "ada", *address(redis), "--key-file", key_file)

    def say(*words: object) -> str:
        command = [*PROGRAM, *map(str, words), *place]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        return done.stdout

    assert say("erase", "jwt:alice") == (
        "1 subjects are in the erasure ledger; give --redis as well to remove them from a running"
        " Redis.\n"
    )
    assert say("erase", "jwt:alice", *address(redis)) == (
        "1 subjects are in the erasure ledger; 2 sessions and 2 tickets were removed from Redis at"
        f" 127.0.0.1:{redis.port}.\n"
    )
    told = say("restore", "--into", tmp_path / "r")
    assert told.endswith("; 2 sessions of erased subjects were left out.\n")


def test_bytes_in_arguments(run: Run, redis: Database, key_file: Path) -> None:
    redis.client().hset("digital-human:a:session:{x}", mapping={"principal": b"jwt:\xff \n"})
    subject = os.fsdecode(b"jwt:\xff \n")
    assert run("erase", subject, *address(redis), "--key-file", key_file)["sessions"] == 1


def told_by(*words: object) -> tuple[int, str]:
    """Exit status and standard error of the program itself."""
    command = [*PROGRAM, *map(str, words)]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "There is nobody to erase: name subjects, or a file of them with --from"),
        (("--from", "-"), "There is nobody to erase"),
        (("",), "Subject 1 is empty: write a principal such as jwt:alice."),
        (("jwt:x", "alice"), "Subject 2 is no principal: write jwt: and the sub of the token"),
        (("jwt:",), "Subject 1 is no principal"),
        (("key:my-secret",), "never the key itself"),
        (("jwt:" + "a" * 129,), "Subject 1 is too long: the runtime keeps 128 characters"),
        (("jwt:x", "--from", "/nowhere"), "/nowhere cannot be read: check --from."),
        (("jwt:x", "--null"), "name it with --from"),
        (("jwt:x", "--key-file", "/nowhere"), "/nowhere cannot be read: check --key-file."),
        (("jwt:x", "--redis", "localhost"), "--redis is no address"),
    ],
)
def test_bad_input(
    run: Run, key_file: Path, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    key = () if "--key-file" in words else ("--key-file", key_file)
    place = ("--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1")
    status, told = told_by("erase", *words, *key, *place)
    assert status == 3
    assert sentence in told
    assert len(told.splitlines()) == 1
    assert "alice" not in told.replace("jwt:alice", "")
    assert "my-secret" not in told
    assert list((tmp_path / "backups").iterdir()) == []


def test_no_key(run: Run, tmp_path: Path) -> None:
    place = ("--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1")
    status, told = told_by("erase", "jwt:x", *place)
    assert (status, len(told.splitlines())) == (3, 1)
    assert "The erasure ledger needs a key: name one with --key-file" in told


def test_an_unknown_flag(run: Run, key_file: Path, tmp_path: Path) -> None:
    place = ("--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1")
    status, told = told_by("erase", "jwt:x", "--everything", "--key-file", key_file, *place)
    assert status == 2
    assert "No such option" in told
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.mark.parametrize("change", [b"\nkey:0123456789abcdeg", b"\n\njwt:"])
def test_a_bad_line_is_named_by_its_number(
    run: Run, key_file: Path, tmp_path: Path, change: bytes
) -> None:
    (tmp_path / "who").write_bytes(b"jwt:alice" + change)
    number = change.count(b"\n") + 1
    with pytest.raises(RefusedError, match=rf"^Line {number} of .*/who is no principal") as told:
        run("erase", "--from", tmp_path / "who", "--key-file", key_file)
    assert "abcdeg" not in str(told.value)
    assert list((tmp_path / "backups").iterdir()) == []
