"""
One HTTP session, typed errors, list / watch / apply / delete.

Bodies go in and come out as bytes: who needs an object decodes the part it needs. Nothing is
retried here but a request on a kept-alive connection that the server had already closed; waiting
and trying again belong to the queue, which knows what else there is to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from .credentials import TOKEN_MAX_AGE, Credentials, fresh_token
from .errors import (
    ApiError,
    Fenced,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    error_from,
)
from .limiter import WriteLimiter
from .resources import Resource

# Seconds without a byte, bookmarks included (the API server sends one a minute), until a watch
# stream counts as dead.
WATCH_INACTIVITY = 70.0
REQUEST_TIMEOUT = 30.0
CONNECT_TIMEOUT = 5.0
_MAX_CONNECTIONS = 96  # watches count too

_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"  # YAML includes JSON, and every server accepts it
_MERGE = "application/merge-patch+json"
_PARTIAL = f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PARTIAL_LIST = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Observe = Callable[[str, str, int, float], None]


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


def open_session(credentials: Credentials) -> aiohttp.ClientSession:
    """The session that everything shares; environment proxies are not looked up per request."""
    connector = aiohttp.TCPConnector(
        limit=_MAX_CONNECTIONS, ssl=credentials.ssl_context or True, keepalive_timeout=60
    )
    return aiohttp.ClientSession(connector=connector, trust_env=False)


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
        self._credentials = credentials
        self._session = session
        self._user_agent = user_agent
        self._gate = gate
        self._limiter = limiter or WriteLimiter()
        self._observe = observe
        self._timeout = aiohttp.ClientTimeout(total=request_timeout, sock_connect=CONNECT_TIMEOUT)
        self._watch_timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT, sock_read=watch_inactivity
        )
        self._token: str | None = None
        self._token_until = float("-inf")
        self._token_task: asyncio.Task[None] | None = None

    async def get(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        subresource: str | None = None,
        metadata_only: bool = False,
    ) -> bytes:
        """One object, or only its metadata."""
        return await self._send(
            "get",
            str(resource),
            "GET",
            resource.path(namespace, name, subresource),
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
            answer = _decode_list(
                await self._send(
                    "list",
                    str(resource),
                    "GET",
                    resource.path(namespace),
                    params=params,
                    accept=_PARTIAL_LIST if metadata_only else _JSON,
                )
            )
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
        async with self._request(
            "watch",
            str(resource),
            "GET",
            self._url(resource.path(namespace), params),
            headers=await self._headers(_PARTIAL if metadata_only else _JSON),
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
        headers = await self._headers(accept)
        if content is not None:
            headers["Content-Type"] = content
        url = self._url(path, params)
        # aiohttp itself tries idempotent methods again on a connection found closed; of the
        # others only an apply may be sent twice.
        for attempts_left in (1, 0) if content == _APPLY else (0,):
            if method != "GET" and not self._gate():
                raise Fenced(f"{verb} of {resource} without the Lease")
            try:
                async with self._request(
                    verb, resource, method, url, headers=headers, timeout=self._timeout, data=body
                ) as response:
                    return await response.read()
            except Unreachable as error:
                stale = isinstance(error.__cause__, aiohttp.ServerDisconnectedError)
                if not (attempts_left and stale):
                    raise
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    @asynccontextmanager
    async def _request(
        self,
        verb: str,
        resource: str,
        method: str,
        url: URL,
        *,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - a setting of aiohttp, not our deadline
        data: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; translates answers of 400 and more and everything that aiohttp raises."""
        loop = asyncio.get_running_loop()
        started, code = loop.time(), 0
        try:
            async with self._session.request(
                method, url, headers=headers, data=data, timeout=timeout, allow_redirects=False
            ) as response:
                code = response.status
                if code >= 300:
                    body, wait = await response.read(), response.headers.get("Retry-After")
                    raise error_from(code, body, wait)
                yield response
        except Unauthorized:
            self._token_until = float("-inf")
            raise
        except TimeoutError as error:
            raise Unreachable(f"{verb} of {resource}: no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{verb} of {resource}: {error or type(error).__name__}") from error
        except msgspec.DecodeError as error:
            raise Unreachable(f"{verb} of {resource}: cannot be read: {error}") from error
        finally:
            if self._observe is not None:
                self._observe(verb, resource, code, loop.time() - started)

    def _url(self, path: str, params: dict[str, str] | None = None) -> URL:
        query = f"?{urlencode(params)}" if params else ""
        return URL(f"{self._credentials.server}{path}{query}", encoded=True)

    async def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept, "User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        if asyncio.get_running_loop().time() >= self._token_until:
            await self._refresh_token()
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    async def _refresh_token(self) -> None:
        """Ask for the token off the loop, once for all requests that wait for it."""
        if self._token_task is None or self._token_task.done():
            self._token_task = asyncio.create_task(self._ask_for_token())
        await asyncio.shield(self._token_task)

    async def _ask_for_token(self) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                self._token = await fresh_token(self._credentials)
        except TimeoutError as error:
            raise Unreachable("no token in time from the credential plugin") from error
        # The source keeps a token for TOKEN_MAX_AGE itself; asked twice as often, none is older.
        self._token_until = asyncio.get_running_loop().time() + TOKEN_MAX_AGE / 2


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
