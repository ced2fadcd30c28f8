"""
The base of the images: the one that was asked for, else one made of Debian's packages.

Where no registry can be reached, mmdebstrap makes small bases from the package sources of this
machine. They are kept in the user's cache by a hash of all that decides them; `--fresh-base`
makes them anew, with the security updates since.
"""

import hashlib
import json
import os
import platform
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tools import debian, trouble
from tools.cache import ROOT, cache_root, file_lock
from tools.images import programs
from tools.images.errors import ImageError
from tools.images.programs import say

DEFAULT = "docker.io/library/python:3.12-slim-bookworm"
"""What the Dockerfiles start from where a registry answers."""
TIDY = ROOT / "tools" / "images" / "tidy.sh"
RUNS = ("python3", "ca-certificates", "libstdc++6", "tzdata")
"""What runs our programs. libstdc++6: onnxruntime, gRPC and torch."""
KINDS = {
    "BASE": RUNS,
    "BUILD_BASE": (*RUNS, "python3-venv"),
    "COMPILER_BASE": (*RUNS, "g++", "gcc", "libc6-dev", "python3-dev"),
    "REDIS_BASE": (*RUNS, "redis-server"),
}
"""
Debian packages of each kind of base. Build arguments of the Dockerfiles are called so too, but for
REDIS_BASE, which is a BASE with the programs that REDIS_IMAGE would bring.
"""
DROPPED = ("man", "info", "locale", "lintian", "linda", "bug")
"""Folders of /usr/share that are not unpacked; of doc only the licences are."""
SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
RELEASE = Path("/etc/os-release")
SECONDS = 900


@dataclass(frozen=True)
class Recipe:
    """All that decides a base of Debian's packages."""

    suite: str
    architecture: str
    packages: tuple[str, ...]
    sources: tuple[str, ...]
    """Texts of the machine's package sources."""
    tidy: str

    def key(self) -> str:
        """Hash of all of it, options included."""
        text = json.dumps([asdict(self), options(self)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def recipe(kind: str) -> Recipe:
    """Return what a base is made of on this machine."""
    if not shutil.which("mmdebstrap") and not shutil.which("apt-get"):
        raise ImageError(
            "No registry answers, and only Debian and Ubuntu can make a base from packages:"
            " name a base that is here with --base."
        )
    return Recipe(
        suite=suite(RELEASE.read_text()),
        architecture=platform.machine(),
        packages=KINDS[kind],
        sources=tuple(path.read_text() for path in source_files()),
        tidy=TIDY.read_text(),
    )


def suite(release: str) -> str:
    """Return the code name of this machine's Debian or Ubuntu from its os-release."""
    values = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    name = values.get("VERSION_CODENAME", "").strip('"')
    if not name:
        raise ImageError("/etc/os-release tells no code name: name a base with --base.")
    return name


def source_files() -> list[Path]:
    """Files that say where this machine gets its Debian packages from."""
    files = [path for place in SOURCES for path in (place, *sorted(place.glob("*")))]
    return [
        path
        for path in files
        if path.suffix in {".list", ".sources"} and path.is_file() and path.stat().st_size
    ]


def options(wanted: Recipe) -> list[str]:
    """Return mmdebstrap's options for a recipe."""
    excluded = [f"path-exclude=/usr/share/{folder}/*" for folder in (*DROPPED, "doc")]
    included = ["path-include=/usr/share/doc/*/copyright"]
    return [
        "--variant=essential",
        "--format=tar",
        "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
        f"--include={','.join(wanted.packages)}",
        *(f"--dpkgopt={option}" for option in (*excluded, *included)),
    ]


def ensure(kind: str, *, fresh: bool = False) -> Path:
    """Return the tar of a base, made at most once however many ask at once."""
    wanted = recipe(kind)
    store = cache_root() / "images" / "bases"
    path = store / f"{wanted.suite}-{kind.lower()}-{wanted.key()}.tar"
    with file_lock(store / f".{kind.lower()}.lock"):
        if fresh or not path.is_file():
            _make(wanted, path)
            for other in store.glob(f"*-{kind.lower()}-*.tar"):
                if other != path:  # made for package sources that this machine had before
                    other.unlink()
    return path


def name(tar: Path) -> str:
    """Return a tag for a base that tells its contents: another base is another image."""
    with tar.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    return f"{tar.stem.rpartition('-')[0]}-{digest[:16]}"


def _make(wanted: Recipe, path: Path) -> None:
    """Run mmdebstrap in a folder beside the tar, and move what it made into place."""
    if os.geteuid() != 0:
        raise ImageError(
            "No registry answers, and a base of Debian's packages is made by root only:"
            " run it as root, or name a base that is here with --base."
        )
    try:
        debian.ensure(["mmdebstrap"])
    except debian.PackageError as error:
        raise ImageError(str(error)) from error
    scratch, log = path.with_suffix(".tmp"), path.with_suffix(".log")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    start = time.monotonic()
    try:
        _debootstrap(wanted, scratch, log)
        (scratch / "base.tar").rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    say(f"made a base of Debian packages ({wanted.suite}) in {time.monotonic() - start:.0f} s")


def _debootstrap(wanted: Recipe, scratch: Path, log: Path) -> None:
    """Run mmdebstrap; no time of now gets in, so that the same packages give the same base."""
    command = ["mmdebstrap", *options(wanted), f"--customize-hook={TIDY}", wanted.suite]
    made = programs.run(
        [*command, str(scratch / "base.tar"), *(str(file) for file in source_files())],
        doing="making a base of Debian packages",
        log=log,
        seconds=SECONDS,
        environment={"SOURCE_DATE_EPOCH": "0", "TMPDIR": str(scratch)},
    )
    if not made:
        told = log.read_text(errors="replace")
        if trouble.is_full(told):
            raise ImageError(f"No base was made, the disk of {scratch.parent} is full: make room.")
        if "Failed to fetch" in told:
            raise ImageError(
                "No Debian mirror can be reached: check the network and the proxy, or name a base"
                " that is here with --base."
            )
        said = [line for line in told.splitlines() if "E:" in line]
        reason = said[0].strip() if said else "it does not say why"
        raise ImageError(f"mmdebstrap could not make a base: {reason}; all it said is in {log}.")
    log.unlink()
