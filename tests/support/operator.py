"""The operator of a test run, and of a single test that may hurt it.

The shared one runs once per run against the shared cluster, with the ServiceAccount of the chart.
"""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

from tests.support.reader import reader
from tools.cache import file_lock
from tools.cluster import Cluster, ClusterError
from tools.cluster.cluster import CLUSTERS
from tools.operator_process import OperatorProcess, install_chart


def process_of(cluster: Cluster, name: str = "operator", **settings: str) -> OperatorProcess:
    """The operator ``name`` of a cluster, running or not; its folder goes with the cluster's."""
    return OperatorProcess(cluster, cluster.directory / "operators", name=name, settings=settings)


def shared(cluster: Cluster) -> OperatorProcess:
    """The run's operator, ready; whoever comes first installs the chart and starts it."""
    operator = process_of(cluster)
    with file_lock(CLUSTERS / f".{cluster.name}-operator.lock"):
        if not operator.running():
            install_chart(cluster)
            operator.start()
    return operator


def tell(cluster: Cluster) -> None:
    """Write what the operators of a cluster said last: pytest shows it when the test failed."""
    for log in sorted((cluster.directory / "operators").glob("*.log")):
        text = log.read_text(errors="replace")
        sys.stdout.write(f"--- {log.name}\n{text[-6000:]}\n")


def stop(cluster: Cluster) -> None:
    """Stop every operator of a cluster, also when one of them does not end."""
    with ExitStack() as ends:
        for record in (cluster.directory / "operators").glob("*.pid.json"):
            name = record.name.removesuffix(".pid.json")
            ends.callback(process_of(cluster, name).stop, grace_seconds=5)


def human(name: str = "ada", **spec: Any) -> dict[str, Any]:
    """A DigitalHuman manifest."""
    return {
        "apiVersion": "aiqtoolkit.io/v1alpha1",
        "kind": "DigitalHuman",
        "metadata": {"name": name},
        "spec": spec,
    }


def bare(child: dict[str, Any]) -> dict[str, Any]:
    """The same object as somebody else would have made it."""
    found = deepcopy(child)
    found.pop("status", None)
    found["metadata"] = {"name": child["metadata"]["name"]}
    spec = found.get("spec", {})
    if found["kind"] == "Service":
        for name in ("clusterIP", "clusterIPs"):
            if spec.get("clusterIP") != "None":
                spec.pop(name, None)
    if found["kind"] == "Job":
        spec.pop("selector", None)
        spec["template"]["metadata"].pop("labels", None)
    if found["kind"] == "PersistentVolumeClaim":
        spec.pop("volumeName", None)
    found.pop("secrets", None)
    return found


class Place:
    """One namespace with DigitalHumans in it, and the questions that tests ask about them."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Our kubectl in this namespace."""
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects in this namespace, as a person would."""
        self.cluster.kubectl.apply(
            *(o | {"metadata": o["metadata"] | {"namespace": self.namespace}} for o in objects)
        )

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One object; an empty dictionary when there is none."""
        return reader(self.cluster.kubeconfig).get(kind, name, self.namespace)

    def items(self, kinds: str, selector: str = "") -> list[dict[str, Any]]:
        """All objects of some kinds."""
        return reader(self.cluster.kubeconfig).items(kinds, self.namespace, selector)

    def status(self, name: str = "ada") -> dict[str, Any]:
        """The status of a human."""
        found: dict[str, Any] = self.get("digitalhuman", name).get("status", {})
        return found

    def condition(self, kind: str, name: str = "ada") -> dict[str, Any]:
        """One condition of a human; empty when it has none of that type."""
        human_object = self.get("digitalhuman", name)
        for condition in human_object.get("status", {}).get("conditions", []):
            if condition["type"] == kind:
                found: dict[str, Any] = condition
                return found
        return {}

    def wait(self, what: str, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Poll until ``condition`` holds; raises with ``what`` when it never does."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                seen = self.cluster.kubectl("-n", self.namespace, "get", "dh", "-o", "yaml")
                raise ClusterError(f"waited {seconds:.0f} s in vain for {what}\n{seen}")
            time.sleep(0.1)

    def wait_condition(
        self, kind: str, status: str, name: str = "ada", *, reason: str = "", seconds: float = 60.0
    ) -> dict[str, Any]:
        """Wait until a condition about the present generation has a status (and a reason)."""

        def holds() -> bool:
            found = self.get("digitalhuman", name)
            generation = found.get("metadata", {}).get("generation")
            for one in found.get("status", {}).get("conditions", []):
                if one["type"] == kind:
                    return bool(
                        one["status"] == status
                        and one["observedGeneration"] == generation
                        and (not reason or one["reason"] == reason)
                    )
            return False

        self.wait(f"{kind}={status} {reason} of {name}", holds, seconds)
        return self.condition(kind, name)
