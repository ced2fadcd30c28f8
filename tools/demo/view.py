"""What the demo shows: one table that follows the human until it is Ready, then what to try."""

import shlex
import time
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tools.cache import ROOT
from tools.cluster import Cluster

KINDS = (
    "deployments,statefulsets,jobs,cronjobs,services,horizontalpodautoscalers,"
    "poddisruptionbudgets,networkpolicies,persistentvolumeclaims,configmaps,secrets,"
    "serviceaccounts,roles,rolebindings,ingresses"
)
LABEL = "aiqtoolkit.io/name"
_USUAL_NAME = "demo"
"""Of the cluster, when `make` is not told another."""
_MARKS = {"True": "yes", "False": "no", "Unknown": "..."}


def watch(console: Console, cluster: Cluster, namespace: str, human: str, seconds: float) -> bool:
    """Show the human until it is Ready; False when ``seconds`` have passed first."""
    deadline = time.monotonic() + seconds
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            while True:
                state = look(cluster, namespace, human)
                live.update(picture(state))
                if _is_ready(state) or time.monotonic() > deadline:
                    break
                time.sleep(0.5)
        console.print(picture(state))
        return _is_ready(state)
    return _watch_plain(console, cluster, namespace, human, deadline)


def _watch_plain(
    console: Console, cluster: Cluster, namespace: str, human: str, deadline: float
) -> bool:
    """One line whenever something has changed."""
    last = ""
    while True:
        state = look(cluster, namespace, human)
        line = _line(state)
        if line != last:
            console.print(f"  {line}", highlight=False)
            last = line
        if _is_ready(state) or time.monotonic() > deadline:
            console.print(picture(state))
            return _is_ready(state)
        time.sleep(0.5)


def look(cluster: Cluster, namespace: str, human: str) -> dict[str, Any]:
    """The human, its children and its Pods as they are now."""
    kubectl = cluster.kubectl
    selector = f"{LABEL}={human}"
    return {
        "human": kubectl.json("get", "digitalhuman", human, "-n", namespace),
        "children": kubectl.json("get", KINDS, "-n", namespace, "-l", selector)["items"],
        "pods": kubectl.json("get", "pods", "-n", namespace, "-l", selector)["items"],
    }


def _conditions(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = state["human"].get("status", {}).get("conditions", [])
    return {condition["type"]: condition for condition in found}


def _is_ready(state: dict[str, Any]) -> bool:
    ready = _conditions(state).get("Ready", {})
    generation = state["human"]["metadata"]["generation"]
    return ready.get("status") == "True" and ready.get("observedGeneration") == generation


def _line(state: dict[str, Any]) -> str:
    status = state["human"].get("status", {})
    replicas = status.get("replicas", {})
    ready = _conditions(state).get("Ready", {})
    counted = f"{replicas.get('ready', 0)}/{replicas.get('desired', 0)} Pods ready"
    kinds = f"{len(state['children'])} children"
    return f"{status.get('phase', 'Pending'):<13} {counted}, {kinds}: {ready.get('message', '')}"


def picture(state: dict[str, Any]) -> RenderableType:
    """The tables of one moment."""
    return Group(_head(state), _condition_table(state), _child_table(state), _pod_table(state))


def _head(state: dict[str, Any]) -> Text:
    status = state["human"].get("status", {})
    effective = status.get("effective", {})
    text = Text(f"\n{state['human']['metadata']['name']}", style="bold")
    colour = "green" if _is_ready(state) else "yellow"
    text.append(f"  {status.get('phase', 'Pending')}", style=colour)
    text.append(f"  model {effective.get('model', '?')}, {effective.get('gpus', 0)} GPUs\n")
    return text


def _condition_table(state: dict[str, Any]) -> Table:
    table = Table("Condition", "", "Reason", "Message", box=None, padding=(0, 2, 0, 0))
    for name, condition in _conditions(state).items():
        mark = _MARKS.get(condition["status"], "?")
        table.add_row(name, mark, condition["reason"], _short(condition["message"], 52))
    return table


def _child_table(state: dict[str, Any]) -> Table:
    table = Table("\nKind", "\nName", "\nState", box=None, padding=(0, 2, 0, 0))
    for child in sorted(state["children"], key=lambda c: (c["kind"], c["metadata"]["name"])):
        table.add_row(child["kind"], child["metadata"]["name"], _short(_state(child), 45))
    return table


def _pod_table(state: dict[str, Any]) -> Table:
    table = Table("\nPod", "\nPhase", "\nNode", box=None, padding=(0, 2, 0, 0))
    for pod in sorted(state["pods"], key=lambda p: str(p["metadata"]["name"])):
        node = pod["spec"].get("nodeName", "not placed yet")
        table.add_row(pod["metadata"]["name"], pod["status"].get("phase", ""), node)
    return table


def _state(child: dict[str, Any]) -> str:  # noqa: PLR0911 - one for each kind
    """What matters about a child of this kind, in a few words."""
    spec, status = child.get("spec", {}), child.get("status", {})
    match child["kind"]:
        case "Deployment" | "StatefulSet":
            return f"{status.get('readyReplicas', 0)} of {spec.get('replicas', 1)} ready"
        case "HorizontalPodAutoscaler":
            return f"{spec['minReplicas']} to {spec['maxReplicas']} Pods, {_metrics(spec)}"
        case "PodDisruptionBudget":
            limit = ", ".join(f"{k} {v}" for k, v in spec.items() if k.endswith("vailable"))
            return f"{limit}; {status.get('disruptionsAllowed', 0)} may go now"
        case "NetworkPolicy":
            return _policy(spec)
        case "Service":
            return ", ".join(f"{p['port']}" for p in spec.get("ports", []))
        case "PersistentVolumeClaim":
            return f"{status.get('phase', '')} {spec['resources']['requests']['storage']}"
        case _:
            return ""


def _metrics(spec: dict[str, Any]) -> str:
    named = []
    for metric in spec.get("metrics", []):
        if metric["type"] == "Resource":
            target = metric["resource"]["target"]["averageUtilization"]
            named.append(f"{metric['resource']['name']} {target} %")
        else:
            target = metric["pods"]["target"]["averageValue"]
            named.append(f"{metric['pods']['metric']['name']} {target}")
    return ", ".join(named)


def _policy(spec: dict[str, Any]) -> str:
    incoming, outgoing = len(spec.get("ingress", [])), len(spec.get("egress", []))
    if not incoming and not outgoing:
        return "denies what no other policy allows"
    return f"{incoming} ways in, {outgoing} ways out"


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def epilogue(
    console: Console,
    cluster: Cluster,
    namespace: str,
    human: str,
    seconds: float,
    *,
    program: str,
    real: bool = False,
) -> None:
    """Say what there is now and what to try with ``program``, a kubectl."""
    where = named(cluster.name)
    kubectl = f'{shlex.quote(program)} --kubeconfig "$(make -s kubeconfig{where})"'
    console.print(f"\nReady after {seconds:.0f} s, and left running. Try:\n", highlight=False)
    for line in (
        f"{kubectl} get dh -A",
        f"{kubectl} describe dh {human} -n {namespace}",
        f"{kubectl} delete deployment {human} -n {namespace}   # comes back at once",
        f"{kubectl} explain digitalhuman.spec.autoscaling",
        f"{kubectl} apply -n default -f examples/minimal.yaml   # one more",
        f"make demo-down{where}",
    ):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    kubeconfig = cluster.kubeconfig.relative_to(ROOT)
    simulated = f"GPU nodes and the Pods of {human} are" if real else "Nodes and Pods are"
    console.print(
        f"\n{simulated} simulated here; the control plane is a real one ({kubeconfig}).",
        highlight=False,
    )


def named(cluster: str) -> str:
    """What `make` has to be told of a cluster; nothing for the usual one."""
    return "" if cluster == _USUAL_NAME else f" CLUSTER_NAME={cluster}"


def again(cluster: str) -> str:
    """What can be done with a demo that is not whole."""
    where = named(cluster)
    return f"`make demo{where}` goes on; `make demo-down{where}` removes what was started."


def address(console: Console, cluster: str, where: str, human: str, *, real: bool) -> None:
    """Say where the face talks, and what it is that answers there."""
    what = (
        f"Pods of the human {human}, through its Service"
        if real
        else f"a process here, driven by the ConfigMap of the human {human}: Pods are simulated"
    )
    told = f"\nA face talks at {where}\n({what}; `make -s url{named(cluster)}` prints it again)"
    console.print(told, highlight=False, soft_wrap=True)
