"""Building with Docker: its engine, and BuildKit for the secrets."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from tools.images import archive, programs
from tools.images.engine import BUILD_SECONDS, COPY_SECONDS, Build
from tools.images.errors import ImageError

BUILDX_SINCE = 23
"""Major version of the docker command that has BuildKit in a plugin, and not in itself."""


class Docker:
    """A Docker engine with BuildKit."""

    name = "docker"

    def has(self, reference: str) -> bool:
        """Have an image here, pulled when it is not."""
        if programs.answer(["docker", "image", "inspect", reference]) is not None:
            return True
        return programs.answer(["docker", "pull", "--quiet", reference], COPY_SECONDS) is not None

    def load_base(self, tar: Path, name: str) -> None:
        """Import the tar of a root file system."""
        if programs.answer(["docker", "image", "inspect", name]) is not None:
            return
        if programs.answer(["docker", "import", str(tar), name], COPY_SECONDS) is None:
            raise ImageError(f"docker could not import {tar}: is its disk full?")

    def build(self, wanted: Build, context: Path, log: Path) -> bool:
        """Build with BuildKit, which knows secrets."""
        epoch = {"SOURCE_DATE_EPOCH": str(wanted.epoch), "DOCKER_BUILDKIT": "1"}
        plain = ["--progress", "plain", "--build-arg", f"SOURCE_DATE_EPOCH={wanted.epoch}"]
        return programs.run(
            ["docker", "build", *wanted.options(), *plain, str(context)],
            doing=f"building {wanted.shown}",
            log=log,
            seconds=BUILD_SECONDS,
            environment=epoch,
        )

    def image_id(self, name: str) -> str:
        """Digest of the configuration of an image that is here."""
        command = ["docker", "image", "inspect", "--format", "{{.Id}}", name]
        return (programs.answer(command) or "").strip()

    def export(self, name: str, layout: Path, log: Path) -> None:
        """Save the image and turn it into an OCI layout."""
        saved = layout.with_suffix(".saved.tar")
        command = ["docker", "save", "--output", str(saved), name]
        try:
            if not programs.run(command, doing="exporting", log=log, seconds=COPY_SECONDS):
                raise ImageError(f"docker could not save {name}:\n{programs.tail(log)}")
            archive.from_docker(saved, layout, name)
            log.unlink()
        finally:
            saved.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Nothing: the engine looks after itself."""

    def forget(self, logs: Iterable[Path]) -> None:
        """Nothing: the engine's cache has a limit of its own."""


def misses() -> str:
    """Return what a person has to do before Docker can build; empty when it can."""
    if not shutil.which("docker"):
        return "There is no Docker here: install it"
    said = programs.answer(["docker", "version", "--format", "{{json .Server.Version}}"], 10)
    if said is None or not _json(said):
        return "Docker does not answer: start it"
    client = programs.answer(["docker", "version", "--format", "{{.Client.Version}}"], 10) or ""
    buildx = programs.answer(["docker", "buildx", "version"], 10) is not None
    if not buildx and int(client.partition(".")[0] or 0) >= BUILDX_SINCE:
        return "Docker cannot hand over secrets to a build: install its buildx plugin"
    return ""


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
