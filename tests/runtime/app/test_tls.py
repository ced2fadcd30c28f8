import asyncio
import itertools
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx2
import pytest
import websockets
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nvidia_audio2face_3d import audio2face_pb2_grpc, messages_pb2

from digital_human_runtime.grpc_api import guard
from tests.runtime.grpc_api.clips import like_nvidia, process, tone
from tests.runtime.support.serving import Running, running

from .conftest import Certificates, sign


def variables(made: Certificates) -> dict[str, str]:
    return {
        "DIGITAL_HUMAN_TLS_CERT_FILE": str(made.path("tls.crt")),
        "DIGITAL_HUMAN_TLS_KEY_FILE": str(made.path("tls.key")),
    }


async def health(served: Running, credentials: grpc.ChannelCredentials) -> int:
    """What gRPC health says through an encrypted channel."""
    target = f"127.0.0.1:{served.runtime.ports['grpc']}"
    async with grpc.aio.secure_channel(target, credentials) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
        return int(answer.status)


def serial(served: Running, name: str) -> str:
    """The certificate that a port shows."""
    address = ("127.0.0.1", served.runtime.ports[name])
    return ssl.get_server_certificate(address, timeout=5)


def until_another(served: Running, name: str, old: str) -> None:
    """Return once a port shows another certificate."""
    deadline = time.monotonic() + 20
    while serial(served, name) == old:
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_all_ports_but_that_of_probes_speak_tls(certificates: Certificates) -> None:
    trust = ssl.create_default_context(cafile=certificates.path("ca.crt"))
    async with running(**variables(certificates)) as served:
        async with httpx2.AsyncClient(verify=trust) as client:
            answer = await client.post(f"{served.url('http', 'https')}/api/sessions")
            ticket = answer.json()["ticket"]
            assert (await client.get(f"{served.url('health')}/health/live")).status_code == 200
        async with websockets.connect(served.url("websocket", "wss"), ssl=trust) as talk:
            await talk.send(json.dumps({"type": "hello", "version": 1, "ticket": ticket}))
            assert json.loads(await talk.recv())["type"] == "welcome"
        credentials = grpc.ssl_channel_credentials(certificates.path("ca.crt").read_bytes())
        assert await health(served, credentials) == health_pb2.HealthCheckResponse.SERVING


async def test_grpc_asks_for_client_certificates(certificates: Certificates) -> None:
    authority = certificates.path("ca.crt")
    told = variables(certificates) | {"DIGITAL_HUMAN_GRPC_CLIENT_CA_FILE": str(authority)}
    root = authority.read_bytes()
    key, cert = (certificates.path(f"client.{end}").read_bytes() for end in ("key", "crt"))
    async with running(**told) as served:
        mutual = grpc.ssl_channel_credentials(root, key, cert)
        assert await health(served, mutual) == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health(served, grpc.ssl_channel_credentials(root))
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_renewed_certificate_is_taken_up(certificates: Certificates) -> None:
    async with running(**variables(certificates)) as served:
        served.runtime.certificate_seconds = 0.05
        before = {name: await asyncio.to_thread(serial, served, name) for name in ("http", "grpc")}
        await asyncio.to_thread(sign, certificates.folder, "tls")
        for name, old in before.items():
            await asyncio.to_thread(until_another, served, name, old)


async def test_keys_as_metadata_health_excepted(tmp_path_factory: pytest.TempPathFactory) -> None:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text("correct-horse")
    async with running(DIGITAL_HUMAN_API_KEY_FILE=str(key)) as served:
        target = f"127.0.0.1:{served.runtime.ports['grpc']}"
        async with grpc.aio.insecure_channel(target) as channel:
            stub = audio2face_pb2_grpc.A2FControllerServiceStub(channel)  # type: ignore[no-untyped-call]
            for metadata in ((), (("authorization", "Bearer wrong"),)):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await process(stub, like_nvidia(tone(30)), metadata)
                assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
            for metadata in (
                (("authorization", "Bearer correct-horse"),),
                (("x-api-key", "correct-horse"),),
            ):
                answer = await process(stub, like_nvidia(tone(0.2)), metadata)
                assert answer.order[-1] == "status"
            check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert (await check).status == health_pb2.HealthCheckResponse.SERVING


async def test_a_caller_without_a_key_who_goes_on_sending_is_not_listened_to_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "DRAIN_SECONDS", 0.5)
    (tmp_path / "key").write_text("correct-horse")

    async def endless() -> AsyncIterator[messages_pb2.AudioWithEmotionStream]:
        for message in itertools.cycle(like_nvidia(tone(0.2))):
            yield message
            await asyncio.sleep(0.05)

    async with running(DIGITAL_HUMAN_API_KEY_FILE=str(tmp_path / "key")) as served:
        target = f"127.0.0.1:{served.runtime.ports['grpc']}"
        async with grpc.aio.insecure_channel(target) as channel, asyncio.timeout(10):
            stub = audio2face_pb2_grpc.A2FControllerServiceStub(channel)  # type: ignore[no-untyped-call]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ProcessAudioStream(endless()).read()
    # gRPC says INTERNAL instead when the refusal comes in the middle of a write.
    codes = grpc.StatusCode
    assert refused.value.code() in {codes.UNAUTHENTICATED, codes.INTERNAL}
