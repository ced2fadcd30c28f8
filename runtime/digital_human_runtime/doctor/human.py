"""A running human: every command of the troubleshooting page, asked over its own ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import httpx2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from websockets.exceptions import WebSocketException

from digital_human_runtime.loadtest.conversation import Refused, Target, listening

from .findings import Finding

SECONDS = 10.0
SERVICE = "nvidia_ace.services.a2f_controller.v1.A2FControllerService"
NO_KEY = "Give the API key with --key-file."


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the ports of a human are."""

    http: str
    health: str
    grpc: str
    headers: dict[str, str]


async def human(where: Addresses) -> AsyncIterator[Finding]:
    """Ask one thing after the other; a human that is not there is one finding."""
    async with httpx2.AsyncClient(timeout=SECONDS, headers=where.headers) as client:
        alive, answer = await _health(client, where)
        yield alive
        if answer is not None:
            yield _face(answer)
            for warning in _warnings(answer):
                yield warning
        if alive.verdict == "bad":
            return
        yield await _heard("version", _version(client, where))
        for probe in ("live", "startup", "ready"):
            yield await _probe(client, where, probe)
        yield await _heard("chat", _chat(client, where))
        yield await _heard("speech", _talk(client, where))
    yield await asyncio.to_thread(_services, where)


async def _heard(name: str, asking: Awaitable[Finding]) -> Finding:
    """What was found, also when there is no answer or the connection breaks."""
    try:
        return await asking
    except (httpx2.HTTPError, WebSocketException, OSError, TimeoutError) as error:
        detail = f"{type(error).__name__} {error}".strip()
        return Finding(name, "bad", detail, "See the checks of the probes above, and the logs.")


async def _health(
    client: httpx2.AsyncClient, where: Addresses
) -> tuple[Finding, httpx2.Response | None]:
    """Whether it is there and well, and what it said."""
    address = f"{where.http}/health"
    try:
        answer = await client.get(address)
    except httpx2.HTTPError as error:
        cure = "Start it (make talk), or forward its port (kubectl port-forward svc/ada 8000:80)."
        detail = f"{address} does not answer ({type(error).__name__})"
        return Finding("health", "bad", detail, cure), None
    if answer.status_code != httpx2.codes.OK:
        cure = "See its logs." if answer.is_server_error else "Is it a runtime of ours?"
        bad = Finding("health", "bad", f"{address} answers {answer.status_code}", cure)
        return bad, answer
    return Finding("health", "ok", address), answer


def _warnings(answer: httpx2.Response) -> Iterator[Finding]:
    """What is set for it in vain."""
    told = _json(answer).get("warnings")
    for sentence in told if isinstance(told, list) else ():
        yield Finding("setting of the human", "note", str(sentence))


def _face(answer: httpx2.Response) -> Finding:
    """What serves its face, and on which device; a runtime of another kind does not say."""
    checks = _checks(answer)
    own, service = (checks.get(name, {}) for name in ("face", "audio2face"))
    told = [str(one["detail"]) for one in (service, own) if one.get("detail")]
    well = bool(own.get("ok"))
    return Finding(
        "face of the human",
        "ok" if well else "note",
        "; ".join(told) or "it does not say",
    )


async def _version(client: httpx2.AsyncClient, where: Addresses) -> Finding:
    answer = await client.get(f"{where.http}/version")
    if answer.status_code != httpx2.codes.OK:
        return Finding(
            "version", "bad", f"answers {answer.status_code}", "Is it a runtime of ours?"
        )
    words = ", ".join(f"{key} {value}" for key, value in sorted(answer.json().items()))
    return Finding("version", "ok", words)


async def _probe(client: httpx2.AsyncClient, where: Addresses, probe: str) -> Finding:
    name = f"probe {probe}"
    try:
        answer = await client.get(f"{where.health}/health/{probe}")
    except httpx2.HTTPError as error:
        cure = "Forward port 9090 too, or name it with --health."
        return Finding(name, "bad", type(error).__name__, cure)
    found = _checks(answer)
    poor = [
        f"{check}: {said.get('detail', 'no detail')}"
        for check, said in found.items()
        if not said.get("ok") or said.get("degraded")
    ]
    detail = "; ".join(poor) or (f"{len(found)} checks" if found else "it answers")
    if answer.status_code != httpx2.codes.OK:
        return Finding(name, "bad", detail, "Mend what the checks name.")
    return Finding(name, "note" if poor else "ok", detail)


def _checks(answer: httpx2.Response) -> dict[str, dict[str, Any]]:
    """Every check of a probe by its name; none where the answer is not one of ours."""
    checks = _json(answer).get("checks")
    return checks if isinstance(checks, dict) else {}


def _json(answer: httpx2.Response) -> dict[str, Any]:
    """The object of an answer; empty where it is something else."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _chat(client: httpx2.AsyncClient, where: Addresses) -> Finding:
    answer = await client.post(f"{where.http}/api/chat", json={"message": "Hello"})
    if answer.status_code == httpx2.codes.UNAUTHORIZED:
        return Finding("chat", "bad", "POST /api/chat answers 401", NO_KEY)
    if answer.status_code != httpx2.codes.OK:
        detail = f"POST /api/chat answers {answer.status_code}"
        return Finding("chat", "bad", detail, "See the model's check above, and the logs.")
    return Finding("chat", "ok", f"an answer after {answer.elapsed.total_seconds():.2f} s")


async def _talk(client: httpx2.AsyncClient, where: Addresses) -> Finding:
    target = Target(where.http, headers=where.headers, timeout=SECONDS)
    try:
        async with listening(target, client) as listener:
            found = await listener.ask("Hello", pace=0)
    except Refused as error:
        cure = NO_KEY if "401" in str(error) else "See the checks of the probes above."
        return Finding("speech", "bad", f"{type(error).__name__}: {error}", cure)
    if not found.ok:
        return Finding(
            "speech", "bad", found.fault, "See the logs: voice and face are named there."
        )
    detail = f"first sound after {found.first_audio or 0:.2f} s, {found.audio_seconds:.1f} s spoken"
    return Finding("speech", "ok", f"{detail}, the lips moved with it")


def _services(where: Addresses) -> Finding:
    """What `grpcurl -plaintext ADDRESS list` prints; the key goes along as metadata."""
    address = where.grpc
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=SECONDS)
            known = grpc.intercept_channel(channel, _Key(where.headers))
            names: Sequence[str] = ProtoReflectionDescriptorDatabase(known).get_services()
    except grpc.FutureTimeoutError:
        cure = "Forward port 50051 too, or name it with --grpc; one with TLS is not looked at."
        return Finding("grpc", "bad", f"{address} does not answer", cure)
    except grpc.RpcError as error:
        code = error.code() if isinstance(error, grpc.Call) else None
        cure = NO_KEY if code is grpc.StatusCode.UNAUTHENTICATED else "See the logs."
        return Finding("grpc", "bad", f"{address} answers {code.name if code else error}", cure)
    if SERVICE not in names:
        return Finding("grpc", "bad", f"{address} lacks {SERVICE}", "Is it a runtime of ours?")
    return Finding("grpc", "ok", f"{address}: {len(names)} services")


class _Key(grpc.StreamStreamClientInterceptor):  # type: ignore[misc] # untyped
    """Shows the key with every call of reflection."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._metadata = [(name.lower(), value) for name, value in headers.items()]

    def intercept_stream_stream(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Iterator[Any]], Any],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Iterator[Any],
    ) -> Any:
        """Go on with the metadata."""
        told = client_call_details._replace(metadata=self._metadata)
        return continuation(told, request_iterator)
