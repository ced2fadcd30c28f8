"""The bootstrap says in one sentence what is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import cache, uv
from tools.cache import ROOT, cache_root, file_lock


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with nothing but the script, and a PATH of its own."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "tools" / "bootstrap.sh", tmp_path / "tools")
    for name in ("sh", "dirname"):
        program = shutil.which(name)
        assert program
        (tmp_path / "bin" / name).symlink_to(program)
    return tmp_path


def run(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "tools/bootstrap.sh"],
        cwd=checkout,
        env={"PATH": str(checkout / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


def fake_python(checkout: Path, name: str, *, new_enough: bool) -> None:
    script = checkout / "bin" / name
    status = "exit 0" if new_enough else "exit 1"
    script.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then {status}; fi\necho "{name} runs $1"\n')
    script.chmod(0o755)


def test_no_python_is_one_clear_sentence(checkout: Path) -> None:
    result = run(checkout)
    assert result.returncode == 1
    assert result.stderr.startswith("Python 3.11 or newer was not found: install it")


def test_an_old_python_is_passed_over(checkout: Path) -> None:
    fake_python(checkout, "python3", new_enough=False)
    fake_python(checkout, "python3.12", new_enough=True)
    assert run(checkout).stdout == "python3.12 runs tools/bootstrap.py\n"


def test_a_missing_ensurepip_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(uv.UvError, match=r"install python3\.\d+-venv "):
        uv._need_ensurepip()


def test_an_older_uv_on_the_path_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "uv"
    old.write_text("#!/bin/sh\necho uv 0.1.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def install(folder: Path) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "uv").write_text(f"#!/bin/sh\necho uv {uv.pinned_version()}\n")
        (folder / "bin" / "uv").chmod(0o755)

    monkeypatch.setattr(uv, "_install", install)
    uv.ensure.cache_clear()
    try:
        assert uv.ensure().is_relative_to(tmp_path / "cache" / "digital-human" / "uv")
    finally:
        uv.ensure.cache_clear()


def test_an_uv_that_cannot_be_installed_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        (tmp_path / "uv" / "bin").mkdir(parents=True)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(uv.UvError, match=r"^uv could not be installed.*the network, the proxy"):
        uv._install(tmp_path / "uv")
    assert not (tmp_path / "uv").exists()


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_an_unusable_cache_folder_is_ignored(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_root() == Path.home() / ".cache" / "digital-human"


def test_a_cache_that_cannot_be_written_is_one_sentence() -> None:
    with (
        pytest.raises(SystemExit, match=r"cannot be used.*XDG_CACHE_HOME"),
        file_lock(Path("/dev/null/digital-human/a.lock")),
    ):
        pass


def test_a_checkout_of_another_user_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build").touch()  # no folder can be made there, not even by root
    monkeypatch.setattr(cache, "ROOT", tmp_path)
    with (
        pytest.raises(SystemExit, match=r"cannot be used.*or work in a checkout of your own"),
        file_lock(tmp_path / "build" / "a.lock"),
    ):
        pass


def test_a_cache_of_another_user_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digital-human").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SystemExit, match=r"Permission denied.*XDG_CACHE_HOME"):
        cache_root()


def test_a_cache_inside_a_closed_folder_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "is_dir", closed)
    with pytest.raises(SystemExit, match=r"Permission denied.*XDG_CACHE_HOME"):
        cache_root()
