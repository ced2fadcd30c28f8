"""What was backed up comes back: through the commands, on every kind of store."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from digital_human_backup.__main__ import application
from digital_human_backup.errors import BackupError, DamagedError, RefusedError
from digital_human_backup.format import CHUNK_BYTES
from digital_human_backup.format.contents import FileFacts, Piece
from digital_human_backup.locks import Lock
from digital_human_backup.sources import FolderSource
from tests.backup.conftest import Run, files, new_bucket, new_key


def test_folders_come_back(
    run: Run, models: Path, config: Path, key_file: Path, tmp_path: Path
) -> None:
    key = ("--key-file", key_file)
    made = run("create", "--human", "ada", "--models", models, "--config", config, *key)
    assert made["parts"] == {
        "models": {"files": 4, "bytes": 3 * 2**20 + 17 + 8 + 2},
        "config": {"files": 1, "bytes": 13},
    }
    assert run("verify", *key)["ok"]
    told = run("restore", "--into", tmp_path / "back", *key)
    assert (told["id"], told["files"]) == (made["id"], 5)
    assert files(tmp_path / "back" / "models") == files(models)
    assert files(tmp_path / "back" / "config") == files(config)
    was, now = (
        models / "llama/sub/tokenizer.json",
        tmp_path / "back/models/llama/sub/tokenizer.json",
    )
    assert now.stat().st_mode & 0o777 == 0o640
    assert now.stat().st_mtime_ns == was.stat().st_mtime_ns


def test_no_backup_stays_of_which_the_store_does_not_tell_that_it_is_whole(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, BackupError("it does not answer: try again.")])

    def confirm(_: Lock) -> None:
        if (trouble := next(answers)) is not None:
            raise trouble

    monkeypatch.setattr(Lock, "confirm", confirm)
    with pytest.raises(BackupError, match="does not answer"):
        run("create", "--human", "ada", "--models", models)
    assert run("list") == []


def test_no_list_of_files_is_written_that_nobody_would_read(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_human_backup.format.manifest.LIMIT", 1000)
    with pytest.raises(
        RefusedError, match=r"has \d+ bytes, and nothing reads more than 1000: pack"
    ):
        run("create", "--human", "ada", "--models", models)
    assert run("list") == []


@pytest.mark.parametrize("service", ["moto", "gateway"])
def test_a_bucket_holds_backups(  # noqa: PLR0917 - fixtures
    run: Run,
    models: Path,
    key_file: Path,
    credentials: Path,
    tmp_path: Path,
    service: str,
    request: pytest.FixtureRequest,
) -> None:
    endpoint = request.getfixturevalue(service)
    place = ["--endpoint", endpoint, "--region", "us-east-1", "--s3-style", "path"]
    place += ["--s3-credentials", str(credentials)]
    words = (*place, "--key-file", key_file)
    store = f"s3://{new_bucket(endpoint)}/backups"
    run("create", "--human", "ada", "--models", models, *words, store=store)
    again = run("create", "--human", "ada", "--models", models, *words, store=store)
    assert again["sentBytes"] == 0
    assert run("verify", *words, store=store)["ok"]
    run("restore", "--into", tmp_path / "back", *words, store=store)
    assert files(tmp_path / "back" / "models") == files(models)
    listed = run("list", *place, store=store)
    assert [row["verified"] for row in listed] == [False, True]


def test_an_unchanged_backup_sends_nothing_and_reads_little(
    run: Run, models: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--human", "ada", "--models", models, "--key-file", key_file)
    first = run("create", *words)
    read: list[str] = []
    really = FolderSource.read_into

    def noted(self: FolderSource, room: memoryview, piece: Piece) -> None:
        read.append(piece.file.path)
        really(self, room, piece)

    monkeypatch.setattr(FolderSource, "read_into", noted)
    second = run("create", *words)
    assert (second["sentChunks"], second["bytes"]) == (0, first["bytes"])
    assert set(read) == {"llama/config.json", "llama/sub/tokenizer.json"}
    read.clear()
    os.utime(models / "llama" / "w.safetensors")
    assert run("create", *words)["sentChunks"] == 0
    assert "llama/w.safetensors" in read


def test_only_what_changed_is_sent(run: Run, tmp_path: Path, key_file: Path) -> None:
    root = tmp_path / "m"
    root.mkdir()
    weights = os.urandom(3 * CHUNK_BYTES)
    (root / "w").write_bytes(weights)
    words = ("--human", "ada", "--models", root, "--key-file", key_file)
    assert run("create", *words)["sentChunks"] == 3
    changed = bytearray(weights)
    changed[CHUNK_BYTES + 5] ^= 1
    (root / "w").write_bytes(changed)
    (root / "copy").write_bytes(weights)
    assert run("create", *words)["sentChunks"] == 1
    run("restore", "--into", tmp_path / "back", "--key-file", key_file)
    assert files(tmp_path / "back" / "models") == {"w": bytes(changed), "copy": weights}


def test_older_backups_come_back_too(run: Run, config: Path, tmp_path: Path) -> None:
    words = ("--human", "ada", "--config", config)
    first = run("create", *words)["id"]
    (config / "..2026" / "settings.yaml").write_text("voice: de\n")
    run("create", *words)
    run("restore", first, "--into", tmp_path / "old")
    run("restore", "--into", tmp_path / "new")
    assert files(tmp_path / "old" / "config") == {"settings.yaml": b"voice: en-us\n"}
    assert files(tmp_path / "new" / "config") == {"settings.yaml": b"voice: de\n"}


def test_keys_are_rotated(run: Run, models: Path, key_file: Path, tmp_path: Path) -> None:
    words = ("--human", "ada", "--models", models, "--key-file", key_file)
    first = run("create", *words)
    key_file.write_text(new_key(2) + key_file.read_text())
    second = run("create", *words)
    assert first["keyId"] != second["keyId"]
    assert second["sentBytes"] == first["sentBytes"]
    for number, backup in enumerate((first["id"], second["id"])):
        run("restore", backup, "--into", tmp_path / f"r{number}", "--key-file", key_file)
        assert files(tmp_path / f"r{number}" / "models") == files(models)
    key_file.write_text(new_key(2))
    with pytest.raises(RefusedError, match=f"sealed with the key {first['keyId']}, and the key"):
        run("restore", first["id"], "--into", tmp_path / "r", "--key-file", key_file)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("verb", [("restore", "--into"), ("verify", "--scratch")])
def test_without_the_key_nothing_opens(
    run: Run, models: Path, key_file: Path, tmp_path: Path, verb: tuple[str, str]
) -> None:
    run("create", "--human", "ada", "--models", models, "--key-file", key_file)
    key_file.write_text(new_key(5))
    with pytest.raises(RefusedError, match="add the line with that key to --key-file"):
        run(verb[0], verb[1], tmp_path / "r", "--key-file", key_file)
    assert not (tmp_path / "r").exists()


def test_looking_for_rot_needs_no_key(run: Run, models: Path, key_file: Path) -> None:
    run("create", "--human", "ada", "--models", models, "--key-file", key_file)
    told = run("verify")
    assert (told["ok"], told["opened"]) == (True, False)
    assert [row["verified"] for row in run("list")] == [False]


def test_another_human_has_other_backups(run: Run, config: Path, tmp_path: Path) -> None:
    run("create", "--human", "ada", "--config", config)
    assert run("list", uid="uid-2") == []
    with pytest.raises(RefusedError, match="holds no backup of uid-2: check --store and --uid"):
        run("restore", "--into", tmp_path / "r", uid="uid-2")
    with pytest.raises(RefusedError, match=r"--uid '../uid-1' is no uid"):
        run("list", uid="../uid-1")


@pytest.mark.parametrize("word", ["newest", "../x", "20260301T020000Z"])
def test_a_backup_that_is_none(run: Run, tmp_path: Path, word: str) -> None:
    with pytest.raises(RefusedError, match="is no backup: write latest, or an id"):
        run("restore", word, "--into", tmp_path / "r")


def test_a_backup_that_is_not_there(run: Run, config: Path, tmp_path: Path) -> None:
    run("create", "--human", "ada", "--config", config)
    with pytest.raises(RefusedError, match="holds no backup 20200101T000000Z-0000000000000000 of"):
        run("restore", "20200101T000000Z-0000000000000000", "--into", tmp_path / "r")


def test_nothing_is_overwritten(run: Run, config: Path, tmp_path: Path) -> None:
    run("create", "--human", "ada", "--config", config)
    (tmp_path / "r").mkdir()
    run("restore", "--into", tmp_path / "r")
    with pytest.raises(RefusedError, match="is not empty: nothing is overwritten"):
        run("restore", "--into", tmp_path / "r")


def test_only_some_parts(run: Run, models: Path, config: Path, tmp_path: Path) -> None:
    run("create", "--human", "ada", "--models", models, "--config", config)
    run("restore", "--into", tmp_path / "r", "--part", "config")
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["config"]
    with pytest.raises(RefusedError, match="holds no sessions, only config, models"):
        run("restore", "--into", tmp_path / "s", "--part", "sessions")


def test_nothing_to_do(run: Run, config: Path) -> None:
    with pytest.raises(
        RefusedError, match="nothing to back up: give --models, --config, --objects or --redis"
    ):
        run("create", "--human", "ada")
    run("create", "--human", "ada", "--config", config)
    with pytest.raises(RefusedError, match="Say where to restore to"):
        run("restore")


def test_a_link_out_of_the_folder_is_refused(run: Run, models: Path) -> None:
    (models / "llama" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="leads out of the folder, to /etc/passwd"):
        run("create", "--human", "ada", "--models", models)


def test_a_folder_that_becomes_a_link_out_is_refused(
    run: Run, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment it is found and the one it is looked into."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("secret")
    scandir = os.scandir

    def swapped(folder: str | int) -> object:
        if isinstance(folder, str) and Path(folder).name == "sub":
            Path(folder).rename(tmp_path / "was")
            Path(folder).symlink_to(tmp_path / "secrets")
        return scandir(folder)

    monkeypatch.setattr("digital_human_backup.sources.folder.os.scandir", swapped)
    with pytest.raises(RefusedError, match="leads out of the folder"):
        run("create", "--human", "ada", "--models", models)


def test_a_folder_that_becomes_a_link_out_once_it_is_listed_is_refused(
    models: Path, tmp_path: Path
) -> None:
    source = FolderSource("models", models)
    listed = source.files()
    folder = models / "llama"
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    for file in listed:
        if file.path.startswith("llama/"):
            with pytest.raises(RefusedError, match="leads out of the folder"):
                source.read_into(memoryview(bytearray(file.size)), Piece(file, 0, file.size))


def test_a_file_that_becomes_a_link_while_it_is_listed_is_not_left_out(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "new").write_text("x")
    scandir = os.scandir

    def swapped(folder: str) -> list[os.DirEntry[str]]:
        entries = list(scandir(folder))
        for entry in entries:
            if entry.name == "new":
                (models / "other").write_text("x")
                Path(entry.path).unlink()
                Path(entry.path).symlink_to("other")
        return entries

    monkeypatch.setattr("digital_human_backup.sources.folder.os.scandir", swapped)
    with pytest.raises(BackupError, match="new became a link while it was listed: try again"):
        FolderSource("models", models).files()


def test_a_restore_that_fails_does_not_sync_all_files_first(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(2000):
        (many / str(number)).write_text(str(number))
    run("create", "--human", "ada", "--models", many)
    tries: list[Path] = []

    def finish(path: Path, file: FileFacts) -> None:
        tries.append(path)
        if len(tries) == 1:
            raise BackupError(f"{file.path}: full")
        time.sleep(0.002)

    monkeypatch.setattr("digital_human_backup.reader._finish", finish)
    with pytest.raises(BackupError, match="full"):
        run("restore", "--into", tmp_path / "restored")
    assert len(tries) < 1000


@pytest.mark.parametrize("leads_to", ["nowhere", "lost"])
def test_a_link_to_nothing_is_refused(run: Run, models: Path, leads_to: str) -> None:
    (models / "lost").symlink_to(leads_to)
    with pytest.raises(RefusedError, match="lost is a link to nothing: put the file there"):
        run("create", "--human", "ada", "--models", models)


@pytest.mark.parametrize("below", ["", "sub"])
def test_a_store_in_the_folder_that_is_backed_up_is_refused(
    run: Run, config: Path, below: str
) -> None:
    (config / below).mkdir(exist_ok=True)
    with pytest.raises(RefusedError, match=r"lies in the folder of config, .* with --store"):
        run("create", "--human", "ada", "--config", config, store=f"file://{config / below}")
    assert not (config / below / "humans").exists()


def test_a_part_without_files_comes_back(run: Run, tmp_path: Path) -> None:
    (tmp_path / "models" / "sub").mkdir(parents=True)
    run("create", "--human", "ada", "--models", tmp_path / "models")
    run("restore", "--into", tmp_path / "r")
    assert [path.name for path in (tmp_path / "r").rglob("*")] == ["models"]


def test_names_of_others_are_shown_as_they_are(
    run: Run, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("create", "--human", "[/red]\x1b[2J", "--config", config)
    application()(
        ["list", "--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1"],
        standalone_mode=False,
    )
    assert "[/red]?[2J" in capsys.readouterr().out


@pytest.mark.parametrize("name", [b"x\xff", b"x\ny"])
def test_a_name_that_cannot_be_kept_is_refused(run: Run, models: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(models) + b"/" + name)).touch()
    with pytest.raises(RefusedError, match="is no name for a file: rename it"):
        run("create", "--human", "ada", "--models", models)


def test_a_link_to_a_folder_is_refused(run: Run, models: Path) -> None:
    (models / "other").symlink_to("llama")
    with pytest.raises(RefusedError, match="other is a link to a folder"):
        run("create", "--human", "ada", "--models", models)


def test_a_file_that_changes_meanwhile_is_noticed(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = FolderSource.files

    def listed(self: FolderSource) -> list[FileFacts]:
        found = really(self)
        (models / "llama" / "config.json").write_text('{"a": 2}')
        return found

    monkeypatch.setattr(FolderSource, "files", listed)
    with pytest.raises(BackupError, match=r"config.json changed while it was read: try again"):
        run("create", "--human", "ada", "--models", models)
    assert run("list") == []


def test_a_file_that_becomes_a_pipe_meanwhile_is_not_waited_for(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = FolderSource.files

    def listed(self: FolderSource) -> list[FileFacts]:
        found = really(self)
        (models / "llama" / "config.json").unlink()
        os.mkfifo(models / "llama" / "config.json")
        return found

    monkeypatch.setattr(FolderSource, "files", listed)
    with pytest.raises(
        BackupError, match=r"config.json cannot be read \(.*is not seekable\.\): try again"
    ):
        run("create", "--human", "ada", "--models", models)
    assert run("list") == []


def test_a_damaged_chunk_is_repaired_by_sending_all(run: Run, models: Path, tmp_path: Path) -> None:
    words = ("--human", "ada", "--models", models)
    run("create", *words)
    chunk = max(
        (tmp_path / "backups").rglob("chunks/plain/*"), key=lambda path: path.stat().st_size
    )
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedError, match="1 parts of the backup"):
        run("verify")
    run("create", *words, "--send-all")
    assert run("verify")["ok"]
