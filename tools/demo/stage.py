"""Puts the demo on stage, in order, each step told in one line; and clears the stage again."""

import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from tools.binaries import binary
from tools.cache import ROOT
from tools.cluster import Cluster
from tools.cluster.cluster import CLUSTERS
from tools.cluster.nodes import add_nodes
from tools.demo import face, view
from tools.operator_process import OperatorProcess, install_chart

EXAMPLE = ROOT / "examples" / "high-availability.yaml"
NAMESPACE = "digital-humans"
NODES = {"dgx-a100-80": 2, "dgx-a100-mig": 1, "cpu": 2}
READY_SECONDS = 240.0
_SVG = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


class DemoError(RuntimeError):
    """The demo could not be shown; the message says why and what to do."""


def up(console: Console, name: str, lane: str) -> None:
    """Start cluster, chart, operator and example; return once the example is Ready."""
    began = time.monotonic()
    cluster = Cluster(name, lane)
    _step(console, "control plane", cluster.up)
    _step(console, "simulated GPU nodes", lambda: add_nodes(cluster.kubeconfig, NODES))
    _step(console, "chart and CRDs", lambda: install_chart(cluster))
    operator = _operator(cluster)
    if not operator.running():
        _step(console, "operator", operator.start)
    _step(console, f"example {EXAMPLE.name}", lambda: _apply(cluster))
    human = next(d for d in _documents() if d["kind"] == "DigitalHuman")["metadata"]["name"]
    ready = view.watch(console, cluster, NAMESPACE, human, READY_SECONDS)
    if not ready:
        raise DemoError(
            f"{human} is not Ready after {READY_SECONDS:.0f} s; its status says why (above), the"
            f" operator's log is {operator.log.relative_to(ROOT)}."
        )
    address = _show_face(console, cluster)
    seconds = time.monotonic() - began
    view.epilogue(console, cluster, NAMESPACE, human, seconds, program=_kubectl())
    if address:
        console.print(
            f"\nA face talks at {address}\n(a process here, driven by the ConfigMap of the human"
            f" {face.HUMAN}: Pods are simulated in this cluster)",
            highlight=False,
            soft_wrap=True,
        )


def draw(path: Path, name: str) -> None:
    """Write the present picture of the running demo as SVG, fonts left to the reader."""
    cluster = Cluster(name)
    if cluster.status().state != "running":
        raise DemoError("The demo does not run: start it with `make demo`.")
    human = next(d for d in _documents() if d["kind"] == "DigitalHuman")["metadata"]["name"]
    console = Console(record=True, width=100, file=StringIO())
    console.print(view.picture(view.look(cluster, NAMESPACE, human)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(console.export_svg(title="make demo", code_format=_SVG))


def down(name: str) -> None:
    """Stop the operator by its recorded pid, then the cluster; nothing there is fine."""
    cluster = Cluster(name)
    operator = _operator(cluster)
    face.down(_face_folder(cluster))
    with suppress(FileNotFoundError):
        operator.stop()
    cluster.down()
    shutil.rmtree(_face_folder(cluster), ignore_errors=True)
    for file in operator.directory.glob("*"):
        file.unlink()
    with suppress(FileNotFoundError):
        operator.directory.rmdir()


def _show_face(console: Console, cluster: Cluster) -> str | None:
    """The address of the face; None, and why in one line, when it cannot be shown."""
    found: list[str] = []
    try:
        _step(
            console,
            "runtime",
            lambda: found.append(face.up(cluster, NAMESPACE, _face_folder(cluster))),
        )
    except face.FaceError as error:
        console.print(f"  no face here: {error}", highlight=False, markup=False)
    return found[0] if found else None


def _face_folder(cluster: Cluster) -> Path:
    return CLUSTERS.parent / "demo" / f"{cluster.name}-face"


def _operator(cluster: Cluster) -> OperatorProcess:
    return OperatorProcess(cluster, CLUSTERS.parent / "demo" / cluster.name)


def _kubectl() -> str:
    """The user's own kubectl, where there is one; else the one that was built here."""
    return "kubectl" if shutil.which("kubectl") else str(binary("kubectl"))


def _documents() -> list[dict[str, Any]]:
    return [d for d in yaml.safe_load_all(EXAMPLE.read_text()) if d]


def _apply(cluster: Cluster) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.kubectl.apply(namespace)
    human = next(d for d in _documents() if d["kind"] == "DigitalHuman")["metadata"]["name"]
    if cluster.kubectl.run("get", "dh", human, "-n", NAMESPACE).returncode == 0:
        return  # what somebody has changed in it stays
    cluster.kubectl("apply", "--server-side", "-n", NAMESPACE, "-f", str(EXAMPLE))


def _step(console: Console, what: str, act: Callable[[], object]) -> None:
    """Do one step and tell how long it took."""
    began = time.monotonic()
    if console.is_terminal:
        with console.status(f"{what} ..."):
            act()
    else:
        console.print(f"  ...  {what}", highlight=False)
        act()
    console.print(f"  ok   {what:<28} {time.monotonic() - began:6.1f} s", highlight=False)
