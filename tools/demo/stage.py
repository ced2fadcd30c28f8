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

from tools import deploy, forward, talk
from tools.binaries import binary
from tools.cache import ROOT
from tools.cluster import Cluster
from tools.cluster.cluster import CLUSTERS
from tools.cluster.nodes import add_nodes
from tools.demo import face, lanes, real, view
from tools.operator_process import OperatorProcess, install_chart

EXAMPLE = ROOT / "examples" / "high-availability.yaml"
NAMESPACE = "digital-humans"
NODES = {"dgx-a100-80": 2, "dgx-a100-mig": 1, "cpu": 2}
READY_SECONDS = 240.0
_FORWARD, _URL = "forward.pid.json", "url"
"""In the folder of the face: who carries to its Service, and where it talks."""
_SVG = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


class DemoError(RuntimeError):
    """The demo could not be shown; the message says why and what to do."""


def up(console: Console, name: str, asked: str) -> None:
    """Start cluster, chart, operator and examples; return once the first example is Ready."""
    began = time.monotonic()
    choice = lanes.choose(name, asked)
    console.print(choice.line, highlight=False, soft_wrap=True)
    cluster = Cluster(name, choice.lane)
    _step(console, "control plane", cluster.up)
    _step(console, "simulated GPU nodes", lambda: add_nodes(cluster.kubeconfig, NODES))
    real_pods = choice.lane == "node"
    (_start_in_pods if real_pods else _start_beside)(console, cluster)
    human = next(d for d in _documents() if d["kind"] == "DigitalHuman")["metadata"]["name"]
    _step(console, f"example {EXAMPLE.name}", lambda: _apply(console, cluster, human))
    if not view.watch(console, cluster, NAMESPACE, human, READY_SECONDS):
        raise DemoError(
            f"{human} is not Ready after {READY_SECONDS:.0f} s; its status says why (above), and"
            f" {_log(cluster)} has the operator's log."
        )
    address = _show_face(console, cluster, real_pods=real_pods)
    seconds = time.monotonic() - began
    program = _kubectl()
    view.epilogue(console, cluster, NAMESPACE, human, seconds, program=program, real=real_pods)
    if address:
        view.address(console, address, face.HUMAN, real=real_pods)


def url(name: str) -> str:
    """Where the face of the running demo talks; raises DemoError when none does."""
    folder = _face_folder(Cluster(name))
    if not (talk.running(folder) or forward.running(folder / _FORWARD)):
        raise DemoError("No face talks now: start one with `make demo`.")
    return (folder / _URL).read_text().strip()


def _start_beside(console: Console, cluster: Cluster) -> None:
    """The operator as a process: Pods are simulated."""
    _step(console, "chart and CRDs", lambda: install_chart(cluster))
    operator = _operator(cluster)
    if not operator.running():
        _step(console, "operator", operator.start)


def _start_in_pods(console: Console, cluster: Cluster) -> None:
    """The operator as its users run it, from images of this checkout."""
    digests: dict[str, str] = {}
    _step(console, "images", lambda: digests.update(deploy.images(cluster)))
    _step(console, "operator, two Pods", lambda: deploy.operator(cluster, digests))
    deploy.namespace(cluster, NAMESPACE, deploy.SIMULATED)


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
    forward.stop(_face_folder(cluster) / _FORWARD)
    face.down(_face_folder(cluster))
    with suppress(FileNotFoundError):
        operator.stop()
    cluster.down()
    shutil.rmtree(_face_folder(cluster), ignore_errors=True)
    for file in operator.directory.glob("*"):
        file.unlink()
    with suppress(FileNotFoundError):
        operator.directory.rmdir()


def _show_face(console: Console, cluster: Cluster, *, real_pods: bool) -> str | None:
    """The address of the face; None, and why in one line, when it cannot be shown."""
    folder = _face_folder(cluster)
    folder.mkdir(parents=True, exist_ok=True)
    found: list[str] = []

    def show() -> None:
        if real_pods:
            found.append(real.up(cluster, folder / _FORWARD))
        else:
            found.append(face.up(cluster, NAMESPACE, folder))

    try:
        _step(console, "a human in real Pods" if real_pods else "runtime", show)
    except face.FaceError as error:
        console.print(f"  no face here: {error}", highlight=False, markup=False)
        return None
    (folder / _URL).write_text(f"{found[0]}\n")
    return found[0]


def _face_folder(cluster: Cluster) -> Path:
    return CLUSTERS.parent / "demo" / f"{cluster.name}-face"


def _operator(cluster: Cluster) -> OperatorProcess:
    return OperatorProcess(cluster, CLUSTERS.parent / "demo" / cluster.name)


def _kubectl() -> str:
    """The user's own kubectl, where there is one; else the one that was built here."""
    return "kubectl" if shutil.which("kubectl") else str(binary("kubectl"))


def _documents() -> list[dict[str, Any]]:
    return [d for d in yaml.safe_load_all(EXAMPLE.read_text()) if d]


def _log(cluster: Cluster) -> str:
    if cluster.lane == "node":
        return f"`kubectl logs -n {deploy.NAMESPACE} deployment/{deploy.RELEASE}`"
    return str(_operator(cluster).log.relative_to(ROOT))


def _apply(console: Console, cluster: Cluster, human: str) -> None:
    if cluster.kubectl.run("get", "namespace", NAMESPACE).returncode:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        cluster.kubectl.apply(namespace)
    if cluster.kubectl.run("get", "dh", human, "-n", NAMESPACE).returncode == 0:
        console.print(f"       {human} was there already and is kept as it is", highlight=False)
        return
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
