import json
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets

from digital_human_runtime.engines.face.embedded import device

from .process import spawned, started

HELLO = {"type": "hello", "version": 1}


async def refused(**variables: str) -> str:
    """What a process says that does not start; it ends with status 2 and no traceback."""
    async with spawned(**variables) as process:
        assert await process.ended(60) == 2
        said = await process.rest()
    assert "Traceback" not in said
    assert said.count("\n") == 1
    return said


async def test_a_port_in_use_is_told_in_a_sentence() -> None:
    for name in ("HTTP", "GRPC"):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            said = await refused(**{f"DIGITAL_HUMAN_{name}_ADDRESS": address})
        assert address in said


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"DIGITAL_HUMAN_CONFIG": "/nowhere/runtime.json"}, "cannot be read"),
        ({"DIGITAL_HUMAN_API_KEY_FILE": "/nowhere/key"}, "The secret file /nowhere/key"),
        ({"MODEL_NAME": "llama3:70b"}, "DIGITAL_HUMAN_LLM_URL"),
        ({"DIGITAL_HUMAN_VOICE": "klingon"}, "DIGITAL_HUMAN_VOICE): there is no language 'klin"),
        ({"DIGITAL_HUMAN_VOICE": "en-us+f99"}, "there is no speaker variant 'f99'"),
        ({"DIGITAL_HUMAN_REDIS_URL": "redis:6379"}, "DIGITAL_HUMAN_REDIS_URL must be an address"),
        ({"DIGITAL_HUMAN_FACE_DEVICE": "gpu"}, "must be 'auto', 'cpu' or 'cuda'; it is 'gpu'"),
        ({"DIGITAL_HUMAN_LOG_LEVLE": "INFO"}, "did you mean DIGITAL_HUMAN_LOG_LEVEL?"),
    ],
)
async def test_what_cannot_be_started_is_told_in_a_sentence(
    variables: dict[str, str], words: str
) -> None:
    assert words in await refused(**variables)


async def test_an_empty_secret_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    said = await refused(DIGITAL_HUMAN_API_KEY_FILE=str(tmp_path / "key"))
    assert "is empty" in said


async def test_a_certificate_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_text("nonsense")
    variables = {
        "DIGITAL_HUMAN_TLS_CERT_FILE": str(tmp_path / "tls.crt"),
        "DIGITAL_HUMAN_TLS_KEY_FILE": str(tmp_path / "tls.key"),
    }
    assert "TLS cannot be served" in await refused(**variables)


@pytest.mark.skipif(
    device._gpus() > 0, reason="this machine has a GPU: the face may well run there"
)
async def test_a_face_on_a_gpu_that_is_not_there_is_refused() -> None:
    said = await refused(DIGITAL_HUMAN_FACE_DEVICE="cuda")
    assert said.startswith("DIGITAL_HUMAN_FACE_DEVICE is cuda, but there is no GPU here")


async def test_a_gpu_that_is_not_there_is_warned_about() -> None:
    async with started(CUDA_VISIBLE_DEVICES="0") as process:
        warned = await process.said("CUDA_VISIBLE_DEVICES is set, but there is no GPU")
        assert warned["level"] == "warning"


async def test_a_process_drains_with_a_conversation_in_it() -> None:
    async with started(DIGITAL_HUMAN_DRAIN_SECONDS="20") as process, httpx2.AsyncClient() as client:
        ticket = (await client.post(f"{process.url('http')}/api/sessions")).json()["ticket"]
        async with websockets.connect(process.url("websocket", "ws")) as talk:
            await talk.send(json.dumps(HELLO | {"ticket": ticket}))
            await talk.recv()
            await talk.send(json.dumps({"type": "say", "text": "What is a digital human?"}))
            while isinstance(await talk.recv(), str):
                pass  # until the first sound
            process.terminate()
            seen = await conversation_until_closed(talk)
            assert talk.close_code == 1012
        assert await process.ended() == 0
    kinds = [message["type"] for message in seen]
    ended = next(message for message in seen if message["type"] == "end")
    assert (ended["reason"], ended["samples"] > 22050) == ("complete", True)
    drain = seen[kinds.index("drain")]
    assert 0 < drain["seconds"] <= 20
    await process.said("ended")


async def conversation_until_closed(
    talk: websockets.ClientConnection,
) -> list[dict[str, Any]]:
    """Hear everything at once, and give credit for it, until the server closes."""
    seen = []
    played = 0
    try:
        while True:
            message = await talk.recv()
            if isinstance(message, str):
                seen.append(json.loads(message))
                if seen[-1]["type"] == "end":
                    done = {"type": "finished", "turn": seen[-1]["turn"], "played": played}
                    await talk.send(json.dumps(done))
                continue
            turn = int.from_bytes(message[4:8], "little")
            played = int.from_bytes(message[8:16], "little")
            played += int.from_bytes(message[16:20], "little")
            await talk.send(json.dumps({"type": "credit", "turn": turn, "played": played}))
    except websockets.ConnectionClosed:
        return seen


async def test_while_it_drains_nobody_new_comes_in_and_a_second_signal_ends_it() -> None:
    async with started(DIGITAL_HUMAN_DRAIN_SECONDS="60") as process, httpx2.AsyncClient() as client:
        sessions = f"{process.url('http')}/api/sessions"
        ticket = (await client.post(sessions)).json()["ticket"]
        async with websockets.connect(process.url("websocket", "ws")) as talk:
            await talk.send(json.dumps(HELLO | {"ticket": ticket}))
            await talk.recv()
            await talk.send(json.dumps({"type": "say", "text": "What is a digital human?"}))
            while isinstance(await talk.recv(), str):
                pass  # from now on it waits for credit that does not come
            process.terminate()
            await process.said("draining")
            ready = await client.get(f"{process.url('health')}/health/ready")
            assert (ready.status_code, ready.json()["status"]) == (503, "draining")
            live = await client.get(f"{process.url('health')}/health/live")
            assert live.status_code == 200
            answer = await client.post(sessions)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            process.terminate()
            assert await process.ended(5) == 1


async def test_a_process_that_waits_for_redis_can_be_ended(unused_tcp_port: int) -> None:
    url = f"redis://127.0.0.1:{unused_tcp_port}/0"
    async with spawned(DIGITAL_HUMAN_REDIS_URL=url) as process:
        waiting = await process.said("waiting for a part")
        assert waiting["part"] == "database"
        process.terminate()
        assert await process.ended() == 0


async def test_a_language_model_that_is_away_is_told_once_and_not_for_each_try(
    unused_tcp_port: int,
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    async with spawned(MODEL_NAME="llama3:8b", DIGITAL_HUMAN_LLM_URL=url) as process:
        waiting = await process.said("waiting for a part")
        assert "cannot be reached" in waiting["reason"]
        assert [line["message"] for line in process.lines] == ["waiting for a part"]
        process.terminate()
        assert await process.ended() == 0


async def test_nothing_that_is_said_is_logged() -> None:
    async with started(DIGITAL_HUMAN_LOG_LEVEL="DEBUG") as process, httpx2.AsyncClient() as client:
        body = {"message": "My name is Xanthippe Quux"}
        answer = await client.post(f"{process.url('http')}/api/chat", json=body)
        assert answer.status_code == 200
        process.terminate()
        assert await process.ended() == 0
        logged = json.dumps(process.lines) + await process.rest()
    assert "Xanthippe" not in logged
