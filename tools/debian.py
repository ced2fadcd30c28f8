"""Programs of Debian packages, installed where we may: `python -m tools.debian redis-server`.

Standard library only: this runs before anything is installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

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
}
"""Program -> package of Debian and Ubuntu that holds it."""
SECONDS = 600


class PackageError(RuntimeError):
    """A package is missing and could not be installed; the message says what to do."""


def ensure(programs: Iterable[str]) -> None:
    """Have these programs on PATH: installs the packages of those that are missing, as root."""
    missing = [PROGRAMS.get(name, name) for name in programs if not shutil.which(name)]
    if missing:
        install(missing)
    still = [name for name in programs if not shutil.which(name)]
    if still:
        raise PackageError(f"{still[0]} is not on PATH after its package was installed.")


def install(packages: list[str]) -> None:
    """Install packages with apt-get; one sentence where that cannot be done."""
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise PackageError(
            f"These programs are missing: install {names} (apt-get install {names})."
        )
    print(f"installing {names}", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["-qq", "-o", f"DPkg::Lock::Timeout={SECONDS}"]
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        command = ["apt-get", *quiet, *arguments]
        try:
            code = subprocess.run(
                command, env=environment, stdout=sys.stderr, check=False, timeout=SECONDS
            ).returncode
        except subprocess.TimeoutExpired as expired:
            raise PackageError(
                f"apt-get took over {SECONDS} s for {names}: try again."
            ) from expired
        if code:
            raise PackageError(f"apt-get could not install {names}: install it and try again.")


if __name__ == "__main__":
    try:
        ensure(sys.argv[1:])
    except PackageError as error:
        sys.exit(str(error))
