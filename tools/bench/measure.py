"""The measurements of `make bench-operator`, one function for each."""

import asyncio
import copy
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from digital_human_operator.kinds import CHILDREN, HUMANS
from digital_human_operator.kube.ownership import project
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.status.scaling import PATIENCE
from tools.bench.audit import AuditLog, by_verb, is_write
from tools.bench.bare import BareClient, gather
from tools.cluster import Cluster
from tools.cluster.nodes import add_nodes
from tools.cluster.options import Options
from tools.cluster.tokens import service_account_kubeconfig
from tools.operator_process import NAMESPACE, RELEASE, OperatorProcess, install_chart

PLACE = "bench"
SAME, ALL = RELEASE, "cluster-admin"
"""Rights of the bare client, by ClusterRole: the operator's, or every one. Who holds all is spared
the check, at each Role and RoleBinding, that nobody grants what he lacks."""
USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
QUIET_SECONDS = 60.0
SETTLE_SECONDS = 20.0  # every autoscaler has spoken by then
LATE_SECONDS = PATIENCE + 30.0  # by then every human has told that there are no metrics here
DEADLINE = 900.0
DRIFTS = 200
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{PLACE}/deployments"
_HZ = 100.0
_POLL = 0.003


@dataclass
class Here:
    """One fresh cluster."""

    cluster: Cluster
    directory: Path


@contextmanager
def cluster(name: str, console: Console) -> Iterator[Here]:
    """A fresh cluster with the chart and enough nodes, removed afterwards."""
    one = Cluster(name)
    one.up(Options(qps_limits=False, hpa_sync_period="15s"), fresh=True)
    try:
        add_nodes(one.kubeconfig, {"cpu": 40})
        install_chart(one)
        one.kubectl("create", "namespace", PLACE)
        console.print(f"  cluster {name} is up")
        yield Here(one, one.directory / "bench")
    finally:
        one.down()


def human(index: int) -> dict[str, Any]:
    """One DigitalHuman, small so that the Pods of a thousand fit; everything else is default."""
    return {
        "apiVersion": HUMANS.api_version,
        "kind": HUMANS.kind,
        "metadata": {"name": f"human-{index:04}", "namespace": PLACE},
        "spec": {
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
            "autoscaling": {"minReplicas": 1, "maxReplicas": 3},
            "monitoring": {"dashboards": {}},
        },
    }


async def operator(here: Here, size: int, console: Console) -> dict[str, Any]:
    """Everything about the operator; ``manifests`` are the children, for the bare client."""
    log = AuditLog(here.cluster.audit_log, USER)
    process = OperatorProcess(here.cluster, here.directory)
    started = process.start()
    try:
        async with BareClient(here.cluster.kubeconfig) as client:
            log.skip()
            cpu = _cpu(process)
            seconds = await _converge(client, size)
            cpu = _cpu(process) - cpu
            console.print(f"  operator: {size} Ready after {seconds:.1f} s")
            await asyncio.sleep(SETTLE_SECONDS)
            requests = list(log.entries())
            manifests = await _children(client)
            late = await _writes_while(log, LATE_SECONDS)
            console.print(f"  operator: {late} writes when the autoscalers found no metrics")
            idle = await _writes_while(log, QUIET_SECONDS)
            console.print(f"  operator: {idle} writes in a quiet minute")
            drift = await _drift(client, manifests)
            console.print(f"  operator: drift healed p99 {drift[1]:.0f} ms")
            memory = _memory(process)
            await asyncio.sleep(5)
            restart = await _restart(process, log)
            console.print(f"  operator: {restart['restart_writes']} writes after a restart")
    finally:
        process.stop()
    writes = sum(1 for entry in requests if is_write(entry))
    return {
        "crs": size,
        "children_per_cr": round(len(manifests) / size, 2),
        "start_seconds": round(started, 2),
        "converge_seconds": round(seconds, 2),
        "writes_per_cr": round(writes / size, 3),
        "late_writes_per_cr": round(late / size, 3),
        "idle_writes_per_minute": idle,
        **restart,
        "drift_heal_p50_ms": round(drift[0], 1),
        "drift_heal_p99_ms": round(drift[1], 1),
        "rss_mb": round(memory, 1),
        "cpu_seconds_per_1000": round(cpu * 1000 / size, 2),
        "api_requests_by_verb": by_verb(requests),
        "manifests": manifests,
    }


async def bare(
    here: Here, size: int, manifests: list[dict[str, Any]], console: Console, rights: str
) -> tuple[float, float]:
    """The same objects by a client that only applies them; seconds until all are there, ready."""
    by_owner: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for manifest in manifests:
        owner = manifest["metadata"]["ownerReferences"][0]["name"]
        by_owner.setdefault(owner, []).append((_path(manifest), _clean(manifest)))
    async with BareClient(_account(here, "bare-client", rights)) as client:

        async def one(index: int) -> None:
            body = human(index)
            name = body["metadata"]["name"]
            made = await client.apply(HUMANS.path(PLACE, name), body)
            owned = by_owner[name]
            for _, child in owned:
                child["metadata"]["ownerReferences"][0]["uid"] = made["metadata"]["uid"]
            for bindings in (False, True):  # a Role has to be there before it is granted
                await gather(
                    client.apply(path, child)
                    for path, child in owned
                    if (child["kind"] == "RoleBinding") is bindings
                )

        async with _watched(client, _DEPLOYMENTS, _is_available, size) as ready:
            began = time.monotonic()
            await gather(one(index) for index in range(size))
            applied = time.monotonic() - began
            await ready
            seconds = time.monotonic() - began
    console.print(f"  bare client, {rights}: applied {applied:.1f} s, ready {seconds:.1f} s")
    return applied, seconds


def _account(here: Here, name: str, rights: str) -> Path:
    """A kubeconfig for a new ServiceAccount with these rights, and that to create humans."""
    kubectl = here.cluster.kubectl
    kubectl("create", "serviceaccount", name, "--namespace", PLACE)
    kubectl("create", "clusterrole", name, "--verb=create,patch", f"--resource={HUMANS}")
    for role in (name, rights):
        binding = (f"{name}-{role}", f"--clusterrole={role}")
        account = f"--serviceaccount={PLACE}:{name}"
        kubectl("create", "clusterrolebinding", *binding, account)
    path = here.directory / f"{name}.kubeconfig"
    return service_account_kubeconfig(here.cluster.kubeconfig, PLACE, name, path)


@asynccontextmanager
async def _watched(
    client: BareClient, path: str, done: Callable[[dict[str, Any]], bool], size: int
) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends when ``done`` holds for all objects; it watches from the first one on."""
    watching = asyncio.create_task(asyncio.wait_for(client.watch(path, done, size), DEADLINE))
    try:
        await asyncio.sleep(1)  # so that the watch is open
        yield watching
    finally:
        watching.cancel()


async def _converge(client: BareClient, size: int) -> float:
    """Create all humans and wait until each says Ready about its spec."""
    async with _watched(client, HUMANS.path(PLACE), _is_ready, size) as ready:
        began = time.monotonic()
        await gather(
            client.apply(HUMANS.path(PLACE, human(i)["metadata"]["name"]), human(i))
            for i in range(size)
        )
        await ready
        return time.monotonic() - began


def _is_ready(item: dict[str, Any]) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _is_available(item: dict[str, Any]) -> bool:
    return bool(item.get("status", {}).get("readyReplicas", 0) >= 1)


async def _children(client: BareClient) -> list[dict[str, Any]]:
    """Every object that a human controls."""
    found = []
    for resource in CHILDREN:
        for item in await client.items(resource.path(PLACE)):
            owners = item["metadata"].get("ownerReferences", [])
            if any(o["kind"] == HUMANS.kind and o.get("controller") for o in owners):
                found.append(item | {"apiVersion": resource.api_version, "kind": resource.kind})
    return found


def _path(manifest: dict[str, Any]) -> str:
    resource = next(r for r in CHILDREN if r.kind == manifest["kind"])
    return resource.path(PLACE, manifest["metadata"]["name"])


def _clean(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest as somebody would apply it: the operator's part, nothing of the server's."""
    owned = copy.deepcopy(project(manifest, FIELD_MANAGER))
    head = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}
    metadata = owned.get("metadata", {}) | {
        "name": manifest["metadata"]["name"],
        "namespace": PLACE,
    }
    return head | owned | {"metadata": metadata}


async def _writes_while(log: AuditLog, seconds: float) -> int:
    log.skip()
    await asyncio.sleep(seconds)
    return sum(1 for entry in log.entries() if is_write(entry))


async def _drift(client: BareClient, manifests: list[dict[str, Any]]) -> tuple[float, float]:
    """Spoil or delete one child after the other; median and 99th percentile of milliseconds."""
    chooser = random.Random(7)
    targets = [m for m in manifests if m["kind"] in {"Service", "ConfigMap", "NetworkPolicy"}]
    times = []
    for number in range(DRIFTS):
        target = chooser.choice(targets)
        heal = _deleted if number % 2 else _relabelled
        times.append(await heal(client, target))
    times.sort()
    return times[len(times) // 2] * 1000, times[min(len(times) - 1, int(len(times) * 0.99))] * 1000


async def _deleted(client: BareClient, target: dict[str, Any]) -> float:
    path = _path(target)
    uid = (await client.get(path))["metadata"]["uid"]
    await client.delete(path)
    began = time.monotonic()

    async def back() -> bool:
        try:
            return bool((await client.get(path))["metadata"]["uid"] != uid)
        except RuntimeError:
            return False

    await client.until(back, 30, _POLL)
    return time.monotonic() - began


async def _relabelled(client: BareClient, target: dict[str, Any]) -> float:
    path, key = _path(target), "app.kubernetes.io/part-of"
    await client.apply(
        path,
        {
            "apiVersion": target["apiVersion"],
            "kind": target["kind"],
            "metadata": {"name": target["metadata"]["name"], "labels": {key: "spoiled"}},
        },
    )
    began = time.monotonic()

    async def healed() -> bool:
        labels = (await client.get(path))["metadata"].get("labels", {})
        return bool(labels.get(key) != "spoiled")

    await client.until(healed, 30, _POLL)
    return time.monotonic() - began


async def _restart(process: OperatorProcess, log: AuditLog) -> dict[str, Any]:
    """Stop it, start it, wait until it has looked at everything."""
    process.stop()
    log.skip()
    began = time.monotonic()
    process.start()
    while not _is_settled(process.metrics()):
        if time.monotonic() - began > DEADLINE:
            raise TimeoutError("the restarted operator did not settle")
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - began
    await asyncio.sleep(10)
    writes = sum(1 for entry in log.entries() if is_write(entry))
    return {"restart_seconds": round(seconds, 2), "restart_writes": writes}


def _is_settled(metrics: str) -> bool:
    """Whether it leads, has worked, and nothing waits."""
    values: dict[str, float] = {}
    for line in metrics.splitlines():
        name, _, value = line.rpartition(" ")
        values[name.partition("{")[0]] = values.get(name.partition("{")[0], 0.0) + (
            float(value) if not line.startswith("#") else 0.0
        )
    return bool(
        values.get("leader_election_master_status", 0) == 1
        and values.get("controller_runtime_reconcile_total", 0) > 0
        and values.get("workqueue_depth", 1) == 0
        and values.get("controller_runtime_active_workers", 1) == 0
    )


def _cpu(process: OperatorProcess) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HZ


def _memory(process: OperatorProcess) -> float:
    """Resident memory now, in MB."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
