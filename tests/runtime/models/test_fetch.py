"""Weights arrive whole or not at all, from every kind of source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from digital_human_runtime.models import manifest
from digital_human_runtime.models.__main__ import main
from digital_human_runtime.models.errors import DamagedError, ModelsError, RefusedError
from digital_human_runtime.models.plan import parts
from digital_human_runtime.models.progress import Lines
from digital_human_runtime.models.sources import open_source
from digital_human_runtime.models.store import ModelStore
from digital_human_runtime.models.transfer import Outcome, Transfer

from .servers import Site, serving, sums

Files = dict[str, bytes]
KEPT = {
    *("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
    *("config.json", "sub/tokenizer.json", "README.md"),
}


class Counted:
    """A report that only counts."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def begin(self, total: int, done: int) -> None:
        self.total, self.done = total, done

    def add(self, count: int) -> None:
        self.done += count

    def again(self, reason: str, seconds: float) -> None:
        return

    def end(self) -> None:
        return


def fetch(
    address: str,
    into: Path,
    endpoint: str | None = None,
    report: Any = None,
    *,
    revision: Any = None,
    workers: int = 8,
) -> Outcome:
    source = open_source(address, revision=revision, endpoint=endpoint, region=None)
    try:
        transfer = Transfer(source, ModelStore(into.parent), report or Counted(), workers)
        return transfer.run(into, revision)
    finally:
        source.close()


@pytest.fixture
def web(model: Files) -> Iterator[tuple[Site, str]]:
    site = Site(dict(model))
    site.files["SHA256SUMS"] = sums(model)
    with serving(site) as address:
        yield site, address


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, model: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
    client.create_bucket(Bucket="models")
    for name, data in model.items():
        client.put_object(Bucket="models", Key=f"llama/{name}", Body=data)
    yield s3
    found = client.list_objects_v2(Bucket="models").get("Contents", [])
    for entry in found:
        client.delete_object(Bucket="models", Key=entry["Key"])
    client.delete_bucket(Bucket="models")


@pytest.fixture(params=["directory", "web", "hub", "s3"])
def fetched(
    request: pytest.FixtureRequest, model: Files, tmp_path: Path
) -> Iterator[Callable[[Path], Outcome]]:
    """One fetch, from each kind of source."""
    if request.param == "directory":
        folder = tmp_path / "source"
        for name, data in model.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        yield lambda into: fetch(str(folder), into)
    elif request.param == "s3":
        endpoint = request.getfixturevalue("bucket")
        yield lambda into: fetch("s3://models/llama", into, endpoint)
    elif request.param == "web":
        _, address = request.getfixturevalue("web")
        yield lambda into: fetch(address, into)
    else:
        with serving(Site(model)) as address:
            yield lambda into: fetch("hf://owner/name", into, address)


def test_the_model_is_there_and_nothing_else(
    fetched: Callable[[Path], Outcome], model: Files, tmp_path: Path
) -> None:
    into = tmp_path / "volume" / "ada"
    outcome = fetched(into)
    files = {p.relative_to(into).as_posix() for p in into.rglob("*") if p.is_file()}
    assert files == KEPT | {manifest.NAME}
    assert all((into / name).read_bytes() == model[name] for name in KEPT)
    assert outcome.fetched_bytes == sum(len(model[name]) for name in KEPT)
    made = manifest.read(into)
    assert made is not None
    assert {e.path: e.sha256 for e in made.files} == {
        name: hashlib.sha256(model[name]).hexdigest() for name in KEPT
    }


def test_a_second_fetch_brings_nothing(
    fetched: Callable[[Path], Outcome], model: Files, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    fetched(volume / "ada")
    again = fetched(volume / "bob")
    small = sum(len(model[name]) for name in KEPT if not name.endswith(".safetensors"))
    assert again.fetched_bytes <= small
    first, second = (
        (volume / who / "model-00001-of-00002.safetensors").stat().st_ino for who in ("ada", "bob")
    )
    assert first == second


def test_broken_connections_are_fetched_again(web: tuple[Site, str], tmp_path: Path) -> None:
    site, address = web
    site.cut_next, site.fail_next = 2, 1
    report = Counted()
    outcome = fetch(address, tmp_path / "v" / "m", report=report)
    assert report.done == report.total == outcome.manifest.size


def test_a_server_without_ranges_serves_too(web: tuple[Site, str], tmp_path: Path) -> None:
    site, address = web
    site.ranges = False
    assert fetch(address, tmp_path / "v" / "m").manifest.size > 0


@pytest.mark.parametrize("workers", [1, 4])
def test_so_many_parts_are_fetched_at_the_same_time(
    web: tuple[Site, str], tmp_path: Path, workers: int
) -> None:
    site, address = web
    site.hold = workers
    fetch(address, tmp_path / "v" / "m", workers=workers)
    assert site.most == workers


def test_a_failed_fetch_leaves_no_model_and_goes_on_where_it_was(
    web: tuple[Site, str], model: Files, tmp_path: Path
) -> None:
    site, address = web
    into = tmp_path / "v" / "m"
    whole = site.files.pop("README.md")
    with pytest.raises(ModelsError, match=r"README\.md does not exist"):
        fetch(address, into)
    site.files["README.md"] = b"X" * len(whole)
    with pytest.raises(DamagedError, match=r"README\.md has the digest"):
        fetch(address, into)
    assert manifest.read(into) is None
    assert not list(into.rglob("*"))
    before = site.served_bytes
    site.files["README.md"] = whole
    fetch(address, into)
    assert site.served_bytes - before < sum(len(data) for data in model.values()) / 2
    assert manifest.read(into) is not None


def test_what_an_earlier_try_left_is_not_fetched_again(
    web: tuple[Site, str], model: Files, tmp_path: Path
) -> None:
    site, address = web
    source = open_source(address, revision=None, endpoint=None, region=None)
    store = ModelStore(tmp_path / "v")
    file = next(f for f in source.files() if f.path.startswith("model-00001"))
    partial = store.partial(source.name, file)
    part = parts(file.size, 128 * 1024)[1]
    partial.write(part, 0, model[file.path][part.start : part.end])
    partial.finish(part)
    source.close()
    fetch(address, tmp_path / "v" / "m")
    assert (file.path, part.start, part.end - part.start) not in site.served


def test_pickles_are_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "config.json").write_text("{}")
    with pytest.raises(RefusedError, match=r"pickles \(pytorch_model\.bin\).*safetensors"):
        fetch(str(folder), tmp_path / "v" / "m")


def test_a_cut_off_safetensors_is_no_model(model: Files, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(model["model-00001-of-00002.safetensors"][:-9])
    with pytest.raises(DamagedError, match=r"^model\.safetensors is no whole safetensors"):
        fetch(str(folder), tmp_path / "v" / "m")
    assert manifest.read(tmp_path / "v" / "m") is None


def test_names_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    files = {"../../evil.safetensors": b"x"}
    site = Site(files | {"SHA256SUMS": sums(files)})
    with (
        serving(site) as address,
        pytest.raises((RefusedError, ModelsError)),
    ):
        fetch(address, tmp_path / "v" / "m")
    assert not (tmp_path / "evil.safetensors").exists()


def test_a_full_volume_is_told_before_the_first_byte(
    web: tuple[Site, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(ModelsError, match=r"enlarge the volume \(spec\.storage\.models\.size\)"):
        fetch(web[1], tmp_path / "v" / "m")
    assert web[0].served_bytes == 0


def test_two_fetches_into_one_root_do_not_meet(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with store.locked(), pytest.raises(ModelsError, match="Another fetch"), store.locked():
        pass


def test_the_hub_gets_the_token_and_a_wrong_one_is_explained(
    model: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Site(model, token="right")) as address:
        monkeypatch.setenv("HF_TOKEN", "right")
        assert fetch("hf://owner/name", tmp_path / "v" / "m", address).fetched_bytes
        monkeypatch.delenv("HF_TOKEN")
        with pytest.raises((ModelsError, OSError)):
            fetch("hf://owner/name", tmp_path / "w" / "m", address)


def test_an_object_that_was_replaced_is_not_mixed(bucket: str, tmp_path: Path) -> None:
    source = open_source("s3://models/llama", revision=None, endpoint=bucket, region=None)
    file = next(f for f in source.files() if f.path == "config.json")
    boto3.client("s3", endpoint_url=bucket, region_name="us-east-1").put_object(
        Bucket="models", Key="llama/config.json", Body=b"{}"
    )
    with pytest.raises(ModelsError, match="changed while it was fetched"):
        list(source.read(file, 0, file.size))
    source.close()


def test_a_missing_bucket_is_one_sentence(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="the bucket does not exist"):
        fetch("s3://nothing-here/llama", tmp_path / "v" / "m", bucket)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ftp://host/x", "There is no source ftp://"),
        ("s3://user:secret@bucket/x", "no user and no password"),
        ("/nothing/there", "is no folder"),
    ],
)
def test_a_bad_address_is_one_sentence(address: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=sentence):
        fetch(address, tmp_path / "v" / "m")


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["digital-human-models", *words])
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_fetches_lists_verifies_and_prunes(
    web: tuple[Site, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    into = tmp_path / "v" / "m"
    command = ("fetch", "--from", web[1], "--into", str(into), "-o", "json")
    code, out, err = run(capsys, monkeypatch, *command)
    assert code == 0
    assert json.loads(out)["files"] == len(KEPT)
    assert json.loads(err.splitlines()[-1])["bytes"] == json.loads(out)["bytes"]
    code, out, _ = run(capsys, monkeypatch, "list", str(tmp_path / "v"), "-o", "json")
    assert json.loads(out)[0]["source"] == web[1]
    assert run(capsys, monkeypatch, "verify", str(into))[0] == 0
    victim = into / "config.json"
    victim.chmod(0o644)
    victim.write_bytes(b"x" * victim.stat().st_size)
    code, out, err = run(capsys, monkeypatch, "verify", str(into))
    assert code == 4
    assert "config.json is damaged" in out
    victim.unlink()
    (into / manifest.NAME).unlink()
    code, out, _ = run(capsys, monkeypatch, "prune", str(tmp_path / "v"))
    assert code == 0
    assert not [p for p in (tmp_path / "v" / ".blobs").rglob("*") if p.is_file()]


def test_refusals_have_exit_codes_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.bin").write_bytes(b"x")
    command = ("fetch", "--from", str(tmp_path), "--into", str(tmp_path / "v" / "m"))
    code, _, err = run(capsys, monkeypatch, *command)
    assert code == 3
    assert "pickles" in err.splitlines()[-1]
    assert run(capsys, monkeypatch, "verify", str(tmp_path))[0] == 1


def test_lines_tell_the_time_left() -> None:
    now = [0.0]
    told: list[tuple[int, int, float | None]] = []
    lines = Lines(clock=lambda: now[0], tell=lambda *said: told.append(said), out=StringIO())
    lines.begin(1000, 0)
    for _ in range(4):
        now[0] += 5
        lines.add(100)
    assert told[-1] == (400, 1000, 30.0)
