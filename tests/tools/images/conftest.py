"""A cache of its own for each test, programs that only pretend, and the real images."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools.images.containers import Image, unpack
from tools import debian
from tools.cache import ROOT
from tools.images.build import OUT
from tools.images.table import USUAL


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "digital-human"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put a program with the given body first on the PATH, which then holds a shell's own only."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "sleep", "mkdir", "touch"):
        place = next(p for p in (Path("/bin") / name, Path("/usr/bin") / name) if p.exists())
        (folder / name).symlink_to(place)
    monkeypatch.setenv("PATH", str(folder))

    def write(name: str, body: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture(scope="session")
def built() -> dict[str, dict[str, Any]]:
    """What is known of the images that everybody gets, built as `make images` does."""
    subprocess.run([sys.executable, "-m", "tools.images", "build", *USUAL], cwd=ROOT, check=True)
    return {name: json.loads((OUT / f"{name}.json").read_text()) for name in USUAL}


@pytest.fixture(scope="session")
def operator(built: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The operator's image, unpacked."""
    yield from unpacked("operator", tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="session")
def runtime(built: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The CPU runtime's image, unpacked."""
    yield from unpacked("runtime-cpu", tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="session")
def backup(built: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The backup tool's image, unpacked."""
    yield from unpacked("backup", tmp_path_factory.mktemp("backup"))


def unpacked(name: str, folder: Path) -> Iterator[Image]:
    """An image in a folder, which goes afterwards: it is large."""
    debian.ensure(["runc"])
    yield unpack(OUT / f"{name}.tar", folder / "root")
    shutil.rmtree(folder)
