"""What people and tools see of the API: explain, get, scale and status."""

import json
from typing import Any

import pytest

from digital_human_operator.api.kinds import UNSEEN
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from tests.api.schemas import JsonObject, schema
from tests.api.server import Server
from tests.support.kstatus import verdict
from tools.cluster import Cluster
from tools.cluster.kubectl import Kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("empty cluster")]

TIME = "2026-01-31T02:00:00Z"
STATUS: JsonObject = {
    "observedGeneration": 1,
    "phase": "Provisioning",
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "observedGeneration": 1,
            "lastTransitionTime": TIME,
            "reason": "GPUsMissing",
            "message": "1 of 3 Pods waits for a GPU.",
        }
    ],
    "replicas": {"desired": 3, "ready": 2, "updated": 3},
    "scaleReplicas": 3,
    "selector": "app.kubernetes.io/instance=ada",
    "sessions": {"capacity": 16},
    "rollout": {"strategy": "Rolling", "step": "UnderWay", "updated": 2, "outdated": 1},
    "scalingDecisions": [
        {"time": TIME, "fromReplicas": 2, "toReplicas": 3, "reason": "cpu resource utilization"}
    ],
    "endpoints": {
        "http": "http://ada.demo.svc:80",
        "grpc": "ada.demo.svc:50051",
        "websocket": "ws://ada.demo.svc:8080",
        "external": "https://ada.example.com",
    },
    "memoryPlan": {
        "weights": "35.0",
        "kvCache": "20.0",
        "contexts": "2.0",
        "total": "57.0",
        "available": "68.0",
        "fits": True,
        "face": {"needs": "9.6", "available": "24.0", "fits": True},
    },
    "models": {"job": "ada-models", "bytesFetched": 1, "bytesTotal": 2**40, "secondsLeft": 60},
    "backup": {
        "lastSuccess": TIME,
        "lastDrill": TIME,
        "newest": {
            "id": "20260301T015900Z-0123456789abcdef",
            "time": TIME,
            "bytes": 2**40,
            "storedBytes": 2**40,
            "sentBytes": 17,
            "digest": "f" * 64,
            "keyId": "0123456789abcdef",
            "verified": True,
        },
        "proven": {
            "backup": "20260301T015900Z-0123456789abcdef",
            "time": TIME,
            "bytes": 2**40,
            "restoreSeconds": 12,
            "dataAgeSeconds": 3600,
        },
    },
    "askedBackup": {"token": "2026-01-31T02:00:00Z", "backup": "ada-now-0123456"},
    "restore": "back-to-monday",
    "effective": {
        "image": "registry.example.com/runtime:v1",
        "model": "meta-llama/Meta-Llama-3-70B",
        "gpus": 12,
        "minReplicas": 3,
        "maxReplicas": 10,
    },
    "warnings": ["spec.rollout.blueGreen"],
}
EXPLAINED = {
    "digitalhuman.spec.gpu.profile": ("Kind of GPU; none runs on the CPU.", "a100-mig-3g.40gb"),
    "digitalhuman.spec.backup.schedule": ("When a backup starts (for example 0 2 * * *).",),
    "digitalhuman.spec.sessions.drainDeadline": ("How long a Pod that has to go waits for its",),
    "digitalhuman.spec": (
        "FIELDS:\n  audit\t<Object>\n    An append-only audit log.",
        "  replicas\t<integer>\n    Number of Pods; absent: 1, or what autoscaling decides.",
    ),
    "digitalhumanbackup.spec": ("  digitalHuman\t<string> -required-",),
    "digitalhumanrestore.spec.target": ("  inPlace\t<Object>\n    The DigitalHuman that",),
}


@pytest.fixture(scope="session")
def kubectl(empty_cluster: Cluster) -> Kubectl:
    return empty_cluster.kubectl


@pytest.fixture
def server(empty_cluster: Cluster, namespace: str) -> Server:
    """The API server of the cluster without the operator, which would write status too."""
    return Server(empty_cluster.kubeconfig, namespace)


def _with_status(server: Server, name: str, spec: dict[str, Any]) -> JsonObject:
    live = server.create("DigitalHuman", spec, name)
    live["status"] = STATUS
    found = server.objects.replace_namespaced_custom_object_status(
        "aiqtoolkit.io", "v1alpha1", server.namespace, "digitalhumans", name, live
    )
    assert isinstance(found, dict)
    return found


def _names(model: Any) -> set[str]:
    return set(model.get("properties", {}))


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("DigitalHuman", {}),
        ("DigitalHumanBackup", {"digitalHuman": "ada"}),
        ("DigitalHumanRestore", {"source": {"latestOf": "ada"}, "target": {"inPlace": {}}}),
    ],
)
def test_no_new_object_is_taken_for_done(kind: str, spec: JsonObject, server: Server) -> None:
    """The API server's own answer, before anybody else has seen the object."""
    made = server.create(kind, spec)
    assert made["status"] == UNSEEN
    assert verdict(made) == "InProgress"


def test_a_full_status_is_kept_as_written(server: Server) -> None:
    status = schema("DigitalHuman")["properties"]["status"]
    assert set(STATUS) == _names(status)
    for name, value in STATUS.items():
        if isinstance(value, dict):
            assert set(value) == _names(status["properties"][name])
    assert _with_status(server, "ada", {"mode": "Paused"})["status"] == STATUS
    read = DigitalHumanStatus.model_validate(STATUS)
    assert read.model_dump(by_alias=True, exclude_none=True) == STATUS


def test_get_fits_a_terminal(server: Server, kubectl: Kubectl) -> None:
    _with_status(server, "receptionist", {"mode": "Paused"})
    head, row, *_ = kubectl("-n", server.namespace, "get", "dh").splitlines()
    assert head.split() == ["NAME", "PHASE", "READY", "SESSIONS", "MODEL", "GPUS", "BACKUP", "AGE"]
    assert max(len(head.rstrip()), len(row.rstrip())) <= 100
    assert row.split()[:6] == [
        "receptionist",
        "Provisioning",
        "2",
        "16",
        "meta-llama/Meta-Llama-3-70B",
        "12",
    ]
    wide = kubectl("-n", server.namespace, "get", "dh", "-o", "wide")
    assert "GPUsMissing" in wide
    assert "1 of 3 Pods waits for a GPU." in wide


def test_scale_changes_replicas(server: Server, kubectl: Kubectl) -> None:
    _with_status(server, "ada", {"mode": "Paused", "replicas": 2})
    where = ("-n", server.namespace)
    scale = f"/apis/aiqtoolkit.io/v1alpha1/namespaces/{server.namespace}/digitalhumans/ada/scale"
    found = json.loads(kubectl("get", "--raw", scale))
    assert found["spec"] == {"replicas": 2}
    assert found["status"] == {"replicas": 3, "selector": STATUS["selector"]}
    kubectl(*where, "scale", "dh/ada", "--replicas=5")
    assert kubectl.json(*where, "get", "dh", "ada")["spec"]["replicas"] == 5


def test_scale_is_refused_where_an_autoscaler_decides(server: Server, kubectl: Kubectl) -> None:
    server.create("DigitalHuman", {"mode": "Paused", "autoscaling": {"maxReplicas": 3}}, "ada")
    refused = kubectl.run("-n", server.namespace, "scale", "dh/ada", "--replicas=2")
    assert "replicas and autoscaling exclude each other" in refused.stderr


@pytest.mark.parametrize("path", list(EXPLAINED))
def test_explain_reads_like_documentation(path: str, server: Server, kubectl: Kubectl) -> None:
    text = kubectl("explain", path)
    assert [part for part in EXPLAINED[path] if part not in text] == []
    assert "<no description>" not in text
    assert "TODO" not in text


def test_one_category_names_all_kinds(server: Server, kubectl: Kubectl) -> None:
    server.create("DigitalHuman", {"mode": "Paused"}, "ada")
    server.create("DigitalHumanBackup", {"digitalHuman": "ada"}, "b")
    humans = kubectl("-n", server.namespace, "get", "digitalhumans", "-o", "name")
    assert humans.split() == ["digitalhuman.aiqtoolkit.io/ada"]
    everything = kubectl("-n", server.namespace, "get", "digital-humans", "-o", "name")
    assert len(everything.split()) == 2
