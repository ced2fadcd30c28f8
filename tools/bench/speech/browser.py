"""The avatar page in headless Chromium: a conversation of a minute, its skew, pictures and silence.

The browser draws with the processor and shares it with the runtime. Figures come from the page's
own hook; silence is heard at its loudspeaker.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from digital_human_runtime.loadtest.figures import percentile
from digital_human_runtime.loadtest.load import QUESTIONS

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-watchdog",
    "--disable-gpu-process-crash-limit",
)
SECONDS = 60.0
BARGE_INS = 10
LOOK_SECONDS = 0.5
WAIT_SECONDS = 30.0
OVERLAP = 12
"""Skews by which two looks at the page's list are joined: as good as never the same by chance."""
LISTEN = """
(() => {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
      const tap = this.context.createAnalyser();
      tap.fftSize = 32768;
      connect.call(this, tap);
      window.__tap = tap;
    }
    return connect.call(this, target, ...rest);
  };
  const heard = () => {
    const wave = new Float32Array(window.__tap?.fftSize ?? 0);
    window.__tap?.getFloatTimeDomainData(wave);
    return wave;
  };
  window.__sounds = () => heard().subarray(-128).some((value) => value !== 0);
  const silentSeconds = () => {
    const wave = heard();
    let count = 0;
    while (count < wave.length && wave[wave.length - 1 - count] === 0) count += 1;
    return count / window.__tap.context.sampleRate;
  };
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const began = performance.now();
    setTimeout(() => {
      const passed = performance.now() - began;
      const latency = window.__tap.context.outputLatency;
      window.__silentAfter = Math.max(0, passed - 1000 * (silentSeconds() - latency));
    }, 400);
  }, true);
})();
"""
"""
Says how many milliseconds after the key the last sound was heard. What was handed to the
loudspeaker is looked at later, with how long it is silent by then: looks wait while a page draws.
The delay of the loudspeaker, as the browser tells it, is added.
"""


def measure(address: str) -> dict[str, Any]:
    """Talk for a minute with the page at ``address``, then interrupt it a few times."""
    load = {"browser_load_before": round(os.getloadavg()[0], 2)}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            page = _open(browser, address)
            return load | _minute(page) | _barge_ins(page)
        finally:
            browser.close()


def _open(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 800, "height": 600})
    page.add_init_script(LISTEN)
    page.goto(address)
    _until(page, "state === 'ready'")
    return page


def _minute(page: Page) -> dict[str, Any]:
    """Ask as soon as an answer was heard; every skew and the pictures drawn meanwhile."""
    skews: list[float] = []
    asked = 0
    _ask(page, QUESTIONS[0])
    began, drawn = time.monotonic(), _hook(page, "drawn")
    while time.monotonic() - began < SECONDS:
        if _hook(page, "state") == "ready":
            asked += 1
            _ask(page, QUESTIONS[asked % len(QUESTIONS)])
        time.sleep(LOOK_SECONDS)
        skews += unseen(skews, _hook(page, "skewMs"))
    took = time.monotonic() - began
    sizes = [abs(skew) for skew in skews]
    return {
        "browser_seconds": round(took, 1),
        "browser_answers": asked + 1,
        "browser_frames": len(skews),
        "browser_skew_p50_ms": _ms(percentile(sizes, 0.5)),
        "browser_skew_p95_ms": _ms(percentile(sizes, 0.95)),
        "browser_drawn_fps": round((_hook(page, "drawn") - drawn) / took, 1),
        "browser_underruns": _hook(page, "underruns"),
    }


def unseen(seen: Sequence[float], now: Sequence[float]) -> Sequence[float]:
    """What of a list that keeps only its newest values was not there at the look before."""
    known = list(seen[-OVERLAP:])
    if not known:
        return now
    for end in range(len(now), len(known) - 1, -1):
        if list(now[end - len(known) : end]) == known:
            return now[end:]
    return now


def _barge_ins(page: Page) -> dict[str, Any]:
    """From the key to silence at the loudspeaker, in the middle of answers."""
    silences = []
    for number in range(BARGE_INS):
        _ask(page, QUESTIONS[1 + number % 2])
        _until(page, "playedSamples > 11025 && window.__sounds()")
        page.evaluate("window.__silentAfter = undefined")
        page.keyboard.press("Escape")
        _until(page, "state && window.__silentAfter !== undefined")
        silences.append(float(page.evaluate("window.__silentAfter")))
        _until(page, "state === 'ready'")
    return {
        "browser_barge_in_tries": len(silences),
        "browser_barge_in_p50_ms": _ms(percentile(silences, 0.5)),
        "browser_barge_in_p95_ms": _ms(percentile(silences, 0.95)),
    }


def _ask(page: Page, question: str) -> None:
    turn = _hook(page, "turn")
    page.fill("#question", question)
    page.press("#question", "Enter")
    _until(page, f"turn > {turn}")


def _hook(page: Page, name: str) -> Any:
    return page.evaluate(f"window.__digitalHuman.{name}")


def _until(page: Page, condition: str) -> None:
    """Wait for something that the hook says; the page's policy forbids Playwright's own way."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not page.evaluate(f"Boolean(window.__digitalHuman?.{condition})"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the page never said: {condition}")
        time.sleep(0.01)


def _ms(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
