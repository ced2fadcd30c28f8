"""The page, in a real browser, at the address of this machine that leads to a human's Service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import KEPT
from tests.e2e.humans import Humans
from tests.runtime.page.conftest import CHROMIUM, COARSE, FLAGS, TAP, Visitor, until
from tools import debian, forward
from tools.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300, func_only=True)]
GREETING = "Hello, I am Ada. Ask me anything."


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A Chromium for one test: its driver is in the way of those that run on asyncio."""
    debian.ensure(["chromium"])
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def address(humans: Humans, tmp_path: Path) -> Iterator[str]:
    """Where the page of a human in real Pods is, as `make -s url` tells it."""
    humans.apply(humans.example(persona={"greeting": GREETING}))
    record, port = tmp_path / "forward.json", free_port()
    forward.start(record, port, f"{humans.caller().host}:80")
    yield f"http://localhost:{port}/"
    forward.stop(record)


@pytest.fixture
def visitor(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody who opens the page; what is seen at the end is kept, also of a failure."""
    page = browser.new_page(viewport={"width": 800, "height": 600})
    page.add_init_script(TAP)
    found = Visitor(page)
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    page.on("requestfailed", lambda failed: found.requests.append(failed.url))
    page.goto(address + COARSE)
    yield found
    page.screenshot(path=KEPT / f"{request.node.name}.png")


@pytest.mark.alone  # drawn by the processor, the face takes both cores, which other Pods need
def test_a_face_greets_and_answers_in_a_browser(visitor: Visitor) -> None:
    heard = "[...document.querySelectorAll('#lines li')].map((line) => line.textContent)"
    told = "document.querySelector('#caption').textContent || document.querySelector('#lines li')"
    visitor.wait(f"Boolean({told})")
    visitor.page.mouse.click(5, 300)  # sound begins with a gesture
    visitor.wait(f"{heard}.includes({GREETING!r})")
    visitor.state("ready")
    visitor.ask("What can you do?")
    visitor.state("speaking")
    until(lambda: visitor.loudness() > 0.02, "nothing sounds")
    visitor.wait("window.__digitalHuman.lastFrameWeights.jawOpen > 0.1")
    visitor.wait("document.querySelectorAll('#caption .heard').length > 1")
    assert visitor.problems == []
    assert visitor.requests == []
