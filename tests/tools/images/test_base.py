"""A base of Debian's packages: keyed by what decides it, made once, and never half."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.images import base
from tools.images.errors import ImageError

RECIPE = base.Recipe("bookworm", "x86_64", ("python3",), ("deb http://a.example.com x main",), "#")
Program = Callable[[str, str], Path]
MAKES = 'for last; do case "$last" in *.tar) echo base > "$last";; esac; done'
"""An mmdebstrap that writes the tar it is asked for."""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Debian, and us as its root."""
    release, sources = tmp_path / "os-release", tmp_path / "sources.list"
    release.write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    sources.write_text("deb http://a.example.com bookworm main\n")
    monkeypatch.setattr(base, "RELEASE", release)
    monkeypatch.setattr(base, "SOURCES", (sources,))
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.parametrize(
    "change",
    [
        {"suite": "trixie"},
        {"architecture": "aarch64"},
        {"packages": ("python3", "gcc")},
        {"sources": ("deb http://b.example.com x main",)},
        {"tidy": "# other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_key_changes_with_all_that_decides_the_base(change: dict[str, object]) -> None:
    other = dataclasses.replace(RECIPE, **change)  # type: ignore[arg-type]
    assert other.key() != RECIPE.key() == dataclasses.replace(RECIPE).key()


def test_licences_stay_where_documentation_goes() -> None:
    options = base.options(RECIPE)
    out = options.index("--dpkgopt=path-exclude=/usr/share/doc/*")
    assert options.index("--dpkgopt=path-include=/usr/share/doc/*/copyright") > out


def test_a_base_is_made_once(cache: Path, program: Program, tmp_path: Path) -> None:
    program("mmdebstrap", f"echo run >> {tmp_path}/runs\n{MAKES}")
    first = base.ensure("BASE")
    assert base.ensure("BASE") == first
    assert (tmp_path / "runs").read_text() == "run\n"
    base.ensure("BASE", fresh=True)
    assert (tmp_path / "runs").read_text() == "run\nrun\n"
    assert sorted(path.name for path in first.parent.iterdir()) == [".base.lock", first.name]


def test_a_base_of_other_sources_replaces_the_one_before(cache: Path, program: Program) -> None:
    program("mmdebstrap", MAKES)
    first = base.ensure("BASE")
    build = base.ensure("BUILD_BASE")
    base.SOURCES[0].write_text("deb http://b.example.com bookworm main\n")
    second = base.ensure("BASE")
    assert not first.exists()
    assert second.exists()
    assert build.exists()


def test_its_name_tells_its_contents(tmp_path: Path) -> None:
    tar = tmp_path / "bookworm-base-0123456789abcdef.tar"
    tar.write_text("one")
    first = base.name(tar)
    tar.write_text("two")
    assert first.startswith("bookworm-base-")
    assert base.name(tar) != first


def test_a_failure_is_a_sentence_and_leaves_no_base(cache: Path, program: Program) -> None:
    body = f"{MAKES}\necho 'E: cannot reach a.example.com' >&2\nexit 25"
    program("mmdebstrap", body)
    with pytest.raises(ImageError, match=r"make a base: E: cannot reach a\.example\.com; all"):
        base.ensure("BASE")
    left = {path.suffix for path in (cache / "images" / "bases").iterdir()}
    assert left == {".lock", ".log"}


def test_only_root_makes_a_base(
    cache: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("mmdebstrap", MAKES)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ImageError, match="run it as root, or name a base"):
        base.ensure("BASE")


def test_a_machine_without_debian_s_tools_is_told_to_name_a_base(
    cache: Path, program: Program
) -> None:
    with pytest.raises(ImageError, match=r"only Debian and Ubuntu .* --base"):
        base.ensure("BASE")


def test_a_machine_without_a_code_name_is_told_to_name_a_base() -> None:
    with pytest.raises(ImageError, match="--base"):
        base.suite("ID=gentoo\n")
