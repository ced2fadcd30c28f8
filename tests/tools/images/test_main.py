"""The command: results on stdout, expected errors as one sentence on stderr."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.images import __main__ as command
from tools.images.errors import ImageError

KNOWN = {
    "name": "operator",
    "reference": "docker.io/example/operator:1",
    "digest": "sha256:1234",
    "archive": "operator.tar",
    "sbom": "operator.cdx.json",
    "compressed": 2_500_000,
    "uncompressed": 7_000_000,
    "layers": [{"compressed": 2_500_000, "uncompressed": 7_000_000, "step": "ADD base"}],
    "engine": "buildah",
    "seconds": 4.2,
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["images", *arguments])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            command.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    code = ended.value.code
    assert isinstance(code, int)
    return code


def test_digest_and_sizes_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def builds(images: list[Any], choice: object, out: Path) -> Iterator[dict[str, Any]]:
        asked.append([image.name for image in images])
        yield KNOWN

    monkeypatch.setattr(command, "build_images", builds)
    monkeypatch.setenv("IMAGES", "operator runtime-gpu")
    assert run(monkeypatch, "build") == 0
    assert asked == [["operator", "runtime-gpu"]]
    said = capsys.readouterr().out
    for part in ("docker.io/example/operator:1", "4.2 s by buildah", "sha256:1234"):
        assert part in said
    assert said.count("2.5 MB       7.0 MB unpacked") == 2


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (ImageError("It cannot be: do that."), 1, "It cannot be: do that."),
        (OSError(28, "No space left on device", "/x"), 1, "/x could not be written: No space left"),
        (KeyboardInterrupt(), 130, "Stopped; nothing half-built is left."),
    ],
    ids=["expected", "disk", "interrupted"],
)
def test_an_error_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    sentence: str,
) -> None:
    def fails(*_: object) -> Iterator[dict[str, Any]]:
        raise error

    monkeypatch.setattr(command, "build_images", fails)
    assert run(monkeypatch, "build", "operator") == code
    said = capsys.readouterr()
    assert said.err.startswith(sentence)
    assert said.err.count("\n") == 1
    assert not said.out


def test_clean_removes_what_builds_keep(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "OUT", tmp_path / "out")
    for folder in (cache / "images" / "layouts", tmp_path / "out"):
        folder.mkdir(parents=True)
    (cache / "bin").mkdir()
    assert run(monkeypatch, "clean") == 0
    assert [path.name for path in cache.iterdir()] == ["bin"]
    assert not (tmp_path / "out").exists()
