"""The built page, a human to talk to, and a browser for each test."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tools import page as page_tool

from .human import Human, application

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--autoplay-policy=document-user-activation-required",
    # On a busy machine the process that draws may hang; after six deaths the browser would close.
    "--disable-gpu-watchdog",
    "--disable-gpu-process-crash-limit",
]
COARSE = "?quality=6"
"""Pictures for a machine that draws with its processor, while others use it too."""
START_SECONDS = 60.0
WAIT_SECONDS = 45.0
STEP_SECONDS = 0.05
TAP = """
(() => {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
      const tap = this.context.createAnalyser();
      tap.fftSize = 1024;
      connect.call(this, tap);
      (window.__taps ??= []).push(tap);
    }
    return connect.call(this, target, ...rest);
  };
  const look = () => {
    const weights = window.__digitalHuman?.lastFrameWeights;
    if (weights) window.__widest = Math.max(window.__widest ?? 0, weights.jawOpen);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.__shown = { notice: new Set(), caption: new Set() };
  new MutationObserver(() => {
    for (const [name, texts] of Object.entries(window.__shown)) {
      const line = document.getElementById(name);
      if (line && !line.hidden) texts.add(line.textContent);
    }
  }).observe(document, { subtree: true, childList: true, attributeFilter: ['hidden'] });
  window.__loudness = () => Math.max(0, ...(window.__taps ?? []).map((tap) => {
    const wave = new Float32Array(tap.fftSize);
    tap.getFloatTimeDomainData(wave);
    return Math.max(...wave.map(Math.abs));
  }));
})();
"""
"""
Listens at the loudspeaker: what really sounds, beside what the page says of itself. Looks at each
picture and each line too: between two questions of a test a busy machine may draw the mouth shut
only, and a page that is connected again has taken its notice away.
"""


@pytest.fixture(scope="session")
def built_page() -> Path:
    """The page, built from the sources as they are."""
    return page_tool.build()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver of the browser."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One headless Chromium for a module's tests."""
    if not CHROMIUM.exists() and not shutil.which("chromium"):
        pytest.skip("there is no Chromium: install the package chromium")
    chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
    yield chromium
    chromium.close()


@pytest.fixture
def human() -> Human:
    """What the server does and what it heard."""
    return Human()


@pytest.fixture
def address(human: Human, built_page: Path) -> Iterator[str]:
    """Address of a server on the loopback interface."""
    with serving(human, built_page, "127.0.0.1") as url:
        yield url


class serving:  # noqa: N801 - used as a context manager
    """Serve a human and the page on a free port of an address."""

    def __init__(self, human: Human, folder: Path, host: str) -> None:
        self._socket = socket.create_server((host, 0))
        self._host = host
        config = uvicorn.Config(
            application(human, folder),
            log_level="warning",
            lifespan="off",
            ws_per_message_deflate=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> str:
        self._thread.start()
        until(lambda: self._server.started, "the server does not start")
        return f"http://{self._host}:{self._socket.getsockname()[1]}/"

    def __exit__(self, *_: object) -> None:
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join(10)


def until(condition: Callable[[], Any], problem: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait for a condition; fails with the sentence when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(STEP_SECONDS)


def told(human: Human, kind: str) -> list[dict[str, Any]]:
    """The page's messages of one type; what the page has sent may still be on its way."""
    until(lambda: human.of_type(kind), f"the server was told of no {kind}")
    return human.of_type(kind)


@dataclass
class Visitor:
    """A reader of the page, by the page's test hook and by what is on it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def hook(self, name: str) -> Any:
        """A value of ``window.__digitalHuman``."""
        return self.page.evaluate(f"window.__digitalHuman?.{name}")

    def wait(self, expression: str, seconds: float = WAIT_SECONDS) -> None:
        """Wait until an expression of the page is true (its policy forbids Playwright's way)."""
        until(lambda: self.page.evaluate(expression), f"never came: {expression}", seconds)

    def state(self, name: str) -> None:
        """Wait for a state of the conversation."""
        self.wait(f"window.__digitalHuman?.state === '{name}'")

    def has_shown(self, line: str, text: str) -> None:
        """Wait until the ``notice`` or ``caption`` has said this; it may be gone again."""
        self.wait(f"window.__shown[{line!r}].has({json.dumps(text)})")

    def ask(self, text: str) -> None:
        """Type a question and send it."""
        self.page.fill("#question", text)
        self.page.press("#question", "Enter")

    def opens_its_mouth(self, wide: float = 0.5) -> None:
        """Wait until some picture from now on shows the jaw as wide as this."""
        self.page.evaluate("window.__widest = 0")
        self.wait(f"window.__widest > {wide}")

    def loudness(self) -> float:
        """The loudest sample that is at the loudspeaker now."""
        return float(self.page.evaluate("window.__loudness()"))


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open the page in a context of its own."""
    contexts = []

    def opened(
        url: str,
        *,
        in_browser: Browser | None = None,
        script: str = "",
        quality: str = COARSE,
        **options: Any,
    ) -> Visitor:
        options.setdefault("viewport", {"width": 800, "height": 600})
        context = (in_browser or browser).new_context(**options)
        contexts.append(context)
        context.add_init_script(TAP + script)
        visitor = Visitor(context.new_page())
        visitor.page.set_default_timeout(START_SECONDS * 1000)
        visitor.page.on("request", lambda request: visitor.requests.append(request.url))
        visitor.page.on("pageerror", lambda error: visitor.problems.append(str(error)))
        visitor.page.on("console", lambda line: _note(visitor, line.type, line.text))
        visitor.page.goto(url + quality)
        return visitor

    yield opened
    for context in contexts:
        context.close()


def _note(visitor: Visitor, kind: str, text: str) -> None:
    if kind == "error" and "Content Security Policy" in text:
        visitor.problems.append(text)
