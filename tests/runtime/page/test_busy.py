"""A page that is not run for a while: on a loaded machine faces keep to what is really heard."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from .conftest import Visitor, told
from .human import Human
from .speech import SAMPLE_RATE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]
HELD_MS = 2500
"""Longer than all the sound that is ahead of what is heard."""
HOLD = f"""(() => {{
  let held = false;
  const hold = () => {{
    const hook = window.__digitalHuman;
    const until = performance.now() + {HELD_MS};
    if (!held && hook?.playedSamples > {SAMPLE_RATE // 2}) {{
      held = true;
      while (performance.now() < until);
    }}
    if (hook?.state === "speaking") (window.__heard ??= []).push(hook.playedSamples);
    requestAnimationFrame(hold);
  }};
  requestAnimationFrame(hold);
}})();
"""
"""
Begins before the page does, so it takes its time before the page draws, in the same frame; and
notes what the page takes for heard then, before anything that waits can tell it otherwise.
"""
NO_THREAD = "delete BaseAudioContext.prototype.audioWorklet;"
"""As on plain http of a network."""


def back(samples: list[float]) -> list[tuple[float, float]]:
    """Where a later sample is of before."""
    return [(before, after) for before, after in pairwise(samples) if after < before]


@pytest.mark.parametrize(("clock", "script"), [("worklet", ""), ("scheduled", NO_THREAD)])
def test_no_face_runs_ahead_of_the_sound_while_the_page_is_held_up(
    visit: Visit, address: str, human: Human, clock: str, script: str
) -> None:
    human.seconds = 6
    visitor = visit(address, script=HOLD + script)
    visitor.state("ready")
    visitor.ask("Go on")
    finished = told(human, "finished")[0]
    assert visitor.hook("clock") == clock
    assert len(visitor.page.evaluate("window.__heard")) > 2
    assert back(visitor.page.evaluate("window.__heard")) == []
    assert back(visitor.hook("appliedSamples")) == []
    assert visitor.hook("underruns") > 0
    assert finished["played"] == human.seconds * SAMPLE_RATE
