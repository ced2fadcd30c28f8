"""The face of the demo: a runtime on this machine, driven by what the operator rendered.

Nodes and Pods of the demo's cluster are simulated, so no Pod can talk. The human that runs on a CPU
is a real object all the same: its ConfigMap, which its Pods would read, is what this process reads.
"""

import time
from pathlib import Path
from typing import Any

import yaml

from tools import page, talk, uv
from tools.cache import ROOT
from tools.cluster import Cluster
from tools.deploy import Tell

EXAMPLE = ROOT / "examples" / "cpu-only.yaml"
HUMAN = "grace"
SECONDS = 30.0


class FaceError(RuntimeError):
    """The face cannot be shown; the rest of the demo stands."""


def up(cluster: Cluster, namespace: str, folder: Path, tell: Tell = lambda _line: None) -> str:
    """Apply the human, start its runtime; returns the address where it talks."""
    try:
        page.build()
    except (page.PageError, uv.UvError) as error:
        raise FaceError(f"the page was not built: {error}") from error
    apply(cluster, namespace, tell)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "runtime.json"
    config.write_text(_rendered(cluster, namespace))
    try:
        return talk.serve(folder, config)
    except talk.TalkError as error:
        raise FaceError(str(error)) from error


def apply(cluster: Cluster, namespace: str, tell: Tell) -> None:
    """Apply the human; one of that name that is there already is kept, and that is told."""
    if cluster.kubectl.run("get", "dh", HUMAN, "-n", namespace).returncode == 0:
        tell(f"{HUMAN} was there already and is kept as it is")
        return
    cluster.kubectl.apply(human(namespace))


def human(namespace: str) -> dict[str, Any]:
    """The example for a CPU, with a name and a greeting of its own."""
    found: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    found["metadata"] = {"name": HUMAN, "namespace": namespace}
    greeting = "Hello, I am Grace. Ask me anything about this project."
    found["spec"]["persona"] = {"greeting": greeting}
    return found


def down(folder: Path) -> None:
    """Stop the runtime by its recorded pid; none is fine."""
    talk.stop(folder)


def _rendered(cluster: Cluster, namespace: str) -> str:
    """What the operator wrote into the human's ConfigMap, once it is there."""
    path = "jsonpath={.data.runtime\\.json}"
    command = ("get", "configmap", f"{HUMAN}-config", "-n", namespace, "-o", path)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = cluster.kubectl.run(*command)
        if found.returncode == 0 and found.stdout:
            return found.stdout
        time.sleep(0.2)
    raise FaceError(f"{HUMAN} has no ConfigMap after {SECONDS:.0f} s: see the operator's log")
