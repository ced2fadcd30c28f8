"""Who cannot see, cannot use a mouse, or has a small window."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Visitor, until
from .human import Human

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (844, 390)])
def test_a_small_window_has_no_horizontal_scroll_and_shows_the_question(
    visit: Visit, address: str, width: int, height: int
) -> None:
    visitor = visit(address, viewport={"width": width, "height": height})
    visitor.state("ready")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("#question", "#send", "#show-details"):
        box = visitor.page.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    visitor.page.click("#show-details")
    panel = visitor.page.locator("#details").bounding_box()
    assert panel is not None
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= width


COVERED = 190
"""Pixels at the bottom of the window that the head leaves to captions and the question."""


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (844, 390), (740, 360)])
def test_captions_leave_the_mouth_to_be_seen(
    visit: Visit, address: str, human: Human, width: int, height: int
) -> None:
    human.seconds = 20
    visitor = visit(address, viewport={"width": width, "height": height})
    visitor.state("ready")
    visitor.ask("Hello")
    # Not the greeting, which stands above the suggestions until the first question.
    visitor.wait("document.querySelector('#caption').textContent.startsWith('Here is')")
    top = visitor.page.evaluate("document.querySelector('#caption').getBoundingClientRect().y")
    assert top >= height - COVERED


def test_the_name_and_the_state_stand_beside_each_other_on_the_smallest_phone(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 20
    visitor = visit(address, viewport={"width": 320, "height": 568})
    visitor.state("ready")
    visitor.ask("Hello")
    visitor.state("speaking")
    boxes = [visitor.page.locator(name).bounding_box() for name in ("h1", "#state", "nav")]
    name, state, panels = (box for box in boxes if box is not None)
    assert name["height"] < 32, "the name is broken"
    assert name["x"] + name["width"] <= state["x"]
    assert state["x"] + state["width"] <= panels["x"]


def test_two_panels_leave_the_face_free_or_take_turns(visit: Visit, address: str) -> None:
    wide = visit(address, viewport={"width": 1280, "height": 800})
    wide.state("ready")
    for button in ("#show-transcript", "#show-details"):
        wide.page.click(button)
    panels = [wide.page.locator(name).bounding_box() for name in ("#details", "#transcript")]
    left, right = (box for box in panels if box is not None)
    assert left["x"] + left["width"] < 1280 / 3
    assert right["x"] > 1280 * 2 / 3
    phone = visit(address, viewport={"width": 390, "height": 844})
    phone.state("ready")
    for button, shown, other in (
        ("#show-transcript", "transcript", "details"),
        ("#show-details", "details", "transcript"),
    ):
        phone.page.click(button)
        assert phone.page.locator(f"#{shown}").is_visible()
        assert phone.page.locator(f"#{other}").is_hidden()
        assert phone.page.get_attribute(f"#show-{other}", "aria-expanded") == "false"


def test_a_conversation_by_keyboard_alone(visit: Visit, address: str, human: Human) -> None:
    human.seconds = 20
    visitor = visit(address)
    visitor.state("ready")
    keyboard = visitor.page.keyboard
    keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.className") == "skip"
    keyboard.press("Enter")
    until(lambda: _focused(visitor) == "question", "the skip link leads elsewhere")
    keyboard.type("By keyboard")
    keyboard.press("Enter")
    visitor.state("speaking")
    keyboard.press("Tab")
    assert _focused(visitor) == "stop"
    keyboard.press("Enter")
    visitor.state("ready")
    assert _focused(visitor) == "question", "the focus is lost with the button"
    keyboard.press("Shift+Tab")
    for _ in range(12):
        if _focused(visitor) == "show-details":
            break
        keyboard.press("Shift+Tab")
    keyboard.press("Enter")
    assert visitor.page.locator("#details").is_visible()
    assert visitor.page.get_attribute("#show-details", "aria-expanded") == "true"


def test_everything_has_a_name_and_a_role(visit: Visit, address: str) -> None:
    visitor = visit(address)
    visitor.state("ready")
    visitor.page.click("#show-details")
    tree = visitor.page.locator("body").aria_snapshot()
    for line in (
        'heading "Digital Human" [level=1]',
        'textbox "Your question"',
        'button "Send"',
        'button "Transcript"',
        'button "Details" [expanded]',
        'img "The face of the digital human"',
        'complementary "Details"',
    ):
        assert line in tree
    assert visitor.page.locator("button:visible").count() > 4
    for button in visitor.page.locator("button:visible").all():
        assert (button.inner_text() or button.get_attribute("aria-label") or "").strip()


def test_answers_are_announced_once_and_captions_are_not_read_twice(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 0.8
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Short, please")
    visitor.wait("document.querySelector('#announce').textContent.length > 5")
    assert visitor.page.get_attribute("#announce", "aria-live") == "polite"
    assert visitor.page.get_attribute("#caption", "aria-hidden") == "true"


def test_reduced_motion_is_respected(visit: Visit, address: str) -> None:
    visitor = visit(address, reduced_motion="reduce")
    visitor.state("ready")
    style = "getComputedStyle(document.querySelector('#state-dot')).animationName"
    assert visitor.page.evaluate(style) == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_schemes(
    visit: Visit, address: str, scheme: str
) -> None:
    visitor = visit(address, color_scheme=scheme)
    visitor.state("ready")
    ratio = visitor.page.evaluate(_CONTRAST)
    assert ratio >= 4.5, f"contrast {ratio:.1f}"


_CONTRAST = """(() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const probe = document.createElement("i");
    probe.style.color = style.getPropertyValue(name);
    document.body.append(probe);
    const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    probe.remove();
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const pairs = [["--ink", "--paper"], ["--soft", "--paper"], ["--on-accent", "--accent"]];
  return Math.min(...pairs.map(([a, b]) => ratio(light(a), light(b))));
})()"""


def _focused(visitor: Visitor) -> str:
    return str(visitor.page.evaluate("document.activeElement.id"))
