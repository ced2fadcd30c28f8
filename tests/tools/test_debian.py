"""Programs from Debian packages: installed where we may, else one sentence."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools import debian


def test_nothing_is_asked_for_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "install", lambda names: pytest.fail(f"asked for {names}"))
    debian.ensure(["sh"])


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
