import asyncio

from tests.runtime.session.conftest import RedisServer
from tests.runtime.support.engines import EnergyFace, engines
from tests.runtime.support.serving import Running, running
from tests.runtime.ws_api.client import Client, socket, talking


async def checks(served: Running) -> tuple[int, dict[str, dict[str, object]], str]:
    """Status of readiness, its checks, and the metrics."""
    url = served.url("health")
    ready = await served.client.get(f"{url}/health/ready")
    metrics = await served.client.get(f"{url}/metrics")
    return ready.status_code, ready.json()["checks"], metrics.text


async def degraded(served: Running, part: str, *, wanted: bool) -> None:
    """Wait until a part is, or is not, degraded; readiness holds all the while."""
    async with asyncio.timeout(20):
        while True:
            status, found, metrics = await checks(served)
            assert status == 200
            if found[part]["degraded"] is wanted:
                assert f'digital_human_degraded{{check="{part}"}} {float(wanted)}' in metrics
                return
            await asyncio.sleep(0.05)


async def test_redis_is_stopped_in_the_middle_of_a_conversation(redis_server: RedisServer) -> None:
    url = redis_server.url
    async with running(DIGITAL_HUMAN_REDIS_URL=url) as served, talking(served) as client:
        assert (client.welcome["store"], client.welcome["resumable"]) == ("redis", True)
        texts, _ = await client.ask("I am Bo")
        assert texts[-1]["reason"] == "complete"
        redis_server.stop()
        texts, media = await client.ask("Still there?")
        assert texts[-1]["reason"] == "complete"
        assert media
        await degraded(served, "database", wanted=True)
        async with talking(served, "/ws") as another:
            assert another.welcome["resumable"] is False
            texts, _ = await another.ask("Hello")
            assert texts[-1]["reason"] == "complete"
        chat = await served.client.post("/api/chat", json={"message": "Hello"})
        assert chat.status_code == 200
        redis_server.start()
        await degraded(served, "database", wanted=False)
        texts, _ = await client.ask("And now?")
        assert texts[-1]["reason"] == "complete"


async def test_another_replica_takes_a_session_up(redis_server: RedisServer) -> None:
    url = redis_server.url
    async with running(DIGITAL_HUMAN_REDIS_URL=url) as first, talking(first) as client:
        await client.ask("I am Bo")
        session, token = client.welcome["session"], client.token
        async with running(DIGITAL_HUMAN_REDIS_URL=url) as second, socket(second) as found:
            taken = Client(found)
            welcome = await taken.hello(resume={"session": session, "token": token})
            assert [m["content"] for m in welcome["history"]][:1] == ["I am Bo"]
            assert await client.closed() == 4001
            texts, _ = await taken.ask("Who am I?")
            assert texts[-1]["reason"] == "complete"


async def test_rate_limits_are_shared_in_redis_and_go_on_without(redis_server: RedisServer) -> None:
    variables = {
        "DIGITAL_HUMAN_REDIS_URL": redis_server.url,
        "DIGITAL_HUMAN_RATE_LIMIT": "2/minute",
    }
    async with running(**variables) as first, running(**variables) as second:
        asked = [await one.client.get("/v1/models") for one in (first, second, first)]
        assert [answer.status_code for answer in asked] == [200, 200, 429]
        redis_server.stop()
        asked = [await first.client.get("/v1/models") for _ in range(3)]
        assert [answer.status_code for answer in asked] == [200, 200, 429]


async def test_a_face_that_is_lost_degrades_and_is_replaced() -> None:
    remote, embedded = EnergyFace(mark=0.25), EnergyFace(mark=0.75)
    variables = {"AUDIO2FACE_SERVER": "127.0.0.1:1"}
    async with running(engines(face=remote, fallback=embedded), **variables) as served:
        async with talking(served) as client:
            texts, _ = await client.ask("Hello")
            remote.fail_open = True
            texts, media = await client.ask("Still there?")
            assert texts[-1]["reason"] == "complete"
            assert max(one.weights.max() for one in media if one.weights.size) > 0.5
        metrics = (await served.client.get(f"{served.url('health')}/metrics")).text
        assert "digital_human_face_failovers_total 1.0" in metrics
