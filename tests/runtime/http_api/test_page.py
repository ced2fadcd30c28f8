from pathlib import Path

import httpx2
from fastapi import FastAPI

from digital_human_runtime.http_api import page, problems
from tests.runtime.support.serving import Running


def client_of(folder: Path) -> httpx2.AsyncClient:
    """A client of an application that serves only the page."""
    app = FastAPI()
    problems.install(app)
    page.mount(app, folder)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://page")


async def test_where_it_is_not_built_the_page_says_how(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        answer = await client.get("/")
    assert answer.status_code == 503
    assert "make page" in answer.text


async def test_files_have_a_strict_policy_and_hashed_ones_last(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "assets" / "main-Bx81kQ_z.js").write_text("1")
    (tmp_path / "assets" / "favicon.svg").write_text("<svg/>")
    async with client_of(tmp_path) as client:
        index = await client.get("/")
        hashed = await client.get("/assets/main-Bx81kQ_z.js")
        plain = await client.get("/assets/favicon.svg")
        missing = await client.get("/assets/missing-Bx81kQ_z.js")
        outside = await client.get("/..%2f..%2fetc/passwd")
        written = [await client.post(path) for path in ("/", "/assets/favicon.svg", "/nothing")]
    assert index.headers["cache-control"] == "no-cache"
    assert "immutable" in hashed.headers["cache-control"]
    assert plain.headers["cache-control"] == "no-cache"
    assert (missing.status_code, outside.status_code) == (404, 404)
    assert [answer.status_code for answer in written] == [405, 405, 404]
    for answer in (index, hashed):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_health_and_version(served: Running) -> None:
    health = (await served.client.get("/health")).json()
    assert health["status"] == "ready"
    assert set(health["checks"]) >= {"database", "gpu", "model", "audio2face", "speaking"}
    version = (await served.client.get("/version")).json()
    assert version["model"] == "scripted"
    assert version["version"]
