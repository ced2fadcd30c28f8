"""A conversation from the first word to a lost connection, as a reader lives it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from .conftest import Visitor, told, until
from .human import ANSWER, Human
from .speech import SAMPLE_RATE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]
dumps = partial(json.dumps, separators=(",", ":"))
"""JSON as the page writes it."""
WATCH = """setInterval(() => {
  const hook = window.__digitalHuman;
  if (!hook) return;
  const locked = hook.clock !== undefined && hook.playedSamples === 0;
  const caption = document.querySelector("#caption").textContent;
  console.debug("watch " + JSON.stringify({ caption, state: hook.state, locked }));
}, 100)"""
"""Tells by itself what is on the page: whatever the driver evaluates counts as a gesture."""


def test_it_answers_with_sound_a_moving_face_and_captions(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 8
    visitor = visit(address)
    visitor.state("ready")
    assert "Hello!" in visitor.page.inner_text("#caption"), "the greeting is captioned"
    visitor.ask("How are you?")
    visitor.state("speaking")
    visitor.opens_its_mouth()
    until(lambda: visitor.loudness() > 0.1, "nothing sounds")
    visitor.wait("document.querySelectorAll('#caption .heard').length >= 2")
    assert visitor.page.inner_text("#caption") == ANSWER
    visitor.state("ready")
    assert human.of_type("say")[0]["text"] == "How are you?"
    heard_out = {"type": "finished", "turn": 1, "played": int(human.seconds * SAMPLE_RATE)}
    assert told(human, "finished") == [heard_out]
    lines = visitor.page.locator("#lines li").all_text_contents()
    assert lines == ["How are you?", ANSWER]
    assert visitor.problems == []


def test_an_answer_that_was_cut_at_its_longest_is_seen_to_break_off(
    visit: Visit, address: str, human: Human
) -> None:
    human.finish = "length"
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Go on and on")
    visitor.has_shown("caption", ANSWER.replace(".", "…"))
    visitor.state("ready")
    lacking = visitor.page.get_attribute("#lines li:last-child", "data-lacking")
    assert lacking == "cut at its longest"
    assert visitor.problems == []


def test_faces_follow_the_sound_in_order_and_skew_is_measured(
    visit: Visit, address: str, human: Human, record_property: Callable[[str, object], None]
) -> None:
    human.seconds = 20
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Go on")
    visitor.wait(f"window.__digitalHuman.playedSamples > {2 * SAMPLE_RATE}")
    visitor.wait("window.__digitalHuman.appliedSamples.length > 5")
    both = "(({ appliedSamples, skewMs }) => [appliedSamples, skewMs])(window.__digitalHuman)"
    applied, skew = visitor.page.evaluate(both)  # at once: the page draws on
    assert all(before <= after for before, after in pairwise(applied))
    assert len(skew) == len(applied)
    assert all(isinstance(value, int | float) for value in skew)
    p95 = sorted(abs(value) for value in skew)[int(0.95 * (len(skew) - 1))]
    record_property("skew_p95_ms", round(p95, 1))
    record_property("drawn_fps", visitor.hook("drawnFps"))
    record_property("first_audio_ms", round(visitor.hook("firstAudioMs")))
    credits_ = [message["played"] for message in human.of_type("credit")]
    assert credits_ == sorted(set(credits_))
    assert visitor.hook("bufferedSamples") > 0


def test_a_greeting_is_captioned_until_the_first_gesture_lets_it_sound(
    visit: Visit, address: str, human: Human
) -> None:
    human.greets = True
    human.seconds = 8
    visitor = visit(address, script=WATCH)
    captioned = {"caption": ANSWER, "state": "ready", "locked": True}
    visitor.page.wait_for_event("console", lambda line: line.text == f"watch {dumps(captioned)}")
    assert human.of_type("credit") == [], "nothing was heard yet"
    visitor.page.mouse.click(5, 300)
    visitor.state("speaking")
    until(lambda: visitor.loudness() > 0.1, "nothing sounds")
    visitor.state("ready")
    assert told(human, "finished")[0]["turn"] == 1


def test_a_question_takes_the_place_of_a_greeting_that_waits(
    visit: Visit, address: str, human: Human
) -> None:
    human.greets = True
    visitor = visit(address)
    visitor.wait("document.querySelector('#caption').textContent.length > 0")
    visitor.wait("window.__digitalHuman.turn === 1")
    visitor.ask("Never mind")
    visitor.wait("window.__digitalHuman.turn === 2")
    visitor.state("speaking")
    assert [message["turn"] for message in told(human, "interrupt")] == [1]
    visitor.state("ready")
    assert [message["turn"] for message in told(human, "finished")] == [2]


def test_a_question_asked_before_the_sound_is_open_is_heard(
    visit: Visit, address: str, human: Human
) -> None:
    human.slow_sound = 2.0
    human.seconds = 8
    visitor = visit(address, script=WATCH)
    visitor.page.wait_for_event("console", lambda line: '"state":"ready"' in line.text)
    visitor.ask("Quick")
    assert visitor.hook("clock") is None, "the sound is open already"
    visitor.state("speaking")
    until(lambda: visitor.loudness() > 0.1, "nothing sounds")
    visitor.state("ready")
    assert told(human, "finished")[0]["turn"] == 1


def test_when_sound_runs_out_the_face_stands_still_with_it(
    visit: Visit, address: str, human: Human
) -> None:
    human.stall_after = SAMPLE_RATE
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Stop in the middle")
    visitor.wait("window.__digitalHuman.underruns === 1")
    until(lambda: visitor.loudness() == 0, "it goes on sounding")
    # What was heard lags behind what was played by the latency of the output: let it catch up.
    visitor.wait(f"window.__digitalHuman.playedSamples === {SAMPLE_RATE}")
    played = visitor.hook("playedSamples")
    drawn = visitor.hook("drawn")
    visitor.wait(f"window.__digitalHuman.drawn > {drawn + 5}")
    assert visitor.hook("playedSamples") == played
    assert visitor.hook("state") == "speaking"
    human.run(human.go_on())
    visitor.wait(f"window.__digitalHuman.playedSamples > {played + SAMPLE_RATE // 2}")
    visitor.state("ready")
    assert visitor.hook("underruns") == 1


def test_the_details_show_what_the_connection_does(visit: Visit, address: str) -> None:
    visitor = visit(address)
    visitor.state("ready")
    visitor.page.click("#show-details")
    visitor.ask("Show me figures")
    visitor.state("speaking")
    shown = "document.querySelector('#readout').innerText.replace(/\\s+/g, ' ')"
    for figure in (r"First audio \d+ ms", r"Buffer \d+ ms", r"Drawn \d+ fps", r"p95 [\d.]+ ms"):
        visitor.wait(f"/{figure}/.test({shown})")


@pytest.mark.parametrize("way", ["key", "button", "typing"])
def test_barge_in_silences_at_once(visit: Visit, address: str, human: Human, way: str) -> None:
    human.seconds = 20
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Tell me everything")
    visitor.state("speaking")
    until(lambda: visitor.loudness() > 0.1, "nothing sounds")
    if way == "key":
        visitor.page.keyboard.press("Escape")
    elif way == "button":
        visitor.page.click("#stop")
    else:
        visitor.page.type("#question", "w")
    visitor.state("ready")
    until(lambda: visitor.loudness() == 0, "it goes on sounding")
    (interrupt,) = told(human, "interrupt")
    assert interrupt["turn"] == 1
    assert 0 < interrupt["played"] < 20 * SAMPLE_RATE
    visitor.wait("document.querySelector('#caption').textContent === ''")
    visitor.wait("window.__digitalHuman.lastFrameWeights.jawOpen === 0")
    visitor.page.fill("#question", "")
    visitor.ask("And now?")
    visitor.state("speaking")
    assert visitor.hook("turn") == 2
    until(lambda: visitor.loudness() > 0.1, "after an interruption nothing sounds any more")


def test_a_question_while_it_speaks_interrupts_first(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 20
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("One")
    visitor.state("speaking")
    visitor.ask("Two")
    visitor.wait("window.__digitalHuman.turn === 2")
    visitor.state("speaking")
    kinds = [message["type"] for message in human.heard if message["type"] != "credit"]
    assert kinds == ["say", "interrupt", "say"]


def test_a_lost_connection_is_taken_up_with_the_token_and_offers_the_question_again(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 20
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Tell me everything")
    visitor.state("speaking")
    human.run(human.send({"type": "token", "token": "newer"}))
    human.interrupted = {"question": "Tell me everything", "heardSamples": 5000}
    human.history = [{"role": "user", "content": "Tell me everything"}]
    human.run(human.close(1012))
    until(lambda: len(human.hellos) == 2, "it does not connect again")
    assert human.hellos[0] == {"type": "hello", "version": 1, "ticket": "a-ticket"}
    assert human.hellos[1]["resume"] == {"session": "a-session", "token": "newer"}
    visitor.state("ready")
    assert visitor.page.locator("#lines li").all_text_contents() == ["Tell me everything"]
    visitor.page.get_by_role("button", name="Ask again").click()
    until(lambda: len(human.of_type("say")) == 2, "the offer asks nothing")
    assert human.of_type("say")[1]["text"] == "Tell me everything"


def test_a_session_that_the_server_forgot_begins_anew_without_a_word(
    visit: Visit, address: str, human: Human
) -> None:
    visitor = visit(address)
    visitor.state("ready")
    human.store, human.forgets = "memory", True
    human.run(human.close(1011))
    until(lambda: human.connections == 3, "it does not come back")
    visitor.state("ready")
    first, again, anew = human.hellos
    assert ("ticket" in first, "resume" in again, "ticket" in anew) == (True, True, True)
    assert visitor.page.evaluate("document.querySelector('#notice').textContent") == ""


def test_a_server_that_takes_a_question_for_a_ticket_and_is_silent_is_asked_again(
    visit: Visit, address: str, human: Human
) -> None:
    human.silent_sessions = 1
    visitor = visit(address)
    visitor.has_shown("notice", "The server does not answer.")
    visitor.state("ready")
    assert human.silent_sessions == 0


def test_a_browser_without_sound_says_so(visit: Visit, address: str) -> None:
    broken = "window.AudioContext = function () { throw new Error('no device'); };"
    visitor = visit(address, script=broken)
    visitor.has_shown("notice", "This browser plays no sound (no device).")
    assert visitor.problems == []


def test_a_drain_moves_the_conversation_when_nothing_is_being_said(
    visit: Visit, address: str, human: Human
) -> None:
    visitor = visit(address)
    visitor.state("ready")
    human.run(human.send({"type": "drain", "seconds": 30, "token": "for-the-next"}))
    until(lambda: len(human.hellos) == 2, "it does not move")
    assert human.hellos[1]["resume"]["token"] == "for-the-next"
    visitor.state("ready")


@pytest.mark.parametrize(("code", "button"), [(4001, "Take it back"), (4002, "Start again")])
def test_an_end_is_said_and_offers_a_way_back(
    visit: Visit, address: str, human: Human, code: int, button: str
) -> None:
    visitor = visit(address)
    visitor.state("ready")
    human.run(human.close(code))
    visitor.state("ended")
    visitor.page.get_by_role("button", name=button).click()
    visitor.state("ready")
    assert human.connections == 2


def test_an_error_is_shown_and_never_spoken(visit: Visit, address: str, human: Human) -> None:
    human.refuse = {"code": "busy", "message": "Too many talk at once.", "retryAfter": 1}
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Hello?")
    visitor.has_shown("notice", "Too many talk at once.")
    assert visitor.page.get_attribute("#notice", "role") == "alert"
    visitor.state("ready")
    assert visitor.hook("appliedSamples") == []


def test_a_key_is_asked_for_and_kept_in_memory_only(
    visit: Visit, address: str, human: Human
) -> None:
    human.key = "open-sesame"
    visitor = visit(address)
    visitor.wait("document.querySelector('#key').open")
    visitor.page.fill("#key-input", "wrong")
    visitor.page.press("#key-input", "Enter")
    visitor.wait("document.querySelector('#key-why').textContent.includes('refused')")
    visitor.page.fill("#key-input", "open-sesame")
    visitor.page.press("#key-input", "Enter")
    visitor.state("ready")
    kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
    assert "sesame" not in visitor.page.evaluate(kept)
    assert "sesame" not in "".join(visitor.requests)


def test_nothing_is_asked_of_another_origin(visit: Visit, address: str) -> None:
    visitor = visit(address)
    visitor.state("ready")
    own = urlsplit(address).netloc
    assert {urlsplit(url).netloc for url in visitor.requests if not url.startswith("blob:")} == {
        own
    }
    assert visitor.problems == []
