"""OpenAI-compatible ``/v1/audio/speech``: the voice alone, as WAV or as bare PCM."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import Samples
from digital_human_runtime.settings.problems import cut

from . import sse
from .chat import while_connected
from .measured import measured
from .requests import admitted, body_of
from .resample import resampled
from .services import Services
from .wav import wav

FORMATS = ("wav", "pcm")
PCM_RATE = 24000
"""Hertz of bare PCM: it has no header, and OpenAI's clients play it at this rate."""
LONGEST = 4096
"""Characters, as OpenAI has it."""


class SpeechRequest(BaseModel):
    """A text to be spoken."""

    model_config = ConfigDict(extra="allow")

    input: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    model: str | None = None
    voice: Annotated[str, Field(max_length=64)] | None = None
    """Absent or ``default``: the human's own."""
    response_format: str = "wav"
    """``wav`` at the rate of the voice, or ``pcm`` at 24 kHz: 16 bit, mono."""
    speed: float = 1.0


def router(services: Services) -> APIRouter:
    """The endpoint."""
    routes = APIRouter(prefix="/v1/audio")

    @routes.post("/speech")
    async def speech(request: Request) -> Response:
        """Speak a text."""
        await admitted(request, services)
        asked = await body_of(request, SpeechRequest)
        if asked.response_format not in FORMATS:
            wanted = cut(asked.response_format)
            raise BadInput(f"response_format {wanted!r} is not made here: ask for wav or pcm")
        if asked.speed != 1.0:
            raise BadInput("speed must be 1: the voice has one speed here")
        bare = asked.response_format == "pcm"
        rate = PCM_RATE if bare else services.voice.sample_rate
        headers = {"X-Sample-Rate": str(rate), "Cache-Control": "no-store"}
        spoken = _sound(services, asked.input, _voice(services, asked.voice))
        made = resampled(spoken, services.voice.sample_rate, rate)
        sound = measured(made, services.metrics, "speech")
        if bare:
            kind = f"audio/pcm;rate={rate}"
            return StreamingResponse(await sse.begun(sound), media_type=kind, headers=headers)
        whole = b"".join(await while_connected(request, _all(sound)))
        return Response(wav(whole, rate), media_type="audio/wav", headers=headers)

    return routes


def _voice(services: Services, wanted: str | None) -> str:
    if wanted is None or wanted == "default":
        return services.speaker
    return wanted  # the voice itself knows variants and tags, and refuses others by near matches


async def _sound(services: Services, text: str, voice: str) -> AsyncGenerator[Samples]:
    heard = False
    async with services.turn():
        stream = services.voice.speak(text, voice=voice)
        async with aclosing(stream):
            async for piece in stream:
                if len(piece.samples):
                    heard = True
                    yield piece.samples
    if not heard:
        raise BadInput("input holds nothing that can be spoken")


async def _all(sound: AsyncGenerator[bytes]) -> list[bytes]:
    async with aclosing(sound):
        return [piece async for piece in sound]
