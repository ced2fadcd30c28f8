"""Humans of one namespace: making them, waiting for them, finding their Pods and processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.talking import Caller
from tests.support.cluster import wait_until
from tests.support.reader import Reader, reader
from tools import deploy
from tools.cache import ROOT
from tools.cluster import Cluster, ClusterError
from tools.cluster.processes import inspect

EXAMPLE = ROOT / "examples" / "cpu-only.yaml"
READY_SECONDS = 90.0


@dataclass(frozen=True)
class Humans:
    """The humans of a namespace."""

    cluster: Cluster
    namespace: str

    @property
    def _reader(self) -> Reader:
        return reader(self.cluster.kubeconfig)

    def example(self, **changes: Any) -> dict[str, Any]:
        """The example for a CPU, small, with parts of its spec replaced."""
        found: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
        found["metadata"]["namespace"] = self.namespace
        found["spec"]["resources"]["requests"] = {"cpu": "100m", "memory": "256Mi"}
        found["spec"] |= changes
        return found

    def apply(self, human: dict[str, Any]) -> None:
        """Apply it and wait until it is Ready about this very spec."""
        self.cluster.kubectl.apply(human)
        self.until_ready(str(human["metadata"]["name"]))

    def until_ready(self, name: str = "ada", seconds: float = READY_SECONDS) -> None:
        """Wait for Ready; what it says and what its Pods lack is in the error."""
        self.until(lambda: self._is_ready(name), f"{name} to be Ready", seconds)

    def until(self, done: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait with a deadline; the error tells the state of the namespace."""
        try:
            wait_until(done, what, seconds)
        except ClusterError as error:
            state = self.cluster.kubectl.run("get", "dh,pods,pdb,hpa", "-n", self.namespace).stdout
            raise AssertionError(
                f"{error}\n{state}\n{deploy.why(self.cluster, self.namespace)}"
            ) from error

    def _is_ready(self, name: str) -> bool:
        found = self.get("digitalhuman", name)
        if not found:
            return False
        conditions = {c["type"]: c for c in found.get("status", {}).get("conditions", [])}
        ready = conditions.get("Ready", {})
        current = ready.get("observedGeneration") == found["metadata"]["generation"]
        return bool(current and ready.get("status") == "True")

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One object; an empty one when there is none."""
        return self._reader.get(kind, name, self.namespace)

    def caller(self, name: str = "ada", key: str = "") -> Caller:
        """Somebody who calls its Service."""
        return Caller(str(self.get("service", name)["spec"]["clusterIP"]), key=key)

    def pods(self, component: str = "runtime", name: str = "ada") -> list[dict[str, Any]]:
        """Its Pods that are not on their way out."""
        labels = f"aiqtoolkit.io/name={name},app.kubernetes.io/component={component}"
        items = self._reader.items("pods", self.namespace, labels)
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def endpoints(self, name: str = "ada") -> set[str]:
        """Names of the Pods that its Service sends callers to."""
        label = f"kubernetes.io/service-name={name}"
        return {
            str(endpoint["targetRef"]["name"])
            for one in self._reader.items("endpointslices", self.namespace, label)
            for endpoint in one.get("endpoints") or []
            if endpoint["conditions"].get("ready")
        }

    @contextmanager
    def stopped(self, pod: dict[str, Any]) -> Iterator[None]:
        """The first process of a Pod hangs: it is there, and answers nothing."""
        pids = _processes(str(pod["metadata"]["uid"]))
        assert pids, f"no process of {pod['metadata']['name']}"
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                if inspect(pid):
                    os.kill(pid, signal.SIGCONT)

    def kill(self, pod: dict[str, Any]) -> None:
        """End a Pod's processes at once; kubelet starts the container again."""
        pids = _processes(str(pod["metadata"]["uid"]))
        assert pids, f"no process of {pod['metadata']['name']}"
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def keep(self, folder: Path) -> None:
        """Write what everything here is like, and what every component said."""
        folder.mkdir(parents=True, exist_ok=True)
        kubectl = self.cluster.kubectl
        shown = kubectl.run("get", "dh,all,pvc,events", "-n", self.namespace, "-o", "yaml").stdout
        (folder / "objects.yaml").write_text(shown)
        for place in (self.namespace, deploy.NAMESPACE):
            for pod in kubectl.json("get", "pods", "-n", place)["items"]:
                name = pod["metadata"]["name"]
                said = kubectl.run("logs", name, "-n", place, "--all-containers").stdout
                (folder / f"{name}.log").write_text(said)


def _processes(uid: str) -> list[int]:
    """Processes of a Pod's containers, known by their control group; its sandbox is left out."""
    marks = (uid, uid.replace("-", "_"))
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            groups = (entry / "cgroup").read_text()
        except OSError:
            continue
        process = inspect(int(entry.name))
        if process and process.name != "pause" and any(mark in groups for mark in marks):
            found.append(process.pid)
    return found
