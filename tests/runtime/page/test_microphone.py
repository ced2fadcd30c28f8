"""Spoken questions: what the page's microphone sends, and when it is closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Playwright

from .conftest import CHROMIUM, FLAGS, Visitor, told, until
from .human import Human

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]
BEEPS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""A microphone that beeps every second, and a reader who lets pages listen."""


@pytest.fixture(scope="module")
def listening(playwright: Playwright) -> Iterator[Browser]:
    """A browser with a microphone."""
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *BEEPS])
    yield browser
    browser.close()


@pytest.fixture
def visitor(visit: Visit, listening: Browser, address: str, human: Human) -> Visitor:
    human.speech_input = True
    visitor = visit(address, in_browser=listening)
    visitor.state("ready")
    visitor.page.click("#listen")
    visitor.wait("document.querySelector('#listen').ariaPressed === 'true'")
    return visitor


def test_a_spoken_question_is_sent_as_the_protocol_says(visitor: Visitor, human: Human) -> None:
    until(lambda: len(human.sound) >= 15, "the microphone sends nothing")
    spoken, seconds = len(human.sound) / 10, time.monotonic() - human.listens_since
    visitor.page.click("#listen")
    visitor.wait("document.querySelector('#listen').ariaPressed === 'false'")
    until(lambda: len(human.of_type("listen")) == 2, "it does not say that it is over")
    assert [message["state"] for message in told(human, "listen")] == ["start", "stop"]
    assert {len(piece) for piece in human.sound} == {3200}, "100 ms of 16 bit at 16 kHz"
    assert spoken < seconds + 0.5, "it is faster than speech"
    heard = np.frombuffer(b"".join(human.sound), "<i2")
    assert np.abs(heard).max() > 1000, "nothing is heard"
    sent = len(human.sound)
    time.sleep(0.5)
    assert len(human.sound) == sent, "it goes on listening"


@pytest.mark.parametrize("code", [1012, 4002])
def test_nobody_is_listened_to_without_a_connection(
    visitor: Visitor, human: Human, code: int
) -> None:
    until(lambda: human.sound, "the microphone sends nothing")
    human.run(human.close(code))
    visitor.wait("document.querySelector('#listen').ariaPressed === 'false'")
    if code == 1012:
        visitor.state("ready")
    assert len(human.of_type("listen")) == 1
