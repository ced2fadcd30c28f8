"""The page about HTTP: its commands as they are printed, and nothing that is there left out."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

from digital_human_runtime import errors
from digital_human_runtime.http_api import problems, requests
from digital_human_runtime.http_api.chat import ChatRequest
from digital_human_runtime.http_api.completions import CompletionRequest
from digital_human_runtime.http_api.speech import SpeechRequest
from digital_human_runtime.pipeline import Limits
from tools.bench.speech.process import RuntimeProcess, runtime
from tools.cache import ROOT

PAGE = ROOT / "docs" / "protocol" / "http.md"
TEXT = PAGE.read_text()
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
LONG_AGO = 10**9
"""A number beyond it is a time."""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def examples() -> Iterator[tuple[str, str, str]]:
    """(commands, language of what they print, what they print) of the page."""
    blocks = [(found[1], found[2]) for found in _BLOCK.finditer(TEXT)]
    for (kind, text), (after, printed) in zip(blocks, [*blocks[1:], ("sh", "")], strict=True):
        if kind == "sh":
            yield text, after if after != "sh" else "", printed if after != "sh" else ""


EXAMPLES = list(examples())


@pytest.fixture(scope="module")
def human(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    log = tmp_path_factory.mktemp("runtime") / "runtime.log"
    with runtime(log=log) as process:
        yield process


def fits(told: Any, found: Any) -> bool:
    """Whether an answer is what the page prints; ``...`` stands for any text."""
    if isinstance(told, dict) and isinstance(found, dict):
        return told.keys() == found.keys() and all(fits(told[key], found[key]) for key in told)
    if isinstance(told, list) and isinstance(found, list):
        return len(told) == len(found) and all(map(fits, told, found))
    if isinstance(told, str) and isinstance(found, str):
        return same_text(told, found)
    if isinstance(told, int) and not isinstance(told, bool) and told > LONG_AGO:
        return isinstance(found, int) and found > LONG_AGO
    return type(told) is type(found) and bool(told == found)


def same_text(told: str, found: str) -> bool:
    """The same, but for what ``...`` stands for."""
    pattern = ".*".join(re.escape(part) for part in told.split("..."))
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def test_the_page_has_examples_with_what_they_print() -> None:
    assert len(EXAMPLES) > 10
    assert {kind for _, kind, _ in EXAMPLES} == {"json", "text", ""}
    assert fits({"a": "x...", "at": 1767225600}, {"a": "xyz", "at": 1795919919})
    assert not fits({"a": "x..."}, {"a": "yz"})
    assert not fits({"a": 1}, {"a": 2})


@needs_curl
@pytest.mark.parametrize(("commands", "kind", "printed"), EXAMPLES)
def test_a_command_prints_what_the_page_prints(
    human: RuntimeProcess, tmp_path: Path, commands: str, kind: str, printed: str
) -> None:
    """On ports that are free; the page says those that everybody knows."""
    for port, where in (("8000", human.http), ("9090", human.health)):
        commands = commands.replace(f"localhost:{port}", where.removeprefix("http://"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if kind == "json":
        assert fits(json.loads(printed), json.loads(done.stdout)), done.stdout
    elif kind == "text":
        assert same_text(printed.strip(), done.stdout.strip()), done.stdout
    else:
        assert all("builtin" in line for line in done.stdout.splitlines())


def test_every_path_is_described(human: RuntimeProcess) -> None:
    paths = httpx2.get(f"{human.http}/openapi.json", timeout=20).json()["paths"]
    assert len(paths) > 5
    for path, methods in paths.items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in TEXT
            assert re.search(rf"^## {method.upper()} {path}$", TEXT, re.MULTILINE)


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("POST /api/chat", ChatRequest),
        ("POST /v1/chat/completions", CompletionRequest),
        ("POST /v1/audio/speech", SpeechRequest),
    ],
)
def test_every_field_of_a_request_is_described(section: str, model: type[BaseModel]) -> None:
    text = TEXT.partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(model.model_fields)


def test_every_code_is_described_with_its_status() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", TEXT, re.MULTILINE))
    faults = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    known = {one.code: str(one.status) for one in faults if issubclass(one, errors.RuntimeFault)}
    known |= {code: str(status) for status, code in problems._CODES.items()}
    assert table == known | {"origin": "403", "upgrade_required": "426"}


def test_limits_are_those_of_the_runtime() -> None:
    limits = Limits()
    assert f"{limits.question_characters:,} characters at most" in TEXT
    assert f"| answer of `/api/chat` | {limits.answer_characters:,} characters |" in TEXT
    assert f"the body did not come within {requests.BODY_SECONDS:g} s" in TEXT
    first, each = limits.first_token_seconds, limits.token_seconds
    assert f"within {first:g} s, then each piece within {each:g} s" in TEXT
