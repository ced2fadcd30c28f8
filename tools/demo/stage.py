"""Puts the demo on stage, in order, each step told in one line; and clears the stage again."""

import re
import shutil
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from tools import deploy, forward, talk
from tools.binaries import binaries, binary
from tools.cache import ROOT, cache_root
from tools.cluster import Cluster
from tools.cluster.cluster import CLUSTERS
from tools.cluster.nodes import add_nodes
from tools.demo import face, lanes, real, view
from tools.demo.steps import Steps
from tools.images.build import LAYOUTS
from tools.operator_process import OperatorProcess, install_chart

EXAMPLE = ROOT / "examples" / "high-availability.yaml"
NAMESPACE = "digital-humans"
NODES = {"dgx-a100-80": 2, "dgx-a100-mig": 1, "cpu": 2}
READY_SECONDS = 240.0
TIMES = "times.log"
"""How long each start took, step by step, in the folder of all demos."""
_FORWARD, _URL = "forward.pid.json", "url"
"""In the folder of the face: who carries to its Service, and where it talks."""
_SVG = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


class DemoError(RuntimeError):
    """The demo could not be shown; the message says why and what to do."""


def up(console: Console, name: str, asked: str) -> None:
    """Start cluster, chart, operator and examples; return once the first example is Ready."""
    steps, before = Steps(console), _kept()
    choice = lanes.choose(name, asked)
    steps.say(choice.line)
    cluster = Cluster(name, choice.lane)
    steps.run("programs", lambda: _programs(choice.lane))
    _clear(steps, cluster)
    steps.run("control plane", cluster.up)
    steps.run("simulated GPU nodes", lambda: add_nodes(cluster.kubeconfig, NODES))
    real_pods = choice.lane == "node"
    (_start_in_pods if real_pods else _start_beside)(steps, cluster)
    human = next(d for d in _documents() if d["kind"] == "DigitalHuman")["metadata"]["name"]
    steps.run(f"example {EXAMPLE.name}", lambda: _apply(steps, cluster, human))
    if not view.watch(console, cluster, NAMESPACE, human, READY_SECONDS):
        raise DemoError(
            f"{human} is not Ready after {READY_SECONDS:.0f} s; its status says why (above), and"
            f" {_log(cluster)} has the operator's log."
        )
    address = _show_face(steps, cluster, real_pods=real_pods)
    told = steps.sum(_kept() - before)
    steps.keep(_face_folder(cluster).parent / TIMES, f"CLUSTER={choice.lane} {told}")
    _end(steps, cluster, human, address)
    steps.say(told)


def _end(steps: Steps, cluster: Cluster, human: str, address: str | None) -> None:
    """Say what there is now, and what to try."""
    real_pods, program = cluster.lane == "node", _kubectl()
    view.epilogue(
        steps.console, cluster, NAMESPACE, human, steps.seconds, program=program, real=real_pods
    )
    if address:
        view.address(steps.console, cluster.name, address, face.HUMAN, real=real_pods)


def _programs(lane: str) -> None:
    """Build what is missing: the first time this takes longest of all."""
    binaries(lane)
    binary("helm3")


def _kept() -> set[str]:
    """What the user's cache holds of built programs and images."""
    programs = (cache_root() / "bin").glob("[a-z]*")
    images = (cache_root() / LAYOUTS).glob("[a-z]*/")
    return {path.name.rpartition("-")[0] for path in programs if path.is_dir()} | {
        f"image {path.name}" for path in images
    }


def _clear(steps: Steps, cluster: Cluster) -> None:
    """Take down what there is of before and does not fit, and say so."""
    folder = _face_folder(cluster)
    beside = _operator(cluster).running() or talk.running(folder)
    carried = forward.running(folder / _FORWARD)
    parts = lanes.Parts(beside=beside, carried=carried)
    if gone := lanes.outdated(cluster, parts):
        steps.say(gone)
        steps.run("taking it down", lambda: down(cluster.name))
    elif ended := lanes.foreign(cluster, parts):
        steps.say(ended)
        steps.run("ending it", lambda: _end_parts(cluster))


def url(name: str) -> str:
    """Where the face of the running demo talks; raises DemoError when none does."""
    folder = _face_folder(Cluster(name))
    there = talk.running(folder) or forward.running(folder / _FORWARD)
    if not there or not (folder / _URL).exists():
        raise DemoError(f"No face talks now: start one with `make demo{view.named(name)}`.")
    return (folder / _URL).read_text().strip()


def _start_beside(steps: Steps, cluster: Cluster) -> None:
    """The operator as a process: Pods are simulated."""
    steps.run("chart and CRDs", lambda: install_chart(cluster))
    operator = _operator(cluster)
    if not operator.running():
        steps.run("operator", operator.start)


def _start_in_pods(steps: Steps, cluster: Cluster) -> None:
    """The operator as its users run it, from images of this checkout."""
    digests: dict[str, str] = {}
    steps.run("images", lambda: digests.update(deploy.images(cluster, steps.note)))
    steps.run("operator, two Pods", lambda: deploy.operator(cluster, digests))
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
    _end_parts(cluster)
    cluster.down()
    for folder in (_face_folder(cluster), _operator(cluster).directory):
        shutil.rmtree(folder, ignore_errors=True)


def _end_parts(cluster: Cluster) -> None:
    """End the processes beside the cluster, each by its recorded pid."""
    _hide_face(cluster)
    with suppress(FileNotFoundError):
        _operator(cluster).stop()


def _hide_face(cluster: Cluster) -> None:
    """No address is told any more, and nothing answers there."""
    folder = _face_folder(cluster)
    (folder / _URL).unlink(missing_ok=True)
    forward.stop(folder / _FORWARD)
    face.down(folder)


def _show_face(steps: Steps, cluster: Cluster, *, real_pods: bool) -> str | None:
    """
    The address of the face; None, and why in one line, when it cannot be shown beside the cluster.

    With real Pods it is what the demo is for, so DemoError is raised.
    """
    folder = _face_folder(cluster)
    folder.mkdir(parents=True, exist_ok=True)
    _hide_face(cluster)
    found: list[str] = []

    def show() -> None:
        if real_pods:
            found.append(real.up(cluster, folder / _FORWARD, steps.note))
        else:
            found.append(face.up(cluster, NAMESPACE, folder, steps.note))

    try:
        steps.run("a human in real Pods" if real_pods else "runtime", show)
    except face.FaceError as error:
        if real_pods:
            raise DemoError(f"No face talks: {error}\n{view.again(cluster.name)}") from error
        steps.say(f"  no face here: {error}")
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


def _apply(steps: Steps, cluster: Cluster, human: str) -> None:
    if cluster.kubectl.run("get", "namespace", NAMESPACE).returncode:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        cluster.kubectl.apply(namespace)
    if cluster.kubectl.run("get", "dh", human, "-n", NAMESPACE).returncode == 0:
        steps.note(f"{human} was there already and is kept as it is")
        return
    cluster.kubectl("apply", "--server-side", "-n", NAMESPACE, "-f", str(EXAMPLE))
