import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.runtime.support.serving import running

KEY = "correct-horse-battery-staple"
SECRET = "s" * 32
OTHER = "t" * 32


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {"sub": "bo", "exp": time.time() + 60} | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, secret if algorithm != "none" else "", algorithm)


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def write(file: Path, text: str) -> None:
    """As Kubernetes writes a mounted Secret: another file takes the place of the old one."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "jwt").write_text(SECRET)
    return {
        "DIGITAL_HUMAN_API_KEY_FILE": str(tmp_path / "key"),
        "DIGITAL_HUMAN_JWT_SECRET_FILE": str(tmp_path / "jwt"),
        "DIGITAL_HUMAN_JWT_AUDIENCE": "humans",
    }


async def test_the_matrix_of_keys_and_tokens(secrets: dict[str, str]) -> None:
    good = {"aud": "humans"}
    welcome = [
        bearer(KEY),
        {"X-API-Key": KEY},
        bearer(token(**good)),
        {"Authorization": f"bearer {KEY}"},
    ]
    refused = [
        {},
        bearer("wrong"),
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"Authorization": f"Basic {KEY}"},
        {"X-API-Key": token(**good)},
        bearer(token()),
        bearer(token(aud="others")),
        bearer(token(OTHER, **good)),
        bearer(token(algorithm="none", **good)),
        bearer(token(SECRET * 2, algorithm="HS512", **good)),
        bearer(token(exp=time.time() - 60, **good)),
        bearer(token(exp=None, **good)),
        bearer(token(sub=None, **good)),
    ]
    async with running(**secrets) as served:
        for headers in welcome:
            answer = await served.client.post("/api/sessions", headers=headers)
            assert answer.status_code == 201, headers
        for headers in refused:
            for path in ("/api/sessions", "/api/chat", "/v1/chat/completions", "/v1/audio/speech"):
                answer = await served.client.post(path, headers=headers, json={"message": "x"})
                assert answer.status_code == 401, (path, headers)
                assert answer.headers["www-authenticate"] == "Bearer"
                assert KEY not in answer.text
        for path in ("/health", "/version", "/"):
            assert (await served.client.get(path)).status_code in {200, 503}
        assert (await served.client.get("/v1/models")).status_code == 401


async def test_a_session_belongs_to_who_began_it(secrets: dict[str, str]) -> None:
    async with running(**secrets) as served:
        first, second = bearer(token(aud="humans")), bearer(token(aud="humans", sub="eve"))
        begun = await served.client.post("/api/chat", json={"message": "secret"}, headers=first)
        body = {"message": "what was said?", "session": begun.json()["session"]}
        assert (await served.client.post("/api/chat", json=body, headers=first)).status_code == 200
        assert (await served.client.post("/api/chat", json=body, headers=second)).status_code == 404


async def test_a_key_that_is_changed_counts_at_once(secrets: dict[str, str]) -> None:
    file = Path(secrets["DIGITAL_HUMAN_API_KEY_FILE"])
    async with running(**secrets) as served:
        write(file, "another-key\n")
        assert (await served.client.get("/v1/models", headers=bearer(KEY))).status_code == 401
        both = await served.client.get("/v1/models", headers=bearer("another-key"))
        assert both.status_code == 200
        write(file, f"another-key\n{KEY}\n")
        assert (await served.client.get("/v1/models", headers=bearer(KEY))).status_code == 200
        write(file, "")
        assert (await served.client.get("/v1/models", headers=bearer(KEY))).status_code == 200


@pytest.mark.parametrize("content", ["short", f"{SECRET}\nshort\n"])
async def test_a_short_signing_secret_stops_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "jwt").write_text(content)
    with pytest.raises(ValueError, match="32 bytes"):
        async with running(DIGITAL_HUMAN_JWT_SECRET_FILE=str(tmp_path / "jwt")):
            pass


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_short_signing_secret_never_counts(secrets: dict[str, str]) -> None:
    file = Path(secrets["DIGITAL_HUMAN_JWT_SECRET_FILE"])
    async with running(**secrets) as served:
        write(file, f"{SECRET}\nshort\n")
        for secret, status in (("short", 401), (SECRET, 200)):
            shown = bearer(token(secret, aud="humans"))
            assert (await served.client.get("/v1/models", headers=shown)).status_code == status


async def test_who_asks_too_often_waits() -> None:
    async with running(DIGITAL_HUMAN_RATE_LIMIT="3/minute") as served:
        answers = [await served.client.get("/v1/models") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].json()["code"] == "busy"
        assert (await served.client.get("/health")).status_code == 200


async def test_guessing_keys_is_slow(secrets: dict[str, str]) -> None:
    async with running(**secrets, DIGITAL_HUMAN_RATE_LIMIT="3/minute") as served:
        codes = [
            (await served.client.get("/v1/models", headers=bearer(str(n)))).status_code
            for n in range(5)
        ]
        assert codes == [401, 401, 401, 429, 429]
        assert (await served.client.get("/v1/models", headers=bearer(KEY))).status_code == 200
