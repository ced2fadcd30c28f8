"""Building with buildah: as root, without an engine, in a storage of its own."""

import hashlib
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path

from tools.cache import cache_root
from tools.images import programs
from tools.images.engine import BUILD_SECONDS, COPY_SECONDS, OURS, Build
from tools.images.errors import ImageError

STORAGE = "images/containers"
"""buildah's own storage below the cache: nobody else's images are in it."""
RUN_FOLDER = Path("/run/digital-human/images")
"""Where what runs now is noted, for each storage apart; gone when the machine starts again."""
CONNECT_SECONDS = 5.0
DOCKER_HUB = "registry-1.docker.io"
"""The host that answers for docker.io."""


class Buildah:
    """buildah as root, with storage of its own."""

    name = "buildah"

    def __init__(self) -> None:
        self.storage = cache_root() / STORAGE
        place = hashlib.sha256(str(self.storage).encode()).hexdigest()[:8]
        self.running = RUN_FOLDER / place

    def has(self, reference: str) -> bool:
        """Have an image here, pulled when it is not."""
        if programs.answer(self._command("inspect", "--type", "image", reference)) is not None:
            return True
        if not answers(*registry(reference)):
            return False
        return (
            programs.answer(self._command("pull", "--quiet", reference), COPY_SECONDS) is not None
        )

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
            doing=f"building {wanted.shown}",
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
        places = ["--root", str(self.storage), "--runroot", str(self.running)]
        return ["buildah", *places, *words]


def registry(reference: str) -> tuple[str, int]:
    """Return host and port of the registry that an image comes from."""
    first, _, rest = reference.partition("/")
    if not rest or not {".", ":"} & {*first}:
        first = "docker.io"
    host, _, port = first.partition(":")
    return DOCKER_HUB if host == "docker.io" else host, int(port or 443)


def answers(host: str, port: int) -> bool:
    """Say whether a registry can be there: a pull that nobody answers takes minutes."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy")):
        return True  # the proxy knows
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def forgotten(listing: str, said: str) -> list[str]:
    """
    Return the images of a listing that no log speaks of, those that others stand on last.

    A listing has an id and a name in each line, older ones first; a log says `--> ID` for every
    layer that a build made or used, `FROM NAME` for its bases and `COMMIT NAME` for its result.
    """
    layers = re.findall(r"^--> (?:Using cache )?([0-9a-f]{11,64})\b", said, re.MULTILINE)
    names = set(re.findall(r" (?:FROM|COMMIT) (\S+)", said))
    found = []
    for line in listing.splitlines():
        full, name = line.split()
        image = full.removeprefix("sha256:")
        if name.startswith("<none>"):
            found += [] if any(image.startswith(layer) for layer in layers) else [image]
        elif name.startswith(OURS) and name not in names:
            found.append(name)
    return found[::-1]
