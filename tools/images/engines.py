"""What builds an image: Docker when its engine answers, else buildah as root."""

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tools import debian
from tools.cache import cache_root
from tools.images import archive, programs
from tools.images.errors import ImageError

BUILD_SECONDS = 3600.0
COPY_SECONDS = 900.0
STORAGE = "images/containers"
"""buildah's own storage below the cache: nobody else's images are in it."""
BASES = "localhost/digital-human-base"
"""Local name of the bases that are made here."""
RUN_FOLDER = Path("/run/digital-human/images")


@dataclass(frozen=True)
class Build:
    """What an engine is asked to build."""

    dockerfile: str
    target: str
    name: str
    """Local name of the result."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    epoch: int = 0
    """Time that everything in the image is said to be made at, in seconds since 1970."""

    def options(self) -> list[str]:
        """Return the options that docker and buildah have in common."""
        pairs = [("--file", self.dockerfile), ("--target", self.target), ("--tag", self.name)]
        pairs += [("--build-arg", f"{name}={value}") for name, value in self.arguments.items()]
        pairs += [("--secret", f"id={name},src={path}") for name, path in self.secrets.items()]
        return [word for pair in pairs for word in pair]


class Engine(Protocol):
    """Builds images and hands them over as an OCI layout or as `docker save` makes them."""

    name: str

    def has(self, reference: str) -> bool:
        """Have an image here, pulled when it is not; False when no registry has it."""

    def load_base(self, tar: Path, name: str) -> None:
        """Have a base under a name, made of the tar of a root file system."""

    def build(self, wanted: Build, context: Path, log: Path) -> bool:
        """Build; says whether it succeeded."""

    def image_id(self, name: str) -> str:
        """Digest of the configuration of an image that is here."""

    def export(self, name: str, layout: Path, log: Path) -> None:
        """Write an image into an OCI layout, under its name."""

    def tidy(self) -> None:
        """Remove working containers and mounts that a build left."""

    def forget(self, logs: Iterable[Path]) -> None:
        """Remove layers that none of the builds of these logs made or used."""


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
            doing=f"building {wanted.target}",
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


class Buildah:
    """buildah as root, with storage of its own."""

    name = "buildah"

    def __init__(self) -> None:
        self.storage = cache_root() / STORAGE

    def has(self, reference: str) -> bool:
        """Have an image here, pulled when it is not."""
        command = self._command("pull", "--quiet", "--policy", "missing", reference)
        return programs.answer(command, COPY_SECONDS) is not None

    def load_base(self, tar: Path, name: str) -> None:
        """Add the tar of a root file system to nothing."""
        if programs.answer(self._command("inspect", "--type", "image", name)) is not None:
            return
        log = tar.with_suffix(".log")
        recipe = tar.with_suffix(".dockerfile")
        recipe.write_text(f"FROM scratch\nADD {tar.name} /\n")
        options = ["--file", str(recipe), "--tag", name, "--timestamp", "0", str(tar.parent)]
        try:
            command = self._command("bud", *options)
            if not programs.run(command, doing="loading a base", log=log, seconds=COPY_SECONDS):
                raise ImageError(f"buildah could not load a base:\n{programs.tail(log)}")
        finally:
            recipe.unlink(missing_ok=True)
        log.unlink()

    def build(self, wanted: Build, context: Path, log: Path) -> bool:
        """Build without an init system or namespaces of its own; layers are kept for the next."""
        options = ["--isolation", "chroot", "--layers", "--pull-never", "--format", "oci"]
        options += ["--timestamp", str(wanted.epoch)]
        return programs.run(
            self._command("bud", *options, *wanted.options(), str(context)),
            doing=f"building {wanted.target}",
            log=log,
            seconds=BUILD_SECONDS,
        )

    def image_id(self, name: str) -> str:
        """Digest of the configuration of an image that is here."""
        command = self._command("inspect", "--type", "image", "--format", "{{.FromImageID}}", name)
        found = (programs.answer(command) or "").strip()
        return f"sha256:{found}" if found else ""

    def export(self, name: str, layout: Path, log: Path) -> None:
        """Push the image into an OCI layout; blobs that are there already are not made again."""
        command = self._command("push", "--quiet", name, f"oci:{layout}:{name}")
        if not programs.run(command, doing="exporting", log=log, seconds=COPY_SECONDS):
            raise ImageError(f"buildah could not export {name}:\n{programs.tail(log)}")
        log.unlink()

    def tidy(self) -> None:
        """Remove working containers, and with them their mounts."""
        if self.storage.is_dir():
            programs.answer(self._command("rm", "--all"), COPY_SECONDS)

    def forget(self, logs: Iterable[Path]) -> None:
        """Remove bases and layers that the last builds neither made nor used."""
        said = "\n".join(log.read_text(errors="replace") for log in logs)
        template = "{{.ID}} {{.Name}}:{{.Tag}}"
        listing = self._command("images", "--all", "--no-trunc", "--format", template)
        for image in forgotten(programs.answer(listing) or "", said):
            programs.answer(self._command("rmi", image), COPY_SECONDS)

    def remove(self) -> None:
        """Remove every image of ours; layers are unmounted first."""
        if self.storage.is_dir():
            self.tidy()
            programs.answer(self._command("rmi", "--all", "--force"), COPY_SECONDS)

    def _command(self, *words: str) -> list[str]:
        places = ["--root", str(self.storage), "--runroot", str(RUN_FOLDER)]
        return ["buildah", *places, *words]


def choose(asked: str = "") -> Engine:
    """Return the engine that was asked for, or the first that works here."""
    if asked not in {"", "docker", "buildah"}:
        raise ImageError(f"There is no engine {asked}: name docker or buildah.")
    if asked != "buildah" and docker_answers():
        return Docker()
    if asked == "docker":
        raise ImageError("Docker does not answer: start it, or leave the engine to choose.")
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


def forgotten(listing: str, said: str) -> list[str]:
    """
    Return the images of a listing that no log speaks of, those that others stand on last.

    A listing has an id and a name in each line, older ones first; a log says `--> ID` for every
    layer that a build made or used, and `FROM NAME` for its bases.
    """
    layers = re.findall(r"^--> (?:Using cache )?([0-9a-f]{11,64})\b", said, re.MULTILINE)
    bases = set(re.findall(r" FROM (\S+)", said))
    found = []
    for line in listing.splitlines():
        full, name = line.split()
        image = full.removeprefix("sha256:")
        if name in bases or any(image.startswith(layer) for layer in layers):
            continue
        if name.startswith(("<none>", BASES)):
            found.append(image)
    return found[::-1]


def docker_answers() -> bool:
    """Say whether there is a Docker whose engine answers."""
    if not shutil.which("docker"):
        return False
    said = programs.answer(["docker", "version", "--format", "{{json .Server.Version}}"], 10)
    return said is not None and bool(_json(said))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
