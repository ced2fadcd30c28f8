"""What the benchmark hears at the page's loudspeaker."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tools.bench.speech.browser import LISTEN

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
TONE = """async () => {
  const context = new AudioContext({ sampleRate: 22050 });
  const tone = new OscillatorNode(context);
  const gain = new GainNode(context);
  tone.connect(gain).connect(context.destination);
  tone.start();
  await context.resume();
  addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    gain.gain.setValueAtTime(0, context.currentTime + 0.2);
    const busy = performance.now() + 700;
    while (performance.now() < busy);
  });
  window.__latency = () => 1000 * context.outputLatency;
}"""
"""Falls silent 200 ms after the key, while the page is busy for 700 ms."""


def test_silence_is_timed_by_the_sound_not_by_when_the_page_has_time_to_look(
    browser: Browser,
) -> None:
    page = browser.new_page()
    page.add_init_script(LISTEN)
    try:
        page.goto("about:blank")
        page.keyboard.press("a")  # without a gesture nothing sounds
        page.evaluate(TONE)
        page.wait_for_function("window.__sounds()")
        page.keyboard.press("Escape")
        page.wait_for_function("window.__silentAfter !== undefined")
        after = page.evaluate("window.__silentAfter - window.__latency()")
    finally:
        page.close()
    assert after == pytest.approx(200, abs=150)
