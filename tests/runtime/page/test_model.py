"""Heads of others, and browsers without WebGL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Playwright

from digital_human_runtime.frames import SHAPES

from .conftest import CHROMIUM, FLAGS, Visitor, until
from .glb import tiny_glb
from .human import Human

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]
NO_PICTURE = "This browser cannot draw in three dimensions: the face is a simple drawing."
DEATHS = 8
"""More than Chromium forgives by itself."""


def upload(visitor: Visitor, folder: Path, shapes: Sequence[str]) -> str:
    """Give the page a model with these shapes and return what it says of it."""
    file = folder / "head.glb"
    file.write_bytes(tiny_glb(shapes))
    visitor.page.click("#show-details")
    visitor.page.set_input_files("#model", file)
    report = "document.querySelector('#coverage').textContent"
    visitor.wait(f"{report} && !{report}.startsWith('Reading')")
    return visitor.page.inner_text("#coverage")


def test_a_model_reports_its_coverage_and_speaks(
    visit: Visit, address: str, human: Human, tmp_path: Path
) -> None:
    human.seconds = 20
    visitor = visit(address)
    visitor.state("ready")
    names = [name for name in SHAPES if not name.startswith("eyeWide")][:48]
    pascal = [f"blendShape1.{name[0].upper()}{name[1:]}" for name in names]
    assert upload(visitor, tmp_path, pascal).startswith("48/52 shapes found.")
    visitor.ask("Speak with this head")
    visitor.opens_its_mouth()
    visitor.page.click("#builtin")
    assert visitor.page.inner_text("#coverage") == ""
    # Browsers tell of a choice only when it is another one than before.
    assert visitor.page.input_value("#model") == "", "the same file cannot be chosen again"
    posts = [url for url in visitor.requests if url.endswith(".glb")]
    assert posts == [], "the model stays in the browser"
    assert visitor.problems == []


def test_a_model_may_be_dropped_on_the_page(visit: Visit, address: str) -> None:
    visitor = visit(address)
    visitor.state("ready")
    transfer = visitor.page.evaluate_handle(
        "(bytes) => { const all = new DataTransfer();"
        " all.items.add(new File([new Uint8Array(bytes)], 'head.glb')); return all; }",
        list(tiny_glb(SHAPES)),
    )
    visitor.page.dispatch_event("body", "dragover", {"dataTransfer": transfer})
    assert visitor.page.locator("#drop").is_visible()
    visitor.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    assert not visitor.page.locator("#drop").is_visible()
    visitor.wait("document.querySelector('#coverage').textContent.startsWith('52/52')")


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [(["mouthClose"], "no jawOpen"), (["jawOpen", "browInnerUp"], "closes its lips")],
)
def test_a_model_that_could_not_speak_is_refused(
    visit: Visit, address: str, tmp_path: Path, shapes: list[str], sentence: str
) -> None:
    visitor = visit(address)
    visitor.state("ready")
    assert sentence in upload(visitor, tmp_path, shapes)
    assert not visitor.page.locator("#builtin").is_visible()


def test_a_file_that_is_no_model_is_refused(visit: Visit, address: str, tmp_path: Path) -> None:
    visitor = visit(address)
    visitor.state("ready")
    visitor.page.click("#show-details")
    file = tmp_path / "letter.glb"
    file.write_text("not a model")
    visitor.page.set_input_files("#model", file)
    visitor.wait("document.querySelector('#coverage').textContent.includes('no GLB model')")


def test_without_webgl_a_drawing_speaks(
    visit: Visit, address: str, human: Human, playwright: Playwright
) -> None:
    flags = [flag for flag in FLAGS if "swiftshader" not in flag]
    plain = playwright.chromium.launch(
        executable_path=str(CHROMIUM), args=[*flags, "--disable-gpu", "--disable-3d-apis"]
    )
    try:
        human.seconds = 20
        visitor = visit(address, in_browser=plain)
        visitor.state("ready")
        assert visitor.page.inner_text("#hint") == NO_PICTURE
        shut = visitor.page.get_attribute("#stage > svg > path:nth-last-of-type(1)", "d")
        visitor.ask("Are you flat?")
        visitor.opens_its_mouth()
        mouth = "document.querySelector('#stage > svg > path:nth-last-of-type(1)')"
        visitor.wait(f"{mouth}.getAttribute('d') !== {shut!r}")
        visitor.page.click("#show-details")
        visitor.wait("document.querySelector('#readout').textContent.includes('no WebGL')")
    finally:
        plain.close()


def test_a_browser_whose_drawing_process_dies_again_and_again_goes_on(
    visit: Visit, address: str, browser: Browser
) -> None:
    for _ in range(DEATHS):
        visitor = visit(address)
        visitor.state("ready")
        drawing = _drawing_process()
        drawing.kill()
        drawing.wait(10)
        visitor.page.context.close()
    assert browser.is_connected()
    visit(address).state("ready")


def _drawing_process() -> psutil.Process:
    """Of the browser of this test run, once it is there."""
    found: list[psutil.Process] = []

    def there() -> bool:
        found[:] = [one for one in psutil.Process().children(recursive=True) if _draws(one)]
        return bool(found)

    until(there, "no process draws")
    return found[0]


def _draws(process: psutil.Process) -> bool:
    try:
        return "--type=gpu-process" in process.cmdline()
    except psutil.Error:
        return False
