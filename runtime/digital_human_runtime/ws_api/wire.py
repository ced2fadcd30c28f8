"""
The words of docs/protocol/conversation.md as bytes, and back: pure, the same for both ends.

``decode`` reads what a client sends, ``encode`` writes what it is told; ``unpack`` reads a media
frame again, for clients and tests.
"""

from __future__ import annotations

import json
import struct
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from digital_human_runtime.errors import BadInput, RuntimeFault, TooLarge
from digital_human_runtime.frames import (
    SHAPES,
    Caption,
    Draining,
    Media,
    ResumableChanged,
    TextDelta,
    TokenRotated,
    TurnEnded,
    TurnStarted,
)
from digital_human_runtime.settings.problems import HALF, wrong
from digital_human_runtime.settings.suggest import nearest

VERSIONS = (1,)
SUBPROTOCOL = "digital-human.v1"
TICKET_PREFIX = "ticket."
TEXT_BYTES = 32768
MICROPHONE_BYTES = 32000
"""One second of PCM, 16 bit, 16 kHz."""
ID_CHARACTERS = 128
_HEAD = struct.Struct("<BBHIQIIII")
_LAYOUT, _MEDIA = 1, 1


def _writable(text: str) -> str:
    """JSON can spell half of a character; nothing that is sent or stored can hold it."""
    if not _is_whole(text):
        raise PydanticCustomError("half", HALF)
    return text


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_Text = Annotated[str, AfterValidator(_writable)]
_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Token = Annotated[str, Field(min_length=1, max_length=512)]


class Malformed(RuntimeFault):
    """Not a message of this protocol at all: the connection is closed."""

    code = "malformed"
    status = 400


class Unfit(BadInput):
    """A field that cannot be taken; ``identity`` is the ``id`` of the message, where it has one."""

    def __init__(self, message: str, identity: str | int | None) -> None:
        super().__init__(message)
        self.identity = identity


class UnsupportedVersion(RuntimeFault):
    """A version that is not spoken here: the connection is closed."""

    code = "unsupported_version"
    status = 400


class _Command(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Resume(_Command):
    """Which session shall go on, and what proves it."""

    session: _Token
    token: _Token


class Hello(_Command):
    """The first message."""

    type: Literal["hello"]
    version: int
    ticket: _Token | None = None
    resume: Resume | None = None


class Say(_Command):
    """A question."""

    type: Literal["say"]
    text: _Text
    id: Annotated[str, Field(max_length=ID_CHARACTERS)] | int | None = None


class Played(_Command):
    """How far a turn was heard."""

    type: Literal["interrupt", "credit", "finished"]
    turn: Annotated[int, Field(ge=0, lt=2**32)]
    played: _Count


class Listen(_Command):
    """Microphone frames begin or end."""

    type: Literal["listen"]
    state: Literal["start", "stop"]


class Ping(_Command):
    """Is somebody there? For clients that do not see the pings of WebSockets, as pages do not."""

    type: Literal["ping"]


class Bye(_Command):
    """The session ends and is forgotten."""

    type: Literal["bye"]


Command = Hello | Say | Played | Listen | Ping | Bye
TYPES = ("hello", "say", "interrupt", "credit", "finished", "listen", "ping", "bye")
PONG = {"type": "pong"}
_COMMAND: TypeAdapter[Command] = TypeAdapter(
    Annotated[Hello | Say | Played | Listen | Ping | Bye, Field(discriminator="type")]
)


def decode(text: str) -> Command:
    """
    What a client says.

    Raises Malformed for what is no object with a type, TooLarge, and BadInput for a type or a
    field that cannot be taken.
    """
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES:
        raise TooLarge(f"A message may have {TEXT_BYTES} bytes")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("The message is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise Malformed('The message is not an object with a "type"')
    kind = found["type"]
    if kind not in TYPES:
        raise BadInput(f"type {kind[:32]!r} is not known{nearest(kind[:32], TYPES)}")
    try:
        return _COMMAND.validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = next(
            iter(first["loc"][1:]), "a field"
        )  # after it come names of types, which say nothing to a client
        raise Unfit(f"{where} of {kind} {wrong(first)}", _identity(found)) from None


def _identity(found: dict[str, Any]) -> str | int | None:
    """The ``id`` of a message that is refused, for the client to know which one."""
    told = found.get("id")
    if isinstance(told, str) and len(told) <= ID_CHARACTERS and _is_whole(told):
        return told
    return told if type(told) is int else None


def ticket_of(subprotocols: list[str]) -> str | None:
    """The ticket that came as a second subprotocol."""
    for name in subprotocols:
        if name.startswith(TICKET_PREFIX) and len(name) > len(TICKET_PREFIX):
            return name.removeprefix(TICKET_PREFIX)
    return None


def samples_of(message: bytes) -> bytes:
    """The PCM of a microphone frame; raises BadInput or TooLarge."""
    if len(message) > MICROPHONE_BYTES:
        raise TooLarge("A microphone frame may hold one second: 32000 bytes")
    if len(message) % 2:
        raise BadInput("A microphone frame holds 16-bit samples: an even number of bytes")
    return message


def dumps(message: dict[str, Any]) -> str:
    """A text message."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def error(fault: RuntimeFault, identity: str | int | None = None) -> dict[str, Any]:
    """The message ``error``."""
    found = {"type": "error", "code": fault.code, "message": fault.message}
    versions = list(VERSIONS) if isinstance(fault, UnsupportedVersion) else None
    identity = fault.identity if isinstance(fault, Unfit) else identity
    return _with(found, versions=versions, retryAfter=fault.retry_after, id=identity)


ToldInText = (
    TurnStarted | TextDelta | Caption | TurnEnded | TokenRotated | Draining | ResumableChanged
)
Told = ToldInText | Media


def encode(event: Told, identity: str | int | None = None) -> str | bytes:
    """The message of an event; ``identity`` is the ``id`` of the ``say`` behind a new turn."""
    return pack(event) if isinstance(event, Media) else dumps(_message(event, identity))


def _message(event: ToldInText, identity: str | int | None) -> dict[str, Any]:
    match event:
        case TurnStarted(turn, question):
            found = _with({"type": "turn", "turn": turn, "question": question}, id=identity)
        case TextDelta(turn, text):
            found = {"type": "text", "turn": turn, "text": text}
        case Caption():
            found = _caption(event)
        case TurnEnded():
            found = _end(event)
        case TokenRotated(token):
            found = {"type": "token", "token": token}
        case Draining(seconds, token):
            found = _with({"type": "drain", "seconds": seconds}, token=token)
        case ResumableChanged(resumable, reason):
            found = {"type": "resumable", "resumable": resumable, "reason": reason}
    return found


def pack(media: Media) -> bytes:
    """The binary message of sound and faces."""
    frames, shapes = media.weights.shape if media.weights.size else (0, len(SHAPES))
    head = _HEAD.pack(
        _LAYOUT,
        _MEDIA,
        shapes,
        media.turn,
        media.first_sample,
        media.samples.shape[0],
        media.first_frame,
        frames,
        0,
    )
    weights = np.rint(np.clip(media.weights, 0.0, 1.0) * 255).astype(np.uint8)
    return b"".join((head, media.samples.astype("<i2").tobytes(), weights.tobytes()))


def unpack(message: bytes) -> Media:
    """The sound and faces of a binary message; raises BadInput when it is none."""
    if len(message) < _HEAD.size:
        raise BadInput("The media frame is shorter than its head")
    layout, kind, shapes, turn, sample, count, frame, frames, _zero = _HEAD.unpack_from(message)
    if (layout, kind) != (_LAYOUT, _MEDIA):
        raise BadInput(f"Layout {layout} and kind {kind} of the binary message are not known")
    if len(message) != _HEAD.size + 2 * count + frames * shapes:
        raise BadInput("The media frame is not as long as its head says")
    samples = np.frombuffer(message, "<i2", count, _HEAD.size).astype(np.int16)
    weights = np.frombuffer(message, np.uint8, frames * shapes, _HEAD.size + 2 * count)
    faces = (weights.reshape(frames, shapes) / 255).astype(np.float32)
    return Media(turn, sample, samples, frame, faces)


def _caption(event: Caption) -> dict[str, Any]:
    return {
        "type": "caption",
        "turn": event.turn,
        "text": event.text,
        "firstSample": event.first_sample,
        "lastSample": event.last_sample,
        "words": [[w.start, w.end, w.first_sample, w.last_sample] for w in event.words],
    }


def _end(event: TurnEnded) -> dict[str, Any]:
    found = {
        "type": "end",
        "turn": event.turn,
        "reason": event.reason,
        "samples": event.samples,
        "heard": event.heard,
    }
    cut = None if event.finish == "stop" else event.finish
    return _with(
        found,
        code=event.code,
        message=event.message,
        retryAfter=event.retry_after,
        finishReason=cut,
    )


def _with(body: dict[str, Any], /, **more: Any) -> dict[str, Any]:
    return body | {key: value for key, value in more.items() if value is not None}
