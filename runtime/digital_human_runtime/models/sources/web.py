"""A folder on a web server, listed by its SHA256SUMS or by the manifest of a model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import httpx2

from digital_human_runtime.models.errors import ModelsError
from digital_human_runtime.models.plan import RemoteFile

BLOCK = 1 << 20
SUMS = "SHA256SUMS"
_LINE = re.compile(r"^([0-9a-fA-F]{64}) [ *](.+)$")


class WebSource:
    """
    Reads a folder over HTTP.

    A plain web server cannot list a folder, so it holds a file ``SHA256SUMS`` as ``sha256sum``
    writes it; its digests are what every file is held to.
    """

    def __init__(self, address: str, headers: dict[str, str] | None = None) -> None:
        self._base = address.rstrip("/")
        self.name = self._base
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(60.0, connect=10.0), follow_redirects=True, headers=headers
        )

    def files(self) -> Sequence[RemoteFile]:
        """The files that SHA256SUMS names, each asked for its size."""
        answer = self._get(SUMS)
        lines = [line for line in answer.text.splitlines() if line.strip()]
        found = []
        for line in lines:
            match = _LINE.match(line)
            if not match:
                raise ModelsError(
                    f"{self.name}/{SUMS} is not what sha256sum writes: make it again."
                )
            digest, path = match[1].lower(), match[2].removeprefix("./")
            found.append(RemoteFile(path, self._size(path), digest, sha256=digest))
        return found

    def read(self, file: RemoteFile, start: int, end: int) -> Iterator[bytes]:
        """A range of one file; a server without ranges sends all of it, and the rest is skipped."""
        yield from ranged(self._client, self._address(file.path), start, end, {})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _address(self, path: str) -> str:
        return f"{self._base}/{quote(path)}"

    def _get(self, path: str) -> httpx2.Response:
        try:
            answer = self._client.get(self._address(path))
        except httpx2.HTTPError as error:
            raise OSError(f"{self.name}: {reason(error)}") from error
        if answer.status_code == httpx2.codes.NOT_FOUND:
            raise ModelsError(
                f"{self.name} has no {path}: write one with `sha256sum * > {SUMS}` beside the"
                " weights."
            )
        refuse(answer, self.name)
        return answer

    def _size(self, path: str) -> int:
        try:
            answer = self._client.head(self._address(path), headers={"Accept-Encoding": "identity"})
        except httpx2.HTTPError as error:
            raise OSError(f"{self.name}: {reason(error)}") from error
        refuse(answer, f"{self.name}/{path}")
        length = answer.headers.get("content-length")
        if length is None:
            raise ModelsError(f"{self.name}/{path} has no length: serve it as a plain file.")
        return int(length)


def refuse(answer: httpx2.Response, name: str) -> None:
    """Raise for an answer that is no success: OSError when another try may help."""
    code = answer.status_code
    if code < 400:
        return
    if code in {401, 403}:
        raise ModelsError(f"{name} answers {code}: it needs a token, or another one.")
    if code == 404:
        raise ModelsError(f"{name} does not exist: check the address and the revision.")
    raise OSError(f"{name} answers {code}")


def ranged(
    client: httpx2.Client, address: str, start: int, end: int, headers: dict[str, str]
) -> Iterator[bytes]:
    """Yield bytes ``start`` to ``end`` of an address; OSError when the connection breaks."""
    wanted = {**headers, "Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
    try:
        with client.stream("GET", address, headers=wanted) as answer:
            refuse(answer, _shown(address))
            skip = start if answer.status_code == httpx2.codes.OK else 0
            left = end - start
            for block in answer.iter_bytes(BLOCK):
                kept = block[skip:][:left]
                skip = max(0, skip - len(block))
                left -= len(kept)
                yield kept
                if not left:
                    return
    except httpx2.HTTPError as error:
        raise OSError(f"{_shown(address)}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Why there was no answer, without the number that the system gives it."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def _shown(address: str) -> str:
    """An address without its query, which may be signed."""
    return address.partition("?")[0]
