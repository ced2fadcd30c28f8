"""
List, watch, apply, delete: the requests that controllers make.

Bodies go in and come out as bytes: who needs an object decodes the part it needs. Nothing is
retried here but a request on a kept-alive connection that the server had already closed; waiting
and trying again belong to the queue, which knows what else there is to do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp
import msgspec

from .credentials import Credentials
from .errors import ApiError, Fenced, TooManyRequests, Unreachable, error_from
from .limiter import WriteLimiter
from .resources import Resource
from .transport import CONNECT_TIMEOUT, REQUEST_TIMEOUT, Observe, Transport, open_session

# Seconds without a byte, bookmarks included (the API server sends one a minute), until a watch
# stream counts as dead.
WATCH_INACTIVITY = 70.0

_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"  # YAML includes JSON, and every server accepts it
_MERGE = "application/merge-patch+json"
_PARTIAL = f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PARTIAL_LIST = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list: undecoded objects, and the version that the whole list shows."""

    items: list[msgspec.Raw]
    resource_version: str


class _ListMeta(msgspec.Struct, rename={"continue_": "continue"}):
    resourceVersion: str = ""  # noqa: N815 - the API's own spelling
    continue_: str = ""


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Code(msgspec.Struct):
    code: int = 500


_decode_list = msgspec.json.Decoder(_List).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_code = msgspec.json.Decoder(_Code).decode


class ApiClient:
    """
    The requests of one program to one API server; every method raises the ApiError tree.

    ``gate`` is asked before each write and again right before sending: while it says False the
    write raises Fenced. ``limiter`` bounds the writes in flight. ``observe`` is told verb,
    resource, status (0: no answer) and seconds of each request.
    """

    def __init__(
        self,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        *,
        user_agent: str,
        gate: Callable[[], bool] = lambda: True,
        limiter: WriteLimiter | None = None,
        observe: Observe | None = None,
        request_timeout: float = REQUEST_TIMEOUT,
        watch_inactivity: float = WATCH_INACTIVITY,
    ) -> None:
        self._http = Transport(credentials, session, user_agent, observe)
        self._gate = gate
        self._limiter = limiter or WriteLimiter()
        self._timeout = aiohttp.ClientTimeout(total=request_timeout, sock_connect=CONNECT_TIMEOUT)
        self._watch_timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT, sock_read=watch_inactivity
        )

    async def get(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        subresource: str | None = None,
        metadata_only: bool = False,
        not_older_than: int | None = None,
    ) -> bytes:
        """
        One object, or only its metadata.

        With a version of it as ``not_older_than`` the API server answers from its cache, once that
        is as new; without, it asks its database.
        """
        return await self._send(
            "get",
            str(resource),
            "GET",
            resource.path(namespace, name, subresource),
            params={"resourceVersion": str(not_older_than)} if not_older_than else None,
            accept=_PARTIAL if metadata_only else _JSON,
        )

    async def list_pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = 500,
        metadata_only: bool = False,
    ) -> AsyncIterator[Page]:
        """A consistent list in pages of ``limit``; raises Gone when it took too long to read."""
        params = _selectors(label_selector, field_selector) | {"limit": str(limit)}
        while True:
            raw = await self._send(
                "list",
                str(resource),
                "GET",
                resource.path(namespace),
                params=params,
                accept=_PARTIAL_LIST if metadata_only else _JSON,
            )
            try:
                answer = _decode_list(raw)
            except msgspec.DecodeError as error:
                raise Unreachable(f"list of {resource}: cannot be read: {error}") from error
            yield Page(answer.items or [], answer.metadata.resourceVersion)
            if not answer.metadata.continue_:
                return
            params["continue"] = answer.metadata.continue_

    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        resource_version: str,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        timeout_seconds: int = 270,
    ) -> AsyncIterator[tuple[str, bytes]]:
        """
        Events ``(type, object)`` after ``resource_version``, bookmarks included.

        Ends when the server ends it (after ``timeout_seconds``); raises Gone when the version is
        too old, Unreachable when the stream breaks or falls silent.
        """
        params = _selectors(label_selector, field_selector) | {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
        }
        async with self._http.request(
            "watch",
            str(resource),
            "GET",
            self._http.url(resource.path(namespace), params),
            headers=await self._http.headers(_PARTIAL if metadata_only else _JSON),
            timeout=self._watch_timeout,
        ) as response:
            async for line in _lines(response.content):
                event = _decode_event(line)
                if event.type == "ERROR":
                    body = bytes(event.object)
                    raise error_from(_decode_code(body).code, body)
                yield event.type, bytes(event.object)

    async def apply(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: bytes,
        *,
        manager: str,
        force: bool = True,
        subresource: str | None = None,
    ) -> bytes:
        """Server-side apply of a JSON ``body``; the object as it is afterwards."""
        return await self._write(
            "apply",
            str(resource),
            "PATCH",
            resource.path(namespace, name, subresource),
            body,
            _APPLY,
            {"fieldManager": manager, "force": "true" if force else "false"},
        )

    async def create(
        self, resource: Resource, namespace: str | None, body: bytes, *, manager: str
    ) -> bytes:
        """POST; raises Conflict when the name is taken."""
        path = resource.path(namespace)
        params = {"fieldManager": manager}
        return await self._write("create", str(resource), "POST", path, body, _JSON, params)

    async def merge_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: bytes,
        *,
        manager: str,
        subresource: str | None = None,
    ) -> bytes:
        """JSON merge patch (RFC 7396); the object as it is afterwards."""
        path = resource.path(namespace, name, subresource)
        params = {"fieldManager": manager}
        return await self._write("patch", str(resource), "PATCH", path, body, _MERGE, params)

    async def replace(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: bytes,
        *,
        manager: str,
        subresource: str | None = None,
    ) -> bytes:
        """PUT; raises Conflict unless ``metadata.resourceVersion`` in ``body`` is the newest."""
        path = resource.path(namespace, name, subresource)
        params = {"fieldManager": manager}
        return await self._write("update", str(resource), "PUT", path, body, _JSON, params)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: int | str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Delete; raises Conflict when the object is not the one with ``uid`` and version."""
        expected = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {k: str(v) for k, v in expected.items() if v is not None}
        options: dict[str, object] = {"propagationPolicy": propagation}
        if preconditions:
            options["preconditions"] = preconditions
        body = msgspec.json.encode(options)
        path = resource.path(namespace, name)
        await self._write("delete", str(resource), "DELETE", path, body, _JSON, {})

    async def raw(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        params: dict[str, str] | None = None,
    ) -> bytes:
        """Any request; anything but GET is a write and goes through gate and limiter."""
        verb = method.lower()
        if method == "GET":
            return await self._send(verb, path, method, path, params=params or {})
        kind = content_type or _JSON
        return await self._write(verb, path, method, path, body or b"", kind, params or {})

    async def _write(  # noqa: PLR0917 - private, and each caller is one line
        self,
        verb: str,
        resource: str,
        method: str,
        path: str,
        body: bytes,
        content_type: str,
        params: dict[str, str],
    ) -> bytes:
        if not self._gate():
            raise Fenced(f"{verb} of {resource} without the Lease")
        async with self._limiter:
            try:
                answer = await self._send(
                    verb, resource, method, path, params=params, body=body, content=content_type
                )
            except TooManyRequests as error:
                self._limiter.throttled(error.retry_after)
                raise
            self._limiter.succeeded()
            return answer

    async def _send(
        self,
        verb: str,
        resource: str,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        accept: str = _JSON,
        body: bytes | None = None,
        content: str | None = None,
    ) -> bytes:
        headers = await self._http.headers(accept)
        if content is not None:
            headers["Content-Type"] = content
        url = self._http.url(path, params)
        # aiohttp itself tries idempotent methods again on a connection found closed; of the
        # others only an apply may be sent twice.
        for attempts_left in (1, 0) if content == _APPLY else (0,):
            if method != "GET" and not self._gate():
                raise Fenced(f"{verb} of {resource} without the Lease")
            try:
                async with self._http.request(
                    verb, resource, method, url, headers=headers, timeout=self._timeout, data=body
                ) as response:
                    return await response.read()
            except Unreachable as error:
                stale = isinstance(error.__cause__, aiohttp.ServerDisconnectedError)
                if not (attempts_left and stale):
                    raise
        raise AssertionError  # pragma: no cover - the last attempt returns or raises


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    chosen = {"labelSelector": labels, "fieldSelector": fields}
    return {k: v for k, v in chosen.items() if v}


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; ``StreamReader.readline`` gives up at 64 KiB."""
    rest = b""
    async for chunk in stream.iter_any():
        if b"\n" not in chunk:
            rest += chunk
            continue
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


__all__ = ["ApiClient", "ApiError", "Page", "open_session"]
