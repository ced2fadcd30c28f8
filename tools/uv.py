"""The uv that everything is installed with: the user's own, or one in the project's cache.

Standard library only: this runs before anything is installed.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from tools import debian, trouble
from tools.cache import ROOT, cache_root, file_lock

REQUIREMENTS = ROOT / "requirements" / "uv.txt"


class UvError(RuntimeError):
    """uv is not here and could not be installed; the message says what to do."""


@lru_cache(maxsize=1)
def ensure() -> Path:
    """Return uv: from PATH when it is at least the pinned version, else the pinned one."""
    pinned = pinned_version()
    on_path = shutil.which("uv")
    if on_path and as_numbers(version(Path(on_path))) >= as_numbers(pinned):
        return Path(on_path)
    folder = cache_root() / "uv" / f"{pinned}-{sys.version_info[0]}.{sys.version_info[1]}"
    uv = folder / "bin" / "uv"
    if version(uv) != pinned:
        with file_lock(folder.with_suffix(".lock")):
            if version(uv) != pinned:
                _install(folder)
    if version(uv) != pinned:
        raise UvError(f"uv {pinned} was installed but does not run: remove {folder} and try again.")
    return uv


def pinned_version() -> str:
    """Return the version that requirements/uv.txt pins."""
    match = re.search(r"^uv==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    if not match:
        raise UvError(f"{REQUIREMENTS.name} pins no uv: restore it from git.")
    return match[1]


def version(uv: Path) -> str:
    """Ask a uv for its version; empty when there is none that answers."""
    try:
        answer = subprocess.run([str(uv), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    match = re.match(r"uv (\S+)", answer.stdout)
    return match[1] if match else ""


def as_numbers(text: str) -> tuple[int, ...]:
    """Turn `0.13.9` into numbers that compare; anything else sorts first."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _install(folder: Path) -> None:
    """Install the pinned uv into a virtual environment of its own, hashes checked."""
    _need_ensurepip()
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing uv {pinned_version()} from PyPI", file=sys.stderr, flush=True)
    create = [sys.executable, "-m", "venv", str(folder)]
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    install = [*pip, "--quiet", "--require-hashes", "-r", str(REQUIREMENTS)]
    for command in (create, install):
        if subprocess.run(command, check=False).returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise UvError(
                f"uv could not be installed from PyPI ({trouble.ABOVE}): mend that, or install uv"
                f" {pinned_version()} yourself."
            )


def _need_ensurepip() -> None:
    """Have Python's ensurepip; Debian and Ubuntu ship it as a package of its own."""
    if importlib.util.find_spec("ensurepip"):
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    try:
        debian.install([package])
    except debian.PackageError as error:
        raise UvError(f"Python's venv module is incomplete: {error}") from error
    importlib.invalidate_caches()
