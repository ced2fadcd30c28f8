"""Programs from Debian packages: installed where we may, else one sentence."""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tools import debian


def test_nothing_is_asked_for_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "install", lambda names: pytest.fail(f"asked for {names}"))
    debian.ensure(["sh"])


def test_two_who_lack_a_program_at_once_install_it_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """apt-get fails while another one reads the lists of packages."""
    begun: list[list[str]] = []

    def install(names: list[str]) -> None:
        begun.append(names)
        time.sleep(0.2)  # long enough for the other one to come
        (tmp_path / "buildah").touch(mode=0o755)

    monkeypatch.setattr(debian, "install", install)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(debian.ensure, ["buildah"]) for _ in range(2)]:
            done.result()
    assert begun == [["buildah"]]


def test_without_rights_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(debian.PackageError, match="apt-get install redis-server"):
        debian.ensure(["redis-server"])


def test_a_failing_apt_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(debian.PackageError, match="could not install nothing-like-this"):
        debian.install(["nothing-like-this"])


def test_an_endless_apt_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(command: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(debian.PackageError, match="took over"):
        debian.install(["anything"])


def test_program_of_a_service_is_unpacked_once_and_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "usr/bin").mkdir(parents=True)
    (source / "usr/bin/promtool").write_text("#!/bin/sh\necho checked\n")
    (source / "usr/bin/promtool").chmod(0o755)
    (source / "DEBIAN").mkdir()
    control = "Package: prometheus\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: b\n"
    (source / "DEBIAN/control").write_text(control)
    asked: list[list[str]] = []

    def apt(arguments: list[str], _names: str, folder: Path | None = None) -> None:
        asked.append(arguments)
        if folder is not None:
            build = ["dpkg-deb", "--build", str(source), str(folder / "prometheus_1_all.deb")]
            subprocess.run(build, check=True, capture_output=True)

    monkeypatch.setattr(debian, "_apt", apt)
    found = shutil.which("dpkg-deb")
    which = {"promtool": None, "dpkg-deb": found, "apt-get": "apt-get"}.get
    monkeypatch.setattr(shutil, "which", which)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for _ in range(2):
        program = debian.unpacked("promtool")
    assert [(one[0], one[-1]) for one in asked] == [("download", "prometheus")]
    assert subprocess.run([program], capture_output=True, check=True).stdout == b"checked\n"
