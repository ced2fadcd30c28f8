"""The picture of the face is lost or cannot be drawn: the human talks on, and says so."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from .conftest import Visitor, told, until
from .human import Human

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]
FINE = "?quality=2"
"""With reflections and shadows, whose textures are made by drawing."""
LOST = "The browser has lost the picture of the face: a simple drawing talks until it is back."
NO_PICTURE = "This browser cannot draw in three dimensions: the face is a simple drawing."
LOSE = """() => {
  const canvas = document.querySelector("#stage canvas");
  window.__picture = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
  window.__picture.loseContext();
}"""
BRIGHTNESS = """async (picture) => {
  const image = new Image();
  image.src = "data:image/png;base64," + picture;
  await image.decode();
  const canvas = document.createElement("canvas");
  const [width, height] = [image.width / 8, image.height / 8];
  Object.assign(canvas, { width, height });
  const drawing = canvas.getContext("2d");
  drawing.drawImage(image, -image.width * 0.44, -image.height * 0.4);
  const { data } = drawing.getImageData(0, 0, width, height);
  return data.reduce((sum, value) => sum + value, 0) / data.length;
}"""
"""Mean of an eighth of the picture, below the eyes."""
MOUTH = "document.querySelector('#stage > svg > path:nth-last-of-type(1)').getAttribute('d')"


def brightness(visitor: Visitor) -> float:
    """How bright the middle of the face is, 0..255."""
    shown = "document.querySelector('main').style.visibility"
    visitor.page.evaluate(f"{shown} = 'hidden'")
    picture = base64.b64encode(visitor.page.screenshot()).decode()
    visitor.page.evaluate(f"{shown} = ''")
    return float(visitor.page.evaluate(BRIGHTNESS, picture))


def goes_on(visitor: Visitor, human: Human) -> None:
    """It is being heard, seen to speak, captioned, and can be interrupted."""
    played = visitor.hook("playedSamples")
    visitor.wait(f"window.__digitalHuman.playedSamples > {played + 11025}")
    until(lambda: visitor.loudness() > 0.1, "nothing sounds")
    mouth = visitor.page.evaluate(MOUTH)
    visitor.wait(f"{MOUTH} !== {mouth!r}")
    heard = visitor.page.locator("#caption .heard").count()
    visitor.wait(f"document.querySelectorAll('#caption .heard').length > {heard}")
    visitor.page.keyboard.press("Escape")
    visitor.state("ready")
    until(lambda: visitor.loudness() == 0, "it goes on sounding")
    assert told(human, "interrupt")[0]["played"] > played


def test_a_lost_picture_comes_back_as_it_was_and_the_conversation_goes_on(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 60
    small = {"width": 390, "height": 640}
    visitor = visit(address, quality=FINE, viewport=small, reduced_motion="reduce")
    visitor.state("ready")
    visitor.wait("window.__digitalHuman.drawn > 2")
    before = brightness(visitor)
    visitor.ask("Tell me everything")
    visitor.state("speaking")
    visitor.page.evaluate(LOSE)
    visitor.wait("document.querySelector('#stage > svg') !== null")
    assert not visitor.page.locator("#stage canvas").is_visible()
    assert visitor.page.inner_text("#hint") == LOST
    assert visitor.page.get_attribute("#hint", "role") == "status"
    goes_on(visitor, human)
    visitor.page.evaluate("window.__picture.restoreContext()")
    visitor.wait("document.querySelector('#stage > svg') === null")
    assert visitor.page.locator("#stage canvas").is_visible()
    assert visitor.page.inner_text("#hint") == ""
    drawn = visitor.hook("drawn")
    visitor.wait(f"window.__digitalHuman.drawn > {drawn + 2}")
    assert brightness(visitor) == pytest.approx(before, rel=0.02)
    visitor.ask("And now?")
    visitor.state("speaking")
    assert visitor.problems == []


def test_a_picture_that_cannot_be_drawn_gives_way_to_a_drawing(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 60
    visitor = visit(address)
    visitor.state("ready")
    visitor.ask("Tell me everything")
    visitor.state("speaking")
    broken = "() => { throw new Error('the driver fails'); }"
    for name in ("drawElements", "drawArrays", "clear"):
        visitor.page.evaluate(f"() => {{ WebGL2RenderingContext.prototype.{name} = {broken} }}")
    visitor.wait("document.querySelector('#stage > svg') !== null")
    assert visitor.page.inner_text("#hint") == NO_PICTURE
    goes_on(visitor, human)
