import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.runtime.support.serving import Running

PATHS = ["/api/chat", "/api/sessions", "/v1/chat/completions", "/v1/audio/speech", "/v1/models"]
KEYS = ["message", "session", "stream", "model", "messages", "role", "content", "input", "voice"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
MANY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def answers_well(served: Running) -> None:
    answer = await served.client.post("/api/chat", json={"message": "Hello"})
    assert answer.status_code == 200


@MANY
@given(path=st.sampled_from(PATHS), body=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5))
async def test_any_json_is_answered_or_refused(
    served: Running, path: str, body: dict[str, Any]
) -> None:
    try:
        answer = await served.client.post(path, json=body)
    except ValueError:
        return  # the client itself does not send NaN
    assert answer.status_code < 500, (path, body, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.json()["detail"]) < 2000


@MANY
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=300))
async def test_any_bytes_are_refused(served: Running, path: str, body: bytes) -> None:
    answer = await served.client.post(path, content=body)
    assert answer.status_code < 500


@MANY
@given(garbage=st.binary(min_size=1, max_size=300))
async def test_garbage_on_the_sockets_harms_nobody(served: Running, garbage: bytes) -> None:
    for name in ("http", "websocket", "grpc", "health"):
        port = served.runtime.ports[name]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        await writer.drain()
        writer.close()
    await answers_well(served)
