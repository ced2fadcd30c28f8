"""Whatever happens to a stored object is noticed, and a damaged backup is never restored."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from digital_human_backup.errors import BackupError, DamagedError, RefusedError
from tests.backup.conftest import Run, files

Harm = Callable[[Path], None]


def flip(place: float, bit: int) -> Harm:
    def harm(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[int(place * (len(data) - 1))] ^= 1 << bit
        path.write_bytes(data)

    return harm


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


HARMS: dict[str, Harm] = {
    "first byte": flip(0, 0),
    "middle": flip(0.5, 3),
    "last byte": flip(1, 7),
    "truncated": truncate,
    "lengthened": lengthen,
    "emptied": lambda path: os.truncate(path, 0),
    "removed": Path.unlink,
}


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_every_harm_to_every_object_is_noticed(  # noqa: PLR0917 - fixtures
    run: Run,
    models: Path,
    config: Path,
    key_file: Path,
    tmp_path: Path,
    encrypted: bool,
    harm: Harm,
) -> None:
    key = ("--key-file", key_file) if encrypted else ()
    run("create", "--human", "ada", "--models", models, "--config", config, *key)
    store, good = tmp_path / "backups", tmp_path / "good"
    shutil.copytree(store, good)
    objects = sorted(path.relative_to(good) for path in good.rglob("*") if path.is_file())
    assert len(objects) == 4  # a manifest, the weights, the small files of each part
    for name in objects:
        shutil.rmtree(store)
        shutil.copytree(good, store)
        harm(store / name)
        for words in (("verify",), ("verify", *key), ("restore", "--into", tmp_path / "r", *key)):
            with pytest.raises((DamagedError, RefusedError)) as caught:
                run(*words)
            assert name.parts[2] == "backups" or isinstance(caught.value, DamagedError)
        assert not (tmp_path / "r").exists()
        assert [path.name for path in tmp_path.glob(".r.*")] == []


def test_chunks_that_were_exchanged_are_noticed(run: Run, tmp_path: Path, key_file: Path) -> None:
    root = tmp_path / "m"
    root.mkdir()
    for name in "ab":
        (root / name).write_bytes(name.encode() * 2**20)
    run("create", "--human", "ada", "--models", root, "--key-file", key_file)
    first, second = sorted((tmp_path / "backups").rglob("chunks/*/*"))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    with pytest.raises(DamagedError, match="is not what was written"):
        run("restore", "--into", tmp_path / "r", "--key-file", key_file)


def test_manifests_that_were_exchanged_are_noticed(
    run: Run, config: Path, key_file: Path, tmp_path: Path
) -> None:
    words = ("--human", "ada", "--config", config, "--key-file", key_file)
    run("create", *words)
    (config / "..2026" / "settings.yaml").write_text("voice: de\n")
    run("create", *words)
    run("create", *words, uid="uid-2")
    old, new = sorted((tmp_path / "backups/humans/uid-1/backups").iterdir())
    other = next((tmp_path / "backups/humans/uid-2/backups").iterdir())
    kept = new.read_bytes()
    for source in (old, other):
        new.write_bytes(source.read_bytes())
        with pytest.raises(DamagedError, match="it was moved"):
            run("restore", "--into", tmp_path / "r", "--key-file", key_file)
        new.write_bytes(kept)
    run("restore", "--into", tmp_path / "r", "--key-file", key_file)


def test_a_damaged_backup_does_not_hide_the_others(run: Run, config: Path, tmp_path: Path) -> None:
    words = ("--human", "ada", "--config", config)
    good, bad = run("create", *words)["id"], run("create", *words)["id"]
    assert good < bad
    truncate(tmp_path / f"backups/humans/uid-1/backups/{bad}.json")
    listed = run("list")
    assert [row["error"] for row in listed] == [
        None,
        f"The manifest of {bad} is damaged: use another backup.",
    ]
    with pytest.raises(DamagedError, match=f"The manifest of {bad} is damaged: use another"):
        run("restore", "--into", tmp_path / "r")
    run("restore", good, "--into", tmp_path / "r")
    assert files(tmp_path / "r" / "config") == files(config)
    run("create", *words)
    run("restore", "--into", tmp_path / "again")


def test_a_backup_of_a_newer_program(run: Run, config: Path, tmp_path: Path) -> None:
    made = run("create", "--human", "ada", "--config", config)["id"]
    later = f"29990101T000000Z-{made[-16:]}"
    folder = tmp_path / "backups/humans/uid-1/backups"
    (folder / f"{later}.json").write_text('{"format":2}')
    assert "has format 2, and this program reads up to 1" in run("list")[1]["error"]
    for words in (("verify",), ("restore", "--into", tmp_path / "r"), ("prune",)):
        with pytest.raises(RefusedError, match="has format 2") as caught:
            run(*words)
        assert caught.value.exit_code == 3
    run("restore", made, "--into", tmp_path / "r")


def test_a_full_disk_at_restore_leaves_nothing(
    run: Run, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("create", "--human", "ada", "--models", models)
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, was[1]))
    try:
        with pytest.raises(BackupError, match=r"could not be written .File too large.: make room"):
            run("restore", "--into", tmp_path / "r")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not (tmp_path / "r").exists()
    assert [path.name for path in tmp_path.glob(".r*")] == []
