import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.http_api.serving import AsgiServer, listen
from digital_human_runtime.settings.settings import Transcription
from digital_human_runtime.ws_api import transcription
from digital_human_runtime.ws_api.microphone import SAMPLE_RATE
from digital_human_runtime.ws_api.transcription import OpenAITranscriber


@asynccontextmanager
async def server(answers: list[int]) -> AsyncIterator[tuple[str, list[tuple[str, str, int]]]]:
    """A transcription server that answers with these statuses, and what it was sent."""
    seen: list[tuple[str, str, int]] = []

    async def transcribe(request: Request) -> Response:
        kind = request.headers["content-type"].encode()
        whole = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + await request.body())
        parts = {
            part.get_param("name", header="content-disposition"): part for part in whole.walk()
        }
        upload, model = (parts[name].get_payload(decode=True) for name in ("file", "model"))
        assert isinstance(upload, bytes)
        assert isinstance(model, bytes)
        with wave.open(io.BytesIO(upload)) as file:
            assert (file.getframerate(), file.getnchannels()) == (SAMPLE_RATE, 1)
            seen.append((request.headers["authorization"], model.decode(), file.getnframes()))
        status = answers.pop(0) if answers else 200
        return JSONResponse({"text": " What time is it? "}, status)

    app = Starlette(routes=[Route("/v1/audio/transcriptions", transcribe, methods=["POST"])])
    found = AsgiServer(app, listen("127.0.0.1:0"))
    running = asyncio.create_task(found.run_until_stopped())
    await found.up(running)
    yield f"http://127.0.0.1:{found.port}/v1", seen
    found.should_exit = True
    await running


async def test_speech_becomes_text(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("correct-horse\n")
    async with server([503]) as (url, seen):
        found = OpenAITranscriber(Transcription(url, "whisper-1", key))
        assert await found.transcribe(bytes(3200)) == "What time is it?"
        await found.close()
    assert seen == [("Bearer correct-horse", "whisper-1", 1600)] * 2


async def test_a_key_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("old\n")
    async with server([]) as (url, seen):
        found = OpenAITranscriber(Transcription(url, "whisper-1", key))
        await found.transcribe(bytes(3200))
        key.write_text("newer\n")
        await found.transcribe(bytes(3200))
        key.write_text("")
        with pytest.raises(EngineFault, match="holds no key for the transcription server"):
            await found.transcribe(bytes(3200))
        await found.close()
    assert [shown for shown, _, _ in seen] == ["Bearer old", "Bearer newer"]


async def test_a_server_that_is_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcription, "TIMEOUT_SECONDS", 1.0)
    async with server([400]) as (url, _):
        found = OpenAITranscriber(Transcription(url, "whisper-1", None))
        with pytest.raises(EngineFault) as error:
            await found.transcribe(bytes(3200))
        await found.close()
    assert "type it" in error.value.message
    assert url not in error.value.message
