"""The commands of the page about trouble, as they are printed, against a human in real Pods."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.humans import Humans
from tools.binaries import binary
from tools.cache import ROOT
from tools.ports import free_port

PAGE = ROOT / "docs" / "troubleshooting.md"
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240, func_only=True)]


def _blocks() -> list[str]:
    """What is printed for a shell, but for what is said of local clusters."""
    found = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in found if "make " not in block]


def _run(block: str, humans: Humans, folder: Path) -> str:
    """Run a block as somebody who works in the human's namespace; what it says."""
    port = str(free_port())
    here = folder / "kubeconfig"
    here.write_text(humans.cluster.kubeconfig.read_text())
    here.chmod(0o600)
    kubectl = binary("kubectl")
    context = ["config", "set-context", "--current", f"--namespace={humans.namespace}"]
    environment = os.environ | {
        "KUBECONFIG": str(here),
        "PATH": f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}",
    }
    subprocess.run([kubectl, *context], env=environment, check=True, capture_output=True)
    opened = f"until (exec 3<>/dev/tcp/localhost/{port}) 2>/dev/null; do sleep 0.2; done"
    end = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"  # what was sent to the background
    commands = re.sub(r"&$", f"&\n{opened}", block, flags=re.MULTILINE).replace("8000:", f"{port}:")
    commands = commands.replace("localhost:8000", f"localhost:{port}")
    done = subprocess.run(
        ["bash", "-euc", f"{end}\n{commands}"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_what_is_printed_works(humans: Humans, tmp_path: Path) -> None:
    humans.apply(humans.example(replicas=1))
    status, operator, calls = _blocks()

    said = _run(status, humans, tmp_path)
    assert humans.namespace in said
    assert re.search(r"^Ready\tTrue\t", said, re.MULTILINE)

    said = _run(operator, humans, tmp_path)
    assert len(re.findall(r"^digital-human-operator-\S+ +1/1 +Running", said, re.MULTILINE)) == 2

    said = _run(calls, humans, tmp_path)
    assert '"response"' in said
    assert '"version"' in said
    assert '"status"' in said


def test_pods_are_started_again_as_anybody_does_it(humans: Humans, tmp_path: Path) -> None:
    humans.apply(humans.example(replicas=1))
    before = {pod["metadata"]["uid"] for pod in humans.pods()}
    assert "`kubectl rollout restart deployment/ada`" in PAGE.read_text()
    _run("kubectl rollout restart deployment/ada", humans, tmp_path)
    _run("kubectl rollout status deployment/ada --timeout=80s", humans, tmp_path)
    humans.until(lambda: not {p["metadata"]["uid"] for p in humans.pods()} & before, "new Pods")
    humans.until_ready()
