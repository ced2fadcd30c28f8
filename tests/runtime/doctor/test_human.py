"""What the doctor says of a human that is locked, ill or silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from digital_human_runtime.doctor import human as doctor
from digital_human_runtime.doctor.findings import Finding
from digital_human_runtime.doctor.human import Addresses, human
from digital_human_runtime.frames import Check
from tests.runtime.support import ScriptedModel, engines
from tests.runtime.support.serving import Running, running

KEY = "0123456789abcdef0123456789abcdef"


async def findings(served: Running, **headers: str) -> dict[str, Finding]:
    """All findings by their names."""
    where = Addresses(
        served.url("http"),
        served.url("health"),
        f"127.0.0.1:{served.runtime.ports['grpc']}",
        headers,
    )
    return {found.name: found async for found in human(where)}


async def test_a_locked_human_wants_the_key_everywhere(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    async with running(DIGITAL_HUMAN_API_KEY_FILE=str(file)) as served:
        known = await findings(served, **{"X-API-Key": KEY})
        assert {name for name, one in known.items() if one.verdict != "ok"} == set()
        unknown = await findings(served)
        locked = {name for name, one in unknown.items() if one.cure == doctor.NO_KEY}
        assert locked == {"chat", "speech", "grpc"}


async def test_settings_without_effect_are_notes() -> None:
    async with running(DIGITAL_HUMAN_FACE_TLS="true") as served:
        found = await findings(served)
    one = found["setting of the human"]
    assert (one.verdict, one.detail.split()[0]) == ("note", "DIGITAL_HUMAN_FACE_TLS")
    assert {other.verdict for other in found.values()} == {"ok", "note"}


async def test_it_says_what_serves_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as served:
        detail = Check("face", ok=True, detail="embedded network on cuda")
        monkeypatch.setattr(served.runtime.engines.face, "check", lambda: detail)
        found = (await findings(served))["face of the human"]
    assert (found.verdict, "embedded network on cuda" in found.detail) == ("ok", True)


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (Check("model", ok=True, detail="slow today", degraded=True), "note"),
        (Check("model", ok=False, detail="gone"), "bad"),
    ],
)
async def test_what_a_probe_names_is_told(
    monkeypatch: pytest.MonkeyPatch, check: Check, verdict: str
) -> None:
    async with running() as served:
        monkeypatch.setattr(served.runtime.engines.model, "check", lambda: check)
        found = (await findings(served))["probe ready" if verdict == "note" else "health"]
        assert found.verdict == ("note" if verdict == "note" else "bad")
        assert verdict == "bad" or f"model: {check.detail}" in found.detail


async def test_a_human_that_does_not_answer_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel("Too late.")
    async with running(engines(model)) as served:
        model.first_seconds = 30
        monkeypatch.setattr(doctor, "SECONDS", 0.5)
        found = await findings(served)
    assert found["chat"].verdict == found["speech"].verdict == "bad"
    assert "Timeout" in found["chat"].detail
