"""What most tests of backups need: a human with data, keys, and stores of every kind."""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina

from digital_human_backup.__main__ import application
from digital_human_backup.errors import BackupError
from digital_human_backup.format.keys import Key, KeyRing
from digital_human_backup.stores import FolderStore, S3Settings, Store
from digital_human_backup.stores.s3 import S3Store

from . import servers

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Tries that follow at once."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.versitygw(tmp_path_factory.mktemp("gateway")) as address:
        yield address


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.rclone(tmp_path_factory.mktemp("rclone")) as address:
        yield address


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with servers.moto() as address:
        yield address


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return servers.credentials(tmp_path_factory.mktemp("secrets") / "s3")


def settings(endpoint: str, credentials: Path, **changes: Any) -> S3Settings:
    given = {"region": "us-east-1", "style": "path", "tries": 3, **changes}
    return S3Settings(endpoint=endpoint, credentials=credentials, **given)


def new_bucket(endpoint: str) -> str:
    """A bucket of its own on one of the services."""
    client = servers.client(endpoint)
    name = f"bucket-{next(_numbers)}-{random.randrange(10**9)}"
    client.create_bucket(Bucket=name)
    client.close()
    return name


@pytest.fixture(params=["folder", "moto", "versitygw", "rclone"])
def store(request: pytest.FixtureRequest, tmp_path: Path, credentials: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "folder":
        (tmp_path / "store").mkdir()
        opened: Store = FolderStore(tmp_path / "store")
    else:
        name = "gateway" if request.param == "versitygw" else request.param
        endpoint = request.getfixturevalue(name)
        opened = S3Store(new_bucket(endpoint), "some/prefix", settings(endpoint, credentials))
    yield opened
    opened.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(new_key())
    return path


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing((Key(bytes(range(32))),))


def new_key(seed: int = 1) -> str:
    return base64.b64encode(random.Random(seed).randbytes(32)).decode() + "\n"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A model as the runtime's fetch leaves it, and tools' files beside it."""
    root = tmp_path / "models"
    (root / "llama" / "sub").mkdir(parents=True)
    (root / ".blobs").mkdir()
    weights = random.Random(3).randbytes(3 * 2**20 + 17)
    (root / ".blobs" / "w").write_bytes(weights)
    (root / "llama" / "w.safetensors").hardlink_to(root / ".blobs" / "w")
    (root / "llama" / "config.json").write_text('{"a": 1}')
    (root / "llama" / "sub" / "tokenizer.json").write_text("{}")
    (root / "llama" / "empty").touch()
    (root / "llama" / "sub" / "tokenizer.json").chmod(0o640)
    return root


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Configuration as a mounted ConfigMap has it: links into a hidden folder."""
    root = tmp_path / "config"
    (root / "..2026").mkdir(parents=True)
    (root / "..2026" / "settings.yaml").write_text("voice: en-us\n")
    (root / "..data").symlink_to("..2026")
    (root / "settings.yaml").symlink_to("..data/settings.yaml")
    return root


Run = Callable[..., Any]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a verb on a store in a folder and return what it printed as JSON."""
    (tmp_path / "backups").mkdir()

    def call(verb: str, *words: object, store: str | None = None, uid: str = "uid-1") -> Any:
        address = store or f"file://{tmp_path / 'backups'}"
        arguments = [verb, *map(str, words), "--store", address, "--uid", uid, "-o", "json"]
        capsys.readouterr()
        failed: BackupError | None = None
        try:
            application()(arguments, standalone_mode=False)
        except BackupError as error:
            failed = error
        lines = capsys.readouterr().out.splitlines()
        if failed is not None:
            raise failed
        return json.loads(lines[-1])

    return call


def files(root: Path) -> dict[str, bytes]:
    """Every file that is not hidden, with its content."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }
