"""The key of a built binary changes with all that decides it, and with nothing else."""

import dataclasses
import re
import threading
from pathlib import Path

import pytest

from tools.binaries import build, toolchain
from tools.binaries.specs import LANES, TOOLS, Tool
from tools.cache import ROOT

GO = "go1.26.6 linux/amd64"
TOOL = Tool("hello", "hello", (("hello", "example.invalid/hello"),))


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.invalid/hello\n")
    (folder / "go.sum").write_text("")
    return folder


def test_the_key_is_stable(module: Path) -> None:
    assert build.key(TOOL, module, GO) == build.key(TOOL, module, GO)


def test_the_key_does_not_depend_on_the_folder(module: Path, tmp_path: Path) -> None:
    elsewhere = module.rename(tmp_path / "moved")
    again = tmp_path / "hello"
    again.mkdir()
    for name in ("go.mod", "go.sum"):
        (again / name).write_text((elsewhere / name).read_text())
    assert build.key(TOOL, again, GO) == build.key(TOOL, elsewhere, GO)


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(TOOL, tags="extra"),
        dataclasses.replace(TOOL, ldflags="-s"),
        dataclasses.replace(TOOL, commands=(("hello", "example.invalid/other"),)),
    ],
)
def test_flags_and_commands_change_the_key(changed: Tool, module: Path) -> None:
    assert build.key(changed, module, GO) != build.key(TOOL, module, GO)


@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_module_files_change_the_key(file: str, module: Path) -> None:
    before = build.key(TOOL, module, GO)
    (module / file).write_text("require example.invalid/other v1.0.0\n")
    assert build.key(TOOL, module, GO) != before


def test_our_own_sources_change_the_key(module: Path) -> None:
    before = build.key(TOOL, module, GO)
    (module / "main.go").write_text("package main\n")
    assert build.key(TOOL, module, GO) != before


def test_moving_text_between_the_files_changes_the_key(module: Path) -> None:
    (module / "go.mod").write_text("ab")
    (module / "go.sum").write_text("c")
    before = build.key(TOOL, module, GO)
    (module / "go.mod").write_text("a")
    (module / "go.sum").write_text("bc")
    assert build.key(TOOL, module, GO) != before


@pytest.mark.parametrize("go", ["go1.26.7 linux/amd64", "go1.26.6 linux/arm64"])
def test_toolchain_and_machine_change_the_key(go: str, module: Path) -> None:
    assert build.key(TOOL, module, go) != build.key(TOOL, module, GO)


def test_two_that_ask_at_once_build_once(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = []

    def compile_slowly(tool: Tool, module: Path, go: Path, scratch: Path) -> None:
        builds.append(tool.name)
        (scratch / "hello").write_text("binary")

    (tmp_path / "tools").mkdir()
    module.rename(tmp_path / "tools" / "hello")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "cache_root", lambda: tmp_path / "cache")
    monkeypatch.setattr(build, "_go_build", compile_slowly)
    monkeypatch.setattr(toolchain, "find", lambda: toolchain.Toolchain(GO, Path("/bin/true")))
    threads = [threading.Thread(target=build.ensure, args=(TOOL,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builds == ["hello"]
    assert (build.ensure(TOOL) / "hello").read_text() == "binary"


def test_a_failed_build_leaves_nothing_and_shows_the_compiler(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho 'main.go:1: no such thing' >&2\nexit 1\n")
    go.chmod(0o755)
    folder = tmp_path / "bin" / "hello-1"
    folder.parent.mkdir()
    with pytest.raises(build.BuildError, match=r"Building hello failed:\nmain\.go:1: no such"):
        build._build(TOOL, module, go, folder)
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'Get "https://proxy.golang.org/x.zip": dial tcp: connect: network is unreachable',
            r"^hello was not built, the Go modules.*check the network .*GOPROXY\)\.\nGet ",
        ),
        (
            "compile: writing output: no space left on device",
            r"^hello was not built, the disk is full: make room, .*GOCACHE and TMPDIR\.$",
        ),
    ],
)
def test_no_network_and_no_room_are_one_sentence(  # noqa: PLR0917 - fixtures
    said: str,
    told: str,
    module: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    go.chmod(0o755)
    folder = tmp_path / "bin" / "hello-1"
    folder.parent.mkdir()
    with pytest.raises(build.BuildError, match=told):
        build._build(TOOL, module, go, folder)
    assert list(folder.parent.iterdir()) == []
    assert capsys.readouterr().err == "gave up hello in 0 s\n"


def test_a_disk_so_full_that_the_compiler_says_nothing() -> None:
    assert "the disk is full" in build.failure("hello", 1, "")


def test_a_compiler_that_is_killed_is_told_so() -> None:
    assert "signal 9 ended it" in build.failure("hello", -9, "")


def test_a_go_that_cannot_be_installed_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'dns error' >&2\nexit 2\n")
    uv.chmod(0o755)
    monkeypatch.setattr("tools.uv.ensure", lambda: uv)
    monkeypatch.setattr(toolchain, "cache_root", lambda: tmp_path / "cache")
    with pytest.raises(
        toolchain.ToolchainError, match=r"could not be installed.*the network.*Go 1"
    ):
        toolchain._install("go1.26.0 linux/amd64")
    assert [path.suffix for path in (tmp_path / "cache" / "go").iterdir()] == [".lock"]


def test_every_lane_names_tools_that_exist() -> None:
    assert {tool for tools in LANES.values() for tool in tools} <= TOOLS.keys()


def test_an_old_go_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    toolchain.find.cache_clear()
    try:
        assert toolchain.find().path is None
        assert toolchain.find().version.startswith("go1.26.")
    finally:
        toolchain.find.cache_clear()


TOGETHER = (
    ("helm3", "helm4"),
    ("kwok", "policies", "coredns", "metrics-server", "custom-metrics"),
)
"""Made of the same libraries: what is compiled for one, the others find in the cache of Go."""


@pytest.mark.parametrize("names", TOGETHER, ids=lambda names: names[0])
def test_tools_of_the_same_libraries_have_them_in_the_same_versions(names: tuple[str, ...]) -> None:
    versions: dict[str, dict[str, set[str]]] = {}
    for name in names:
        text = (ROOT / "tools" / TOOLS[name].module / "go.mod").read_text()
        for path, version in re.findall(r"^\s+(\S+) (v\S+)", text, re.MULTILINE):
            versions.setdefault(path, {}).setdefault(version, set()).add(name)
    assert len(versions) > 50
    apart = {path: found for path, found in versions.items() if len(found) > 1}
    assert apart == {}, "raise the lower ones with `go get MODULE@VERSION`, then `go mod tidy`"
