"""
OCI archives: one image in a tar, with the digest that any registry will know it by.

buildah writes an OCI layout; `docker save` writes a tar of its own, which becomes such a layout
here. Nothing in an archive depends on when or where it was written.
"""

import gzip
import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from tools.images.errors import ImageError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
REFERENCE = "org.opencontainers.image.ref.name"
CONTAINERD = "io.containerd.image.name"
"""Annotations that give an image its name: skopeo's and Docker's, and containerd's."""
GZIP = b"\x1f\x8b"
LEVEL = 6
PIECE = 1 << 20


@dataclass(frozen=True)
class Layout:
    """A folder with an OCI image layout, and the manifest of one image in it."""

    folder: Path
    descriptor: Mapping[str, Any]
    """Of the manifest, as the index lists it."""

    @property
    def digest(self) -> str:
        """What a registry pulls the image by."""
        return str(self.descriptor["digest"])

    def blob(self, digest: str) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def manifest(self) -> Any:
        """The manifest, parsed."""
        return json.loads(self.blob(self.digest).read_bytes())

    def config(self) -> Any:
        """The configuration, parsed."""
        return json.loads(self.blob(self.manifest()["config"]["digest"]).read_bytes())

    def blobs(self) -> list[str]:
        """Digests of all that belongs to the image."""
        manifest = self.manifest()
        layers = [layer["digest"] for layer in manifest["layers"]]
        return [self.digest, manifest["config"]["digest"], *layers]


def find(folder: Path, name: str) -> Layout:
    """Return the image of a name in a layout."""
    index = json.loads((folder / "index.json").read_bytes())
    for descriptor in index["manifests"]:
        if descriptor.get("annotations", {}).get(REFERENCE) == name:
            return Layout(folder, descriptor)
    raise ImageError(f"The build wrote no image {name} into {folder}: remove the folder.")


def forget_others(folder: Path) -> None:
    """Remove blobs that no image of a layout has any more."""
    index = json.loads((folder / "index.json").read_bytes())
    kept = {
        blob.removeprefix("sha256:")
        for descriptor in index["manifests"]
        for blob in Layout(folder, descriptor).blobs()
    }
    for path in (folder / "blobs" / "sha256").iterdir():
        if path.name not in kept:
            path.unlink()


def write(layout: Layout, reference: str, target: Path) -> None:
    """Write an image as an archive that carries its name."""
    descriptor = {
        "mediaType": layout.descriptor["mediaType"],
        "digest": layout.digest,
        "size": layout.descriptor["size"],
        "annotations": {CONTAINERD: reference, REFERENCE: reference},
    }
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add_bytes(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add_bytes(archive, "index.json", _json(index))
        for digest in sorted(set(layout.blobs())):
            path = layout.blob(digest)
            with path.open("rb") as source:
                member = tarfile.TarInfo(f"blobs/sha256/{path.name}")
                member.size = path.stat().st_size
                archive.addfile(member, source)


def from_docker(saved: Path, folder: Path, name: str) -> None:
    """Turn what `docker save` wrote into a layout: its configuration, its layers compressed."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "blobs" / "sha256").mkdir(parents=True)
    with tarfile.open(saved) as archive:
        (entry,) = json.load(_member(archive, "manifest.json"))
        config = _store(folder, _pieces(_member(archive, entry["Config"])), CONFIG)
        layers = [
            _store(folder, _compressed(_member(archive, layer)), LAYER) for layer in entry["Layers"]
        ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    descriptor = _store(folder, iter([_json(manifest)]), MANIFEST)
    descriptor["annotations"] = {REFERENCE: name}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(_json(index))


def _member(archive: tarfile.TarFile, name: str) -> BinaryIO:
    """Open a file of a saved image; links between its layers are followed."""
    try:
        found = archive.extractfile(name)
    except KeyError as error:
        raise ImageError(f"docker saved no {name}: update Docker to 20.10 or newer.") from error
    if found is None:
        raise ImageError(f"docker saved {name} as something else than a file: update Docker.")
    return found  # type: ignore[return-value]


def _store(folder: Path, pieces: Iterator[bytes], media_type: str) -> dict[str, Any]:
    """Keep a blob under its digest; return its descriptor."""
    scratch = folder / "blob.tmp"
    digest, size = hashlib.sha256(), 0
    with scratch.open("wb") as sink:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            sink.write(piece)
    scratch.rename(folder / "blobs" / "sha256" / digest.hexdigest())
    return {"mediaType": media_type, "digest": f"sha256:{digest.hexdigest()}", "size": size}


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    """A file in pieces."""
    while piece := source.read(PIECE):
        yield piece


def _compressed(source: BinaryIO) -> Iterator[bytes]:
    """A layer in pieces, compressed unless it is already."""
    start = source.read(len(GZIP))
    if start == GZIP:
        yield start
        yield from _pieces(source)
        return
    buffer = BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=LEVEL) as squeezer:
        squeezer.write(start)
        for piece in _pieces(source):
            squeezer.write(piece)
            yield _drained(buffer)
    yield _drained(buffer)


def _drained(buffer: BytesIO) -> bytes:
    """Return what a buffer holds, and empty it."""
    held = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return held


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
