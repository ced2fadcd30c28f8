"""Sending OCI archives to a registry: digests stay as they are, and nothing is sent twice."""

import http.client
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from tools.cluster.errors import ClusterError

SECONDS = 300.0
CREATED, OK, ACCEPTED = 201, 200, 202


@dataclass(frozen=True)
class Pushed:
    """An image as the registry has it."""

    reference: str
    """The name it had in its archive."""
    digest: str

    @property
    def pinned(self) -> str:
        """The reference that no later push can change."""
        repository, tag = self.reference.rsplit(":", maxsplit=1)
        return f"{self.reference if '/' in tag else repository}@{self.digest}"


def push(address: str, archive: Path) -> Pushed:
    """Send the image of an OCI archive to the registry at `host:port`."""
    try:
        with tarfile.open(archive, "r:") as tar:
            return _push(address, archive, tar)
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise ClusterError(
            f"{archive} cannot be sent to the registry ({error}): run `make images`."
        ) from error


def _push(address: str, archive: Path, tar: tarfile.TarFile) -> Pushed:
    """Send configuration and layers, then the manifest under its tag."""
    [entry] = json.load(_open(tar, "index.json"))["manifests"]
    reference = entry.get("annotations", {}).get("io.containerd.image.name", "")
    if ":" not in reference:
        raise ClusterError(f"{archive} has no image name in it: run `make images`.")
    repository, tag = repository_and_tag(reference)
    manifest = _open(tar, _blob(entry["digest"])).read()
    parsed = json.loads(manifest)
    connection = http.client.HTTPConnection(address, timeout=SECONDS)
    try:
        for part in (parsed["config"], *parsed["layers"]):
            _send_blob(connection, repository, part, tar)
        kind = {"Content-Type": entry["mediaType"]}
        _call(
            connection,
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            expected=CREATED,
            body=manifest,
            headers=kind,
        )
    finally:
        connection.close()
    return Pushed(reference, entry["digest"])


def repository_and_tag(reference: str) -> tuple[str, str]:
    """Split a whole image name; the host is left out, since a mirror is asked without it."""
    name, _, tag = reference.rpartition(":")
    host, _, rest = name.partition("/")
    return (rest if "." in host or ":" in host or host == "localhost" else name), tag


def _send_blob(
    connection: http.client.HTTPConnection, repository: str, part: Any, tar: tarfile.TarFile
) -> None:
    """Send one blob unless the registry has it."""
    digest = part["digest"]
    connection.request("HEAD", f"/v2/{repository}/blobs/{digest}")
    answer = connection.getresponse()
    answer.read()
    if answer.status == OK:
        return
    where = _call(connection, "POST", f"/v2/{repository}/blobs/uploads/", expected=ACCEPTED)
    url = urlsplit(where)
    query = f"{url.query}&" if url.query else ""
    sized = {"Content-Length": str(part["size"]), "Content-Type": "application/octet-stream"}
    target = f"{url.path}?{query}digest={quote(digest)}"
    _call(
        connection, "PUT", target, expected=CREATED, body=_open(tar, _blob(digest)), headers=sized
    )


def _call(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    expected: int,
    body: bytes | IO[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> str:
    """Send a request; return the Location of the answer, which must be the expected one."""
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != expected:
        raise ClusterError(f"The registry answered {answer.status} to {method} {path}: {text}")
    return answer.headers.get("Location", "")


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _open(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """Open one file of the archive."""
    found = tar.extractfile(name)
    if found is None:
        raise ValueError(f"{name} is no file")
    return found
