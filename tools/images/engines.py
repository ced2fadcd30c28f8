"""Which engine builds: Docker when it can, else buildah as root, else a sentence."""

import os

from tools import debian
from tools.images import docker
from tools.images.buildah import Buildah
from tools.images.docker import Docker
from tools.images.engine import Engine
from tools.images.errors import ImageError


def choose(asked: str = "") -> Engine:
    """Return the engine that was asked for, or the first that works here."""
    if asked not in {"", "docker", "buildah"}:
        raise ImageError(f"There is no engine {asked}: name docker or buildah.")
    missing = docker.misses() if asked != "buildah" else ""
    if asked != "buildah" and not missing:
        return Docker()
    if asked == "docker":
        raise ImageError(f"{missing}, or leave the engine to choose.")
    if os.geteuid() != 0:
        raise ImageError(
            "Building images needs Docker or root: start Docker, or run it as root, where"
            " buildah does it without an engine."
        )
    try:
        debian.ensure(["buildah"])
    except debian.PackageError as error:
        raise ImageError(f"Docker does not answer, and buildah is missing: {error}") from error
    return Buildah()
