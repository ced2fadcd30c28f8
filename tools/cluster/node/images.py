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


def push_built(place: Place, names: list[str], folder: Path = BUILT) -> list[Pushed]:
    """Send images that were built to the node's registry; no names: all there are."""
    present = sorted(path.stem for path in folder.glob("*.json") if ".cdx" not in path.suffixes)
    for name in names:
        if name not in present:
            raise ClusterError(f"There is no image {name!r} in {folder}: run `make images`.")
    return [_push_one(place, folder / f"{name}.json") for name in names or present]


def _push_one(place: Place, description: Path) -> Pushed:
    """Send one image; raises ClusterError when archive and description do not agree."""
    try:
        known = json.loads(description.read_text())
        archive, digest = description.parent / known["archive"], known["digest"]
    except (OSError, ValueError, KeyError) as error:
        raise ClusterError(f"{description} cannot be read: run `make images`.") from error
    image = push(place.registry, archive)
    if image.digest != digest:
        raise ClusterError(
            f"{description} tells of another image than its archive holds: run `make images`."
        )
    return image
