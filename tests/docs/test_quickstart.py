"""The commands of the quickstart, as they are printed there, where Pods are simulated."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tools.binaries import binary
from tools.cache import ROOT
from tools.cluster import Cluster
from tools.cluster.cluster import CLUSTERS

PAGE = ROOT / "docs" / "quickstart.md"
NAME = f"docs-{os.getpid()}"
SECONDS = 400

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(SECONDS + 60)]


def blocks() -> list[tuple[str, list[str]]]:
    """(the sentence before, the commands) of each block."""
    found = re.split(r"^```(?:sh)?\n", PAGE.read_text(), flags=re.MULTILINE)
    assert len(found) % 2, "a block has no end"
    return [
        (before.strip().rpartition("\n")[2], code.replace("\\\n", "").splitlines())
        for before, code in zip(found[::2], found[1::2], strict=False)
    ]


def lines(end: str = "") -> Iterator[str]:
    """The commands for a shell that stops at the first that fails, up to one that is left out."""
    yield "set -euo pipefail"
    for before, commands in blocks():
        for command in commands:
            if command.startswith("make talk"):
                continue  # it stays: the test below
            if command == end:
                return
            if "is refused" in before:
                yield f"if said=$({command} 2>&1); then echo 'it was not refused'; exit 1; fi"
                yield 'echo "refused: $said"'
            elif command.startswith("kubectl get"):
                yield f"until {command}; do sleep 0.2; done  # as long as a person types"
            else:
                yield command


@contextmanager
def shell_for(lane: str) -> Iterator[dict[str, str]]:
    """The environment of somebody who has a kubectl; what was started is gone at the end."""
    path = f"{binary('kubectl').parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"CLUSTER": lane, "CLUSTER_NAME": NAME, "PATH": path}
    try:
        yield environment
    finally:
        down = ["make", "-s", "demo-down"]
        subprocess.run(down, cwd=ROOT, env=environment, check=True, timeout=60)
        (CLUSTERS / f".{NAME}.lock").unlink(missing_ok=True)


def run(script: Path, commands: Iterable[str], shell: dict[str, str]) -> str:
    """Run commands as one script, which must not fail; what it says."""
    script.write_text("\n".join(commands))
    done = subprocess.run(
        ["bash", script],
        cwd=ROOT,
        env=shell,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def is_told_whole(said: str, lane: str) -> None:
    """What every reader of the page sees."""
    assert f"CLUSTER={lane}" in said
    assert re.search(r"^http://localhost:\d+/$", said, re.MULTILINE)
    assert "use max-autotune" in said.partition("refused:")[2]
    assert "digitalhuman.aiqtoolkit.io/ada condition met" in said


@pytest.fixture
def shell() -> Iterator[dict[str, str]]:
    """Where Pods are simulated."""
    with shell_for("kwok") as environment:
        yield environment


def test_the_page_is_read_whole() -> None:
    told = [command for _, commands in blocks() for command in commands]
    assert told[0] == "make talk"
    assert told[1] == "make demo"
    assert told[-1] == "make demo-down"
    assert any("is refused" in before for before, _ in blocks())


def test_what_is_printed_works(shell: dict[str, str], tmp_path: Path) -> None:
    said = run(tmp_path / "quickstart.sh", lines(), shell)
    is_told_whole(said, "kwok")
    assert "The demo is gone." in said
    assert Cluster(NAME).status().state == "absent"
    assert not (CLUSTERS.parent / "demo" / f"{NAME}-face").exists()


def test_the_face_alone_answers_and_ends_with_ctrl_c(shell: dict[str, str]) -> None:
    talk = subprocess.Popen(
        ["make", "-s", "talk"],
        cwd=ROOT,
        env=shell,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert talk.stdout
        address = next(line for line in talk.stdout if line.startswith("http://")).strip()
        assert "<html" in httpx2.get(address, timeout=10).text
    finally:
        os.killpg(talk.pid, signal.SIGINT)
        talk.communicate(timeout=40)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(address, timeout=5)
