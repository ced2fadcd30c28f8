import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from digital_human_runtime.errors import BadInput, Busy, RuntimeFault, TooLarge
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
    Word,
)
from digital_human_runtime.ws_api import wire

COUNT = st.integers(0, 2**32 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def media(draw: st.DrawFn) -> Media:
    frames = draw(st.integers(0, 5))
    weights = draw(arrays.arrays(np.uint8, (frames, len(SHAPES))))
    return Media(
        draw(COUNT),
        draw(st.integers(0, 2**64 - 1)),
        draw(arrays.arrays(np.int16, st.integers(0, 50))),
        draw(COUNT),
        (weights / 255).astype(np.float32),
    )


@given(media())
def test_media_come_back_as_they_were(sent: Media) -> None:
    found = wire.unpack(wire.pack(sent))
    assert (found.turn, found.first_sample, found.first_frame) == (
        sent.turn,
        sent.first_sample,
        sent.first_frame,
    )
    assert np.array_equal(found.samples, sent.samples)
    assert found.weights.shape == sent.weights.shape
    assert np.allclose(found.weights, sent.weights, atol=1e-6)


def test_the_layout_of_media_is_the_documented_one() -> None:
    weights = np.zeros((1, len(SHAPES)), np.float32)
    weights[0, :3] = (1.0, 0.5, 7.0)
    sent = Media(3, 2**40, np.array([1, -2], np.int16), 9, weights)
    message = wire.pack(sent)
    head = struct.unpack("<BBHIQIIII", message[:32])
    assert head == (1, 1, 52, 3, 2**40, 2, 9, 1, 0)
    assert message[32:36] == b"\x01\x00\xfe\xff"
    assert list(message[36:40]) == [255, 128, 255, 0]
    assert len(message) == 32 + 4 + 52


@given(st.binary(max_size=200))
def test_no_bytes_are_mistaken_for_media(message: bytes) -> None:
    try:
        found = wire.unpack(message)
    except BadInput:
        return
    assert wire.pack(found)[:28] == message[:28]


@given(st.text())
def test_any_text_is_a_command_or_refused(text: str) -> None:
    refused(text)


@given(
    st.sampled_from(wire.TYPES),
    st.dictionaries(
        st.text()
        | st.sampled_from(["version", "text", "turn", "played", "state", "id", "ticket", "resume"]),
        JSON,
        max_size=4,
    ),
)
def test_any_object_is_a_command_or_refused(kind: str, fields: dict[str, Any]) -> None:
    refused(json.dumps(fields | {"type": kind}))


def refused(text: str) -> None:
    told: RuntimeFault | None = None
    try:
        assert wire.decode(text).type in wire.TYPES
    except RuntimeFault as fault:
        told = fault
    assert told is None or (told.status in {400, 413} and len(told.message) < 400)


COMMANDS = {
    '{"type":"hello","version":1,"ticket":"t"}': wire.Hello(type="hello", version=1, ticket="t"),
    '{"type":"hello","version":1,"resume":{"session":"s","token":"t"}}': wire.Hello(
        type="hello", version=1, resume=wire.Resume(session="s", token="t")
    ),
    '{"type":"say","text":"Hi","id":"7","colour":"blue"}': wire.Say(type="say", text="Hi", id="7"),
    '{"type":"interrupt","turn":1,"played":20}': wire.Played(type="interrupt", turn=1, played=20),
    '{"type":"credit","turn":1,"played":20}': wire.Played(type="credit", turn=1, played=20),
    '{"type":"finished","turn":1,"played":20}': wire.Played(type="finished", turn=1, played=20),
    '{"type":"listen","state":"start"}': wire.Listen(type="listen", state="start"),
    '{"type":"ping"}': wire.Ping(type="ping"),
    '{"type":"bye"}': wire.Bye(type="bye"),
}


@pytest.mark.parametrize("text", COMMANDS)
def test_every_command_of_the_protocol(text: str) -> None:
    assert wire.decode(text) == COMMANDS[text]


@pytest.mark.parametrize(
    ("text", "fault", "said"),
    [
        ("", wire.Malformed, "not JSON"),
        ("[1]", wire.Malformed, "object"),
        ('{"type":1}', wire.Malformed, "object"),
        ('{"type":"sey"}', BadInput, "did you mean say?"),
        ('{"type":"say"}', BadInput, "text of say is missing"),
        ('{"type":"say","text":7}', BadInput, "text of say must be a valid string; it is 7"),
        ('{"type":"hello","version":1,"resume":7}', BadInput, "resume of hello must be an object"),
        ('{"type":"say","text":"a \\ud800 b"}', BadInput, "text of say holds half of a character"),
        ('{"type":"say","text":"Hi","id":"\\ud800"}', BadInput, "id"),
        (
            f'{{"type":"say","text":"Hi","id":"{"i" * 200}"}}',
            BadInput,
            "id of say must have at most 128 characters; it has 200",
        ),
        ('{"type":"credit","turn":-1,"played":0}', BadInput, "turn of credit"),
        ('{"type":"credit","turn":1,"played":"9"}', BadInput, "played of credit"),
        ('{"type":"hello","version":"1"}', BadInput, "version of hello"),
        ('{"type":"say","text":"' + "é" * 16400 + '"}', TooLarge, "32768"),
        ("[" * 20000, wire.Malformed, "not JSON"),
    ],
)
def test_what_is_wrong_is_named(text: str, fault: type[RuntimeFault], said: str) -> None:
    with pytest.raises(fault) as error:
        wire.decode(text)
    assert said in error.value.message


@pytest.mark.parametrize(
    ("told", "identity"),
    [('"7"', "7"), ("7", 7), ('{"a":1}', None), ("true", None), (f'"{"i" * 200}"', None)],
)
def test_what_is_refused_carries_the_id_of_its_message(
    told: str, identity: str | int | None
) -> None:
    with pytest.raises(wire.Unfit) as error:
        wire.decode(f'{{"type":"say","text":7,"id":{told}}}')
    found = wire.error(error.value)
    assert found.get("id") == identity
    assert found["code"] == "bad_input"


EVENTS = {
    TurnStarted(1, "Hi"): {"type": "turn", "turn": 1, "question": "Hi", "id": "a"},
    TextDelta(1, "x"): {"type": "text", "turn": 1, "text": "x"},
    Caption(1, "Hi you", 0, 9, (Word(0, 2, 0, 4), Word(3, 6, 5, 9))): {
        "type": "caption",
        "turn": 1,
        "text": "Hi you",
        "firstSample": 0,
        "lastSample": 9,
        "words": [[0, 2, 0, 4], [3, 6, 5, 9]],
    },
    TurnEnded(1, "complete", 9, "Hi you"): {
        "type": "end",
        "turn": 1,
        "reason": "complete",
        "samples": 9,
        "heard": "Hi you",
    },
    TurnEnded(1, "complete", 9, "Hi", finish="length"): {
        "type": "end",
        "turn": 1,
        "reason": "complete",
        "samples": 9,
        "heard": "Hi",
        "finishReason": "length",
    },
    TurnEnded(1, "failed", 0, "", "engine", "Away.", 2.0): {
        "type": "end",
        "turn": 1,
        "reason": "failed",
        "samples": 0,
        "heard": "",
        "code": "engine",
        "message": "Away.",
        "retryAfter": 2.0,
    },
    TokenRotated("t"): {"type": "token", "token": "t"},
    Draining(9.0, "t"): {"type": "drain", "seconds": 9.0, "token": "t"},
    Draining(9.0, None): {"type": "drain", "seconds": 9.0},
    ResumableChanged(resumable=False, reason="r"): {
        "type": "resumable",
        "resumable": False,
        "reason": "r",
    },
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_of_the_protocol(event: wire.ToldInText) -> None:
    assert json.loads(wire.encode(event, "a")) == EVENTS[event]


def test_errors_say_when_to_try_again_and_which_versions_there_are() -> None:
    assert wire.error(Busy("Full.", retry_after=3), 7) == {
        "type": "error",
        "code": "busy",
        "message": "Full.",
        "retryAfter": 3,
        "id": 7,
    }
    assert wire.error(wire.UnsupportedVersion("No."))["versions"] == [1]


def test_a_ticket_may_be_a_subprotocol() -> None:
    assert wire.ticket_of(["digital-human.v1", "ticket.abc"]) == "abc"
    assert wire.ticket_of(["digital-human.v1", "ticket."]) is None


@pytest.mark.parametrize(("size", "fault"), [(32002, TooLarge), (3, BadInput)])
def test_microphone_frames_have_limits(size: int, fault: type[RuntimeFault]) -> None:
    assert wire.samples_of(bytes(32000)) == bytes(32000)
    with pytest.raises(fault):
        wire.samples_of(bytes(size))
