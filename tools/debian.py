"""Programs of Debian packages, installed where we may: `python -m tools.debian redis-server`.

Standard library only: this runs before anything is installed.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tools import trouble
from tools.cache import cache_root, file_lock

PROGRAMS = {
    "redis-server": "redis-server",
    "chromium": "chromium",
    "espeak-ng": "espeak-ng",
    "runc": "runc",
    "nft": "nftables",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "mount": "mount",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "restic": "restic",
}
"""Program -> package of Debian and Ubuntu that holds it."""
UNPACKED = {"promtool": "prometheus"}
"""The same for packages that would start a service, of which only a program is wanted."""
SECONDS = 600


class PackageError(RuntimeError):
    """A package is missing and could not be installed; the message says what to do."""


def ensure(programs: Iterable[str]) -> None:
    """Have these programs on PATH: installs the packages of those that are missing, as root."""
    programs = list(programs)
    if not _missing(programs):
        return
    with file_lock(_lock()):  # two of apt-get at once are in each other's way
        if missing := _missing(programs):
            install([PROGRAMS.get(name, name) for name in missing])
    still = _missing(programs)
    if still:
        raise PackageError(f"{still[0]} is not on PATH after its package was installed.")


def _missing(programs: list[str]) -> list[str]:
    return [name for name in programs if not shutil.which(name)]


def _lock() -> Path:
    return cache_root() / "debian" / ".lock"


def install(packages: list[str]) -> None:
    """Install packages with apt-get; one sentence where that cannot be done."""
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise PackageError(
            f"These programs are missing: install {names} (apt-get install {names})."
        )
    print(f"installing {names}", file=sys.stderr, flush=True)
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        _apt(arguments, names)


def unpacked(program: str) -> Path:
    """
    A program of a package that would start a service: its files only, in the user's cache.

    Raises PackageError.
    """
    found = shutil.which(program)
    if found:
        return Path(found)
    package = UNPACKED[program]
    folder = cache_root() / "debian" / f"{package}-{platform.machine()}"
    with file_lock(_lock()):
        if not folder.is_dir():
            _unpack(package, folder)
    return folder / "usr" / "bin" / program


def _unpack(package: str, folder: Path) -> None:
    if not shutil.which("apt-get"):
        raise PackageError(f"A program is missing: install {package}.")
    print(f"fetching {package}", file=sys.stderr, flush=True)
    if os.geteuid() == 0:
        _apt(["update"], package)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        _apt(["download", "-o", "APT::Sandbox::User=root", package], package, Path(temporary))
        (archive,) = Path(temporary).glob("*.deb")
        half = Path(temporary) / "files"
        words = [shutil.which("dpkg-deb") or "dpkg-deb", "-x", str(archive), str(half)]
        subprocess.run(words, check=True, timeout=SECONDS)
        half.rename(folder)


def _apt(arguments: list[str], names: str, folder: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["-qq", "-o", f"DPkg::Lock::Timeout={SECONDS}"]
    command = ["apt-get", *quiet, *arguments]
    try:
        code = subprocess.run(
            command, env=environment, stdout=sys.stderr, check=False, timeout=SECONDS, cwd=folder
        ).returncode
    except subprocess.TimeoutExpired as expired:
        raise PackageError(f"apt-get took over {SECONDS} s for {names}: try again.") from expired
    if code:
        raise PackageError(
            f"apt-get could not install {names} ({trouble.ABOVE}): mend that and try again."
        )


if __name__ == "__main__":
    try:
        for name in sys.argv[1:]:
            if name in UNPACKED:
                unpacked(name)
        ensure(name for name in sys.argv[1:] if name not in UNPACKED)
    except PackageError as error:
        sys.exit(str(error))
