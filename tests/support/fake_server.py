"""
An API server in this process: lists, watches, applies and deletes objects, and fails on demand.

It knows no schema, defaults or admission; it does know resource versions, pages, bookmarks, a
bounded history (410), preconditions, and enough of server-side apply: fields that a manager no
longer applies and no other owns go away, and managedFields say who applied what.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp import web

from .fake_apply import Object, apply_as, merged
from .fake_discovery import discovered
from .fake_faults import Faults, StatusError, failed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeServer:
    """``async with FakeServer() as server`` listens on ``server.url``."""

    def __init__(self, *, history: int = 1000, bookmark_every: float = 60.0) -> None:
        self.faults = Faults()
        self.log: list[tuple[str, str]] = []
        self.authorizations: set[str] = set()
        self.objects: dict[str, Object] = {}
        self.served: dict[str, list[str]] = {}  # /apis/group/version -> plurals, for discovery
        self.unserved: set[str] = set()  # plurals that are answered with 404
        self.url = ""
        self._version = 100
        self._uids = 0
        self._events: deque[tuple[int, str, str, Object]] = deque(maxlen=history)
        self._forgotten = 0
        self._changed = asyncio.Condition()
        self._bookmark_every = bookmark_every
        self._streams: set[web.StreamResponse] = set()
        self._unhang = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FakeServer:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unhang.set()
        assert self._runner is not None
        await self._runner.cleanup()

    # What tests do to the server.

    def count(self, verb: str) -> int:
        """How many requests of ``verb`` (list, watch, get, apply, ...) came in."""
        return sum(1 for logged, _ in self.log if logged == verb)

    def put(self, path: str, obj: Object) -> Object:
        """Create or change an object as somebody else."""
        known = self.objects.get(path)
        stored = copy.deepcopy(obj)
        self._stamp(path, stored, known)
        self._publish("MODIFIED" if known else "ADDED", path, stored)
        return stored

    def drop(self, path: str) -> None:
        """Delete an object as somebody else."""
        self._remove(path)

    def compact(self) -> None:
        """Forget the history: every older version is 410 from now on."""
        self._forgotten = self._version
        self._events.clear()

    async def cut_watches(self) -> None:
        """Break every watch stream in the middle."""
        for response in list(self._streams):
            transport = response._req.transport if response._req else None
            if transport is not None:
                transport.abort()

    def release(self) -> None:
        """End ``faults.hanging``; requests that hang are carried out now."""
        self.faults.hanging = False
        self._unhang.set()
        self._unhang = asyncio.Event()

    # Requests.

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        verb = _verb(request)
        self.log.append((verb, request.path))
        self.authorizations.add(request.headers.get("Authorization", ""))
        if self.faults.delay:
            await asyncio.sleep(self.faults.delay)
        failure = self.faults.next_failure(verb, request.path)
        if failure is not None and not failure.applied:
            return failed(failure)
        hanging = self.faults.hanging
        try:
            if verb == "watch":
                return await self._watch(request)
            answer = await self._answer(verb, request)
        except StatusError as error:
            return web.json_response(error.body(), status=error.code)
        if hanging:
            await self._unhang.wait()
        return failed(failure) if failure is not None else answer

    async def _answer(self, verb: str, request: web.Request) -> web.Response:
        path = request.path
        if verb == "discover" and (found := discovered(path, self.served)) is not None:
            return web.json_response(found)
        if verb == "discover" or path.rsplit("/", 1)[-1] in self.unserved:
            raise StatusError(404, "NotFound")
        if verb == "list":
            return web.json_response(self._list(request))
        if verb == "get":
            return web.json_response(_shown(request, self._existing(path)))
        body = json.loads(await request.read() or b"{}")
        return self._change(verb, path, body, request.query.get("fieldManager", ""))

    def _change(self, verb: str, path: str, body: Object, manager: str) -> web.Response:
        if verb == "apply":
            return self._apply(path, body, manager)
        if verb == "create":
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                raise StatusError(409, "AlreadyExists")
            return web.json_response(self._store(path, body), status=201)
        known = self._existing(path)
        if verb == "update":
            self._check(known, body["metadata"])
            return web.json_response(self._store(path, body))
        if verb == "patch":
            self._check(known, body.get("metadata") or {})
            return web.json_response(self._store(path, merged(known, body)))
        self._check(known, body.get("preconditions") or {})
        return web.json_response(self._remove(path))

    def _list(self, request: web.Request) -> Object:
        found = [(p, o) for p, o in sorted(self.objects.items()) if _matches(request, p, o)]
        limit = int(request.query.get("limit", "0")) or len(found)
        start, version = 0, str(self._version)
        if "continue" in request.query:
            text, version = request.query["continue"].split(":")
            start = int(text)
            if int(version) < self._forgotten:
                raise StatusError(410, "Expired")
        end = start + limit
        meta = {"resourceVersion": version}
        if end < len(found):
            meta["continue"] = f"{end}:{version}"
        return {"metadata": meta, "items": [_shown(request, o) for _, o in found[start:end]]}

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        at = int(request.query["resourceVersion"])
        if at < self._forgotten:
            raise StatusError(410, "Expired")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self._streams.add(response)
        try:
            while True:
                at = await self._send_news(request, response, at)
        except StatusError as error:
            await _event(response, "ERROR", error.body())
        except ConnectionError:
            pass
        finally:
            self._streams.discard(response)
        return response

    async def _send_news(self, request: web.Request, response: web.StreamResponse, at: int) -> int:
        if self.faults.silent_watches:
            await asyncio.sleep(3600)
        if at < self._forgotten:
            raise StatusError(410, "Expired")
        news = [e for e in self._events if e[0] > at and _matches(request, e[2], e[3])]
        if self.faults.swap_events:
            news.reverse()
        for _, kind, _, obj in news:
            await _event(response, kind, _shown(request, obj))
        at = self._version
        async with self._changed:
            try:
                async with asyncio.timeout(self._bookmark_every):
                    await self._changed.wait_for(lambda: self._version > at)
            except TimeoutError:
                bookmark = {"metadata": {"resourceVersion": str(self._version)}}
                await _event(response, "BOOKMARK", bookmark)
        return at

    # Objects.

    def _existing(self, path: str) -> Object:
        if path not in self.objects:
            raise StatusError(404, "NotFound")
        return self.objects[path]

    def _check(self, obj: Object, wanted: Object) -> None:
        for key in ("uid", "resourceVersion"):
            if wanted.get(key) and wanted[key] != obj["metadata"][key]:
                raise StatusError(409, "Conflict", f"{key} is another one")

    def _store(self, path: str, obj: Object) -> Object:
        known = self.objects.get(path)
        self._stamp(path, obj, known)
        self._publish("MODIFIED" if known else "ADDED", path, obj)
        return obj

    def _stamp(self, path: str, obj: Object, known: Object | None) -> None:
        meta = obj.setdefault("metadata", {})
        parts = path.split("/")
        meta.setdefault("name", parts[-1])
        if "namespaces" in parts:
            meta["namespace"] = parts[parts.index("namespaces") + 1]
        if known is not None:
            meta["uid"] = known["metadata"]["uid"]
            if "managedFields" in known["metadata"]:
                meta.setdefault("managedFields", known["metadata"]["managedFields"])
        elif "uid" not in meta:
            self._uids += 1
            meta["uid"] = f"uid-{self._uids}"

    def _publish(self, kind: str, path: str, obj: Object) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        if kind == "DELETED":
            self.objects.pop(path, None)
        else:
            self.objects[path] = obj
        if len(self._events) == self._events.maxlen:
            self._forgotten = self._events[0][0]
        self._events.append((self._version, kind, path, copy.deepcopy(obj)))
        self._tasks = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _remove(self, path: str) -> Object:
        obj = copy.deepcopy(self._existing(path))
        self._publish("DELETED", path, obj)
        return obj

    def _apply(self, path: str, wanted: Object, manager: str) -> web.Response:
        path, subresource = _target(path)
        known = self._existing(path) if subresource else self.objects.get(path)
        if known is not None:
            self._check(known, wanted["metadata"])
        elif wanted["metadata"].get("uid"):
            raise StatusError(409, "Conflict", "uid of an object that does not exist")
        result = apply_as(known, wanted, manager, subresource)
        if result == known:
            return web.json_response(known)
        return web.json_response(self._store(path, result), status=200 if known else 201)


def _verb(request: web.Request) -> str:
    if request.method == "GET":
        if request.query.get("watch"):
            return "watch"
        parts = request.path.strip("/").split("/")
        start = 2 if parts[0] == "api" else 3
        rest = parts[start:]
        if not rest:
            return "discover"
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            rest = rest[2:]
        return "get" if len(rest) > 1 else "list"
    if request.method == "PATCH":
        return "apply" if "apply" in request.content_type else "patch"
    return {"POST": "create", "PUT": "update", "DELETE": "delete"}[request.method]


def _target(path: str) -> tuple[str, str]:
    """The address of an object, and the subresource that is meant."""
    base, _, last = path.rpartition("/")
    rest = path.partition("/namespaces/")[2].split("/")  # namespace, plural, name, subresource
    return (base, last) if len(rest) == 4 else (path, "")


def _matches(request: web.Request, path: str, obj: Object) -> bool:
    collection = request.path
    plural = collection.rsplit("/", 1)[-1]
    if "/namespaces/" in collection:
        if not path.startswith(f"{collection}/"):
            return False
    else:
        prefix = collection.rsplit("/", 1)[0]
        if not (path.startswith(f"{prefix}/") and path.rsplit("/", 2)[-2] == plural):
            return False
    return selected(request.query.get("labelSelector", ""), obj["metadata"].get("labels") or {})


def selected(selector: str, labels: dict[str, str]) -> bool:
    """Whether ``labels`` are those of a selector such as ``key=value,other``."""
    terms = (term.partition("=") for term in selector.split(",") if term)
    return all(k in labels and (not equals or labels[k] == v) for k, equals, v in terms)


def _shown(request: web.Request, obj: Object) -> Object:
    if "PartialObjectMetadata" in request.headers.get("Accept", ""):
        return {"metadata": obj["metadata"]}
    return obj


async def _event(response: web.StreamResponse, kind: str, obj: Object) -> None:
    await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
