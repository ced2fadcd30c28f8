"""Plain http from another address: no secure context, hence no AudioWorklet and no microphone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

from .conftest import CHROMIUM, FLAGS, Visitor, serving, told, until
from .human import Human

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]
NAME = f"dhpage{os.getpid() % 100000}"
HOST = f"10.213.{os.getpid() % 250}.1"
GUEST = f"10.213.{os.getpid() % 250}.2"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace of our own that reaches this machine at an address of a network."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and iproute2")
    try:
        _ip("netns", "add", NAME)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made here: {error.stderr}")
    try:
        _ip("link", "add", f"{NAME}h", "type", "veth", "peer", "name", f"{NAME}g", "netns", NAME)
        _ip("addr", "add", f"{HOST}/30", "dev", f"{NAME}h")
        _ip("link", "set", f"{NAME}h", "up")
        _ip("-n", NAME, "addr", "add", f"{GUEST}/30", "dev", f"{NAME}g")
        _ip("-n", NAME, "link", "set", f"{NAME}g", "up")
        _ip("-n", NAME, "link", "set", "lo", "up")
        yield NAME
    finally:
        subprocess.run(["ip", "netns", "del", NAME], check=False, capture_output=True)


@pytest.fixture
def guest(namespace: str, playwright: Playwright, tmp_path: Path) -> Iterator[Browser]:
    """A browser in the namespace."""
    wrapper = tmp_path / "chromium"
    wrapper.write_text(f'#!/bin/sh\nexec ip netns exec {namespace} {CHROMIUM} "$@"\n')
    wrapper.chmod(0o755)
    browser = playwright.chromium.launch(executable_path=str(wrapper), args=FLAGS)
    yield browser
    browser.close()


def test_it_speaks_on_plain_http_of_a_network(
    visit: Visit, guest: Browser, human: Human, built_page: Path
) -> None:
    human.speech_input = True
    human.seconds = 20
    with serving(human, built_page, HOST) as address:
        visitor = visit(address, in_browser=guest)
        visitor.state("ready")
        assert visitor.page.evaluate("window.isSecureContext") is False
        assert not visitor.page.locator("#listen").is_visible()
        assert "https" in visitor.page.inner_text("#hint")
        visitor.ask("Can you hear me?")
        visitor.state("speaking")
        assert visitor.hook("clock") == "scheduled"
        visitor.opens_its_mouth()
        until(lambda: visitor.loudness() > 0.1, "nothing sounds")
        applied = visitor.hook("appliedSamples")
        assert applied == sorted(applied)
        visitor.page.keyboard.press("Escape")
        visitor.state("ready")
        until(lambda: visitor.loudness() == 0, "it goes on sounding")
        assert told(human, "interrupt")[0]["played"] > 0


def test_a_secure_origin_has_the_audio_thread_and_a_microphone(
    visit: Visit, address: str, human: Human
) -> None:
    human.speech_input = True
    visitor = visit(address)
    visitor.state("ready")
    visitor.wait("window.__digitalHuman.clock === 'worklet'")
    assert visitor.page.locator("#listen").is_visible()
    assert visitor.page.inner_text("#hint") == ""
