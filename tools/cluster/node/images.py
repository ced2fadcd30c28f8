"""Images for a node: the sandbox of its Pods, and those that were built here."""

import json
from pathlib import Path

from tools.cache import ROOT
from tools.cluster.errors import ClusterError
from tools.cluster.node import namespaces, oci
from tools.cluster.node.configs import PAUSE
from tools.cluster.node.place import CONTAINERD, Place
from tools.cluster.node.registry import Pushed, push

BUILT = ROOT / "build" / "images"
"""Where the images of this checkout lie, one archive each with a description beside it."""


def load_pause(place: Place, entered: list[str], program: Path) -> None:
    """Give containerd the sandbox image, which no registry is asked for."""
    archive = place.folder / "pause.tar"
    image = oci.Image(PAUSE, {"/pause": program.read_bytes()}, entrypoint=("/pause",))
    oci.write(image, archive)
    ctr(place, entered, "images", "import", str(archive))


def ctr(place: Place, entered: list[str], *arguments: str) -> str:
    """Run containerd's own client on what kubelet sees."""
    command = [str(place.programs / "ctr"), "--address", CONTAINERD, "--namespace", "k8s.io"]
    return namespaces.run_in(entered, [*command, *arguments])


def push_built(place: Place, folder: Path = BUILT) -> dict[str, Pushed]:
    """Send every image that was built to the node's registry; return them by name."""
    pushed = {}
    for description in sorted(folder.glob("*.json")):
        if description.name.endswith(".cdx.json"):
            continue
        known = json.loads(description.read_text())
        image = push(place.registry, folder / known["archive"])
        if image.digest != known["digest"]:
            raise ClusterError(
                f"{description} tells of another image than its archive holds: run make images."
            )
        pushed[known["name"]] = image
    return pushed
