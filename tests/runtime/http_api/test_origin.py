"""What pages of other origins may do on port 8000."""

import pytest

from tests.runtime.support.serving import Running, running

FRIEND = "https://talk.example.com"
LISTED = {"DIGITAL_HUMAN_ALLOWED_ORIGINS": f"https://Other.example.com,{FRIEND}"}


@pytest.mark.parametrize("path", ["/api/sessions", "/api/chat", "/v1/chat/completions"])
async def test_a_foreign_page_begins_nothing(served: Running, path: str) -> None:
    headers = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
    answer = await served.client.post(path, content='{"message":"hi"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    assert "access-control-allow-origin" not in answer.headers


async def test_the_own_page_and_programs_are_welcome(served: Running) -> None:
    own = f"http://127.0.0.1:{served.runtime.ports['websocket']}"  # another port of the same host
    for headers in ({}, {"Origin": own}):
        answer = await served.client.post("/api/sessions", headers=headers)
        assert answer.status_code == 201
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [FRIEND, "https://other.example.com"])
async def test_a_page_on_the_list_fetches_a_ticket(origin: str) -> None:
    async with running(**LISTED) as served:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        preflight = await served.client.options("/api/sessions", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in preflight.headers
        answer = await served.client.post("/api/sessions", headers={"Origin": origin})
        assert answer.status_code == 201
        assert answer.json()["ticket"]
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]


async def test_an_error_is_readable_for_a_page_on_the_list() -> None:
    async with running(**LISTED) as served:
        answer = await served.client.post("/api/chat", content="{", headers={"Origin": FRIEND})
        assert answer.status_code == 400
        assert answer.headers["access-control-allow-origin"] == FRIEND


async def test_a_preflight_of_a_foreign_page_is_refused() -> None:
    async with running(**LISTED) as served:
        asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        answer = await served.client.options("/api/chat", headers=asked)
        assert answer.status_code == 400
        assert "access-control-allow-origin" not in answer.headers


async def test_a_star_lets_every_page_in() -> None:
    async with running(DIGITAL_HUMAN_ALLOWED_ORIGINS="*") as served:
        answer = await served.client.post("/api/sessions", headers={"Origin": "http://a.example"})
        assert answer.status_code == 201
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("origin", ["null", "http://[", "file://"])
async def test_an_origin_that_is_none_is_foreign(served: Running, origin: str) -> None:
    answer = await served.client.post("/api/sessions", headers={"Origin": origin})
    assert answer.status_code == 403
