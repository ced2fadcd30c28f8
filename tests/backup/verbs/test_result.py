"""`--result`: what a container leaves behind as its last word."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from digital_human_backup.errors import BackupError
from tests.backup.conftest import Run, new_key


def test_the_result_is_what_was_printed(run: Run, config: Path, tmp_path: Path) -> None:
    word = tmp_path / "termination-log"
    word.touch()
    inode = word.stat().st_ino
    made = run("create", "--human", "ada", "--config", config, "--result", word)
    assert json.loads(word.read_text()) == made
    assert made["event"] == "created"
    checked = run("verify", "--result", word)
    assert json.loads(word.read_text()) == checked
    assert word.stat().st_ino == inode  # it is mounted


def test_a_failure_is_told_too(run: Run, config: Path, tmp_path: Path) -> None:
    word = tmp_path / "word"
    with pytest.raises(BackupError) as told:
        run("restore", "--into", tmp_path / "back", "--result", word)
    assert json.loads(word.read_text()) == {
        "event": "failed",
        "message": str(told.value),
        "exitCode": told.value.exit_code,
    }
    run("create", "--human", "ada", "--config", config)
    run("verify")
    assert json.loads(word.read_text())["event"] == "failed"  # nobody asked for another one


def test_damage_is_told_as_a_failure(run: Run, config: Path, tmp_path: Path) -> None:
    word = tmp_path / "word"
    run("create", "--human", "ada", "--config", config)
    chunk = next(path for path in (tmp_path / "backups").rglob("chunks/**/*") if path.is_file())
    chunk.write_bytes(b"x" * chunk.stat().st_size)
    with pytest.raises(BackupError):
        run("verify", "--result", word)
    assert json.loads(word.read_text())["event"] == "failed"
    assert "damaged" in json.loads(word.read_text())["message"]


def test_it_never_holds_a_key(run: Run, config: Path, key_file: Path, tmp_path: Path) -> None:
    word = tmp_path / "word"
    run("create", "--human", "a", "--config", config, "--key-file", key_file, "--result", word)
    key_file.write_text(new_key(2))
    with pytest.raises(BackupError):
        run("restore", "--into", tmp_path / "b", "--key-file", key_file, "--result", word)
    for key in (new_key(1), new_key(2)):
        assert key.strip() not in word.read_text()


def test_a_backup_is_no_failure_when_the_result_cannot_be_written(
    config: Path, tmp_path: Path
) -> None:
    (tmp_path / "backups").mkdir()
    words = ["create", "--human", "ada", "--config", config, "--uid", "1", "-o", "json"]
    words += ["--store", f"file://{tmp_path / 'backups'}", "--result", tmp_path / "no" / "folder"]
    found = subprocess.run(
        [sys.executable, "-m", "digital_human_backup", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0
    assert json.loads(found.stdout)["event"] == "created"
    assert "The result cannot be written to" in found.stderr
