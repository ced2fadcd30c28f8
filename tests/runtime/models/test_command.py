"""`digital-human-models` as somebody uses it who makes mistakes: one sentence, one exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from digital_human_runtime.models import manifest
from digital_human_runtime.models.__main__ import main

from .servers import Site, serving, sums

Files = dict[str, bytes]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command; its exit code and what it wrote."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["digital-human-models", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def source(model: Files, tmp_path: Path) -> Path:
    """A folder with a model."""
    folder = tmp_path / "source"
    for name, data in model.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--from", "ftp://host/x"), "There is no source ftp://"),
        (("--from", "s3://user:secret@bucket/x"), "no user and no password"),
        (("--from", "/nothing/there"), "/nothing/there is no folder"),
        (("--from", "https://[::1"), "The address https://[::1 cannot be read"),
        (("--from", "https://host:port/x"), "The address https://host:port/x cannot be read"),
        (("--from", "https://"), "The address https:// names no host"),
        (("--from", "s3://"), "The address s3:// names no bucket"),
        (("--from", "s3://Not_A_Bucket!/x"), "s3://Not_A_Bucket! is no name of a bucket"),
        (("--from", "hf://"), "hf:// is no repository of the hub: name it as hf://owner/name"),
        (("--from", "hf://a/b/c"), "hf://a/b/c is no repository of the hub"),
        (("--from", "s3://b/p", "--endpoint", "minio"), "The endpoint minio is no address"),
        (("--from", "hf://a/b", "--endpoint", "minio:9000"), "The endpoint minio:9000 is no"),
        (("--from", "s3://b/p", "--region", "no region"), "no region"),
        (("--from", "llama", "--progress-job", "fetch"), "namespace/name"),
        (("--from", "llama", "--output", "xml"), "xml is neither text nor json"),
    ],
)
def test_a_wrong_argument_is_told_at_once(
    command: Command, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = command("fetch", *words, "--into", tmp_path / "v" / "m")
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err
    assert "retry" not in err


@pytest.mark.parametrize(
    "words", [("list",), ("prune",), ("verify",)], ids=["list", "prune", "verify"]
)
def test_a_folder_that_is_not_there_is_told_and_not_made(
    command: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, _, err = command(*words, tmp_path / "none")
    assert code == 2
    assert "does not exist" in err
    assert not (tmp_path / "none").exists()


def test_a_file_is_no_folder_for_a_model(command: Command, source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = command("fetch", "--from", source, "--into", tmp_path / "file")
    assert code == 2
    assert "is a file" in err


def test_an_access_to_s3_without_credentials_says_what_to_set(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    endpoint = ("--endpoint", "http://127.0.0.1:9")
    code, _, err = command("fetch", "--from", "s3://b/p", *endpoint, "--into", tmp_path / "v" / "m")
    assert (code, err.count("\n")) == (1, 1)
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in err


def test_a_server_that_does_not_answer_is_one_sentence_a_try(
    command: Command, tmp_path: Path, unused_tcp_port: int
) -> None:
    address = f"http://127.0.0.1:{unused_tcp_port}/llama"
    code, _, err = command("fetch", "--from", address, "--into", tmp_path / "v" / "m")
    *tries, last = err.splitlines()
    assert code == 1
    assert last == f"{address}: Connection refused: try again, what has arrived is kept."
    assert [json.loads(line)["event"] for line in tries] == ["again"] * 3
    assert json.loads(tries[0])["reason"] == f"{address}: Connection refused"


def test_a_folder_of_somebody_elses_files_is_left_alone(
    command: Command, source: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "letters").mkdir(parents=True)
    (home / "letters" / "thesis.txt").write_text("years of work")
    code, _, err = command("fetch", "--from", source, "--into", home)
    assert code == 3
    assert "letters" in err
    assert "name an empty folder" in err
    assert (home / "letters" / "thesis.txt").read_text() == "years of work"
    before = sorted(path.name for path in source.rglob("*"))
    assert command("fetch", "--from", source, "--into", source)[0] == 3
    assert sorted(path.name for path in source.rglob("*")) == before


def test_a_fetch_goes_on_in_a_folder_whose_publication_was_cut_off(
    command: Command, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = tmp_path / "v" / "m"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "write", killed)
        assert command("fetch", "--from", source, "--into", into)[0] != 0
    assert (into / "config.json").exists()
    assert command("verify", into)[0] == 1
    assert command("fetch", "--from", source, "--into", into)[0] == 0
    assert command("verify", into)[0] == 0


def test_a_copy_of_a_model_of_ours_is_whole(command: Command, source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "v" / "m", tmp_path / "w" / "m"
    assert command("fetch", "--from", source, "--into", first)[0] == 0
    assert command("fetch", "--from", first, "--into", second)[0] == 0
    assert command("verify", second)[0] == 0
    known = manifest.read(second)
    assert known is not None
    assert manifest.NAME not in {entry.path for entry in known.files}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 1}', '{"format": 1, "files": [{}]}', "\x00"]
)
def test_a_damaged_manifest_is_told_and_healed_by_a_fetch(
    command: Command, source: Path, tmp_path: Path, text: str
) -> None:
    good, bad = tmp_path / "v" / "good", tmp_path / "v" / "bad"
    for into in (good, bad):
        assert command("fetch", "--from", source, "--into", into)[0] == 0
    (bad / manifest.NAME).write_text(text)
    code, _, err = command("verify", bad)
    assert (code, err) == (4, f"{bad / manifest.NAME} cannot be read: fetch the model again.\n")
    code, out, err = command("list", tmp_path / "v", "-o", "json")
    assert (code, [one["folder"] for one in json.loads(out)]) == (4, ["good"])
    assert str(bad / manifest.NAME) in err
    code, _, err = command("prune", tmp_path / "v")
    assert code == 4, "what the damaged one uses is not known, so nothing is removed"
    assert command("fetch", "--from", source, "--into", bad)[0] == 0
    assert command("verify", bad)[0] == 0


def test_damaged_files_are_removed_and_fetched_again(
    command: Command, model: Files, tmp_path: Path
) -> None:
    into = tmp_path / "v" / "m"
    site = Site(dict(model))
    site.files["SHA256SUMS"] = sums(model)
    with serving(site) as address:
        assert command("fetch", "--from", address, "--into", into)[0] == 0
        victim = into / "config.json"
        victim.chmod(0o644)
        victim.write_bytes(b"x" * victim.stat().st_size)
        code, out, err = command("verify", into)
        assert (code, out) == (4, "config.json is damaged.\n")
        assert "verify --remove" in err
        code, _, err = command("verify", into, "--remove")
        assert code == 4
        assert "fetch the model again" in err
        assert command("verify", into)[0] == 1, "without its file it is no whole model"
        site.served.clear()
        assert command("fetch", "--from", address, "--into", into)[0] == 0
        assert [path for path, *_ in site.served if path != "SHA256SUMS"] == ["config.json"]
    assert command("verify", into)[0] == 0


def test_a_source_that_changes_under_the_fetch_is_no_reason_to_wait(
    command: Command, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "config.json").unlink()
    (source / "config.json").symlink_to(source / "gone.json")
    assert command("fetch", "--from", source, "--into", tmp_path / "v" / "m")[0] == 0
    locked = Path.open

    def refuse(path: Path, *words: object, **more: object) -> object:
        if path.name == "README.md" and path.parent == source:
            raise PermissionError(13, "Permission denied", str(path))
        return locked(path, *words, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    code, _, err = command("fetch", "--from", source, "--into", tmp_path / "w" / "m")
    assert code == 1
    assert "again" not in err.replace("try again", "")
    assert err.splitlines()[-1].startswith(f"{source}/README.md cannot be read: Permission denied")
