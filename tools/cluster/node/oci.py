"""Small images of our own, written as OCI archives: the same files give the same digest."""

import hashlib
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Image:
    """An image of one layer."""

    reference: str
    """The whole name, with host and tag."""
    programs: Mapping[str, bytes]
    """Executable files by absolute path."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links: absolute path -> target."""
    entrypoint: tuple[str, ...] = ()
    user: str = "65532:65532"


def write(image: Image, target: Path) -> str:
    """Write the archive and return the digest of its manifest."""
    layer = _layer(image)
    config = _json(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "User": image.user,
                "Env": ["PATH=/bin"],
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    kind = "application/vnd.oci.image"
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _describe(config, f"{kind}.config.v1+json"),
            "layers": [_describe(layer, f"{kind}.layer.v1.tar")],
        }
    )
    names = {
        "io.containerd.image.name": image.reference,
        "org.opencontainers.image.ref.name": image.reference,
    }
    entry = {**_describe(manifest, MANIFEST), "annotations": names}
    index = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
    with tarfile.open(target, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", index)
        for blob in (config, manifest, layer):
            _add(archive, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
    return _digest(manifest)


def _layer(image: Image) -> bytes:
    """Return the layer; without times, so that it never differs."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        paths = [*image.programs, *image.links]
        for folder in sorted({str(Path(path).parent).strip("/") for path in paths} - {""}):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
        for path, content in sorted(image.programs.items()):
            _add(archive, path.lstrip("/"), content, 0o755)
        for path, goal in sorted(image.links.items()):
            member = tarfile.TarInfo(path.lstrip("/"))
            member.type, member.linkname = tarfile.SYMTYPE, goal
            archive.addfile(member)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Add one file."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, BytesIO(content))


def _describe(blob: bytes, media_type: str) -> dict[str, Any]:
    """Return the descriptor of a blob."""
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
