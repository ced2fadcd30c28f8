"""What somebody changes or deletes comes back; what the spec no longer asks for goes."""

import json
from typing import Any

import pytest

from tests.support.operator import Place, human

pytestmark = pytest.mark.cluster

KINDS = (
    "serviceaccounts",
    "configmaps",
    "services",
    "deployments",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "networkpolicies",
    "roles",
    "rolebindings",
    "statefulsets",
    "secrets",
    "cronjobs",
)
SELECTOR = "app.kubernetes.io/managed-by=digital-human-operator"
SPEC: dict[str, Any] = {
    "autoscaling": {"minReplicas": 2, "maxReplicas": 4},
    "sessions": {"store": {"redis": {"managed": {"storage": "1Gi"}}}},
    "face": {"managed": {"gpu": {"profile": "l4"}}},
    "backup": {
        "schedule": "0 2 * * *",
        "destination": {"s3": {"bucket": "backups"}},
        "drill": {"schedule": "0 4 * * 0"},
    },
}
_VOLATILE = ("resourceVersion", "managedFields", "creationTimestamp", "uid", "generation")


@pytest.fixture
def ada(place: Place) -> Place:
    place.apply(human(**SPEC))
    place.wait_condition("Ready", "True", seconds=90)
    return place


def _owned(place: Place, kinds: str) -> list[dict[str, Any]]:
    return place.items(kinds, SELECTOR)


def test_every_deleted_child_comes_back(ada: Place) -> None:
    before = {(c["kind"], c["metadata"]["name"]): c for c in _owned(ada, ",".join(KINDS))}
    assert {kind for kind, _ in before} == {
        "ServiceAccount", "ConfigMap", "Service", "Deployment", "HorizontalPodAutoscaler",
        "PodDisruptionBudget", "NetworkPolicy", "Role", "RoleBinding", "StatefulSet", "Secret",
        "CronJob",
    }  # fmt: skip
    for kind in KINDS:
        ada.kubectl("delete", kind, "-l", SELECTOR, "--wait=false")

    def all_back() -> bool:
        now = {(c["kind"], c["metadata"]["name"]): c for c in _owned(ada, ",".join(KINDS))}
        return now.keys() == before.keys() and all(
            now[key]["metadata"]["uid"] != before[key]["metadata"]["uid"]
            and "deletionTimestamp" not in now[key]["metadata"]
            for key in before
        )

    ada.wait("every child to come back", all_back, 60)
    ada.wait_condition("Ready", "True")


@pytest.mark.parametrize(
    ("kind", "name", "patch"),
    [
        ("service", "ada", {"spec": {"sessionAffinity": "None"}}),
        ("configmap", "ada-config", {"data": {"runtime.json": "{}"}}),
        ("poddisruptionbudget", "ada", {"spec": {"maxUnavailable": 2}}),
        ("horizontalpodautoscaler", "ada", {"spec": {"maxReplicas": 9}}),
        ("cronjob", "ada-backup", {"spec": {"schedule": "* * * * *"}}),
    ],
)
def test_spoiled_field_is_healed(ada: Place, kind: str, name: str, patch: dict[str, Any]) -> None:
    before = _plain(ada.get(kind, name))
    ada.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(patch))
    ada.wait("the field to be healed", lambda: _plain(ada.get(kind, name)) == before, 10)


def test_child_that_lost_its_labels_is_found_again(ada: Place) -> None:
    ada.kubectl("label", "service", "ada", "app.kubernetes.io/managed-by-")

    def labelled() -> bool:
        labels = ada.get("service", "ada")["metadata"]["labels"]
        return bool(labels.get("app.kubernetes.io/managed-by") == "digital-human-operator")

    ada.wait("the label to come back", labelled, 10)


def test_fields_of_others_are_left_alone(ada: Place) -> None:
    ada.kubectl("annotate", "service", "ada", "example.com/note=mine")
    ada.kubectl("label", "service", "ada", "example.com/team=a")
    ada.apply(human(**SPEC, persona={"greeting": "hello"}))
    ada.wait_condition("Ready", "True")
    metadata = ada.get("service", "ada")["metadata"]
    assert metadata["annotations"]["example.com/note"] == "mine"
    assert metadata["labels"]["example.com/team"] == "a"


def test_there_and_back_leaves_no_trace(place: Place) -> None:
    small: dict[str, Any] = {"replicas": 2, "sessions": SPEC["sessions"]}
    place.apply(human(**small))
    place.wait_condition("Ready", "True", seconds=60)
    kinds = ",".join(KINDS)
    before = {(c["kind"], c["metadata"]["name"]): _plain(c) for c in _owned(place, kinds)}
    place.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(
        human(**SPEC)))  # fmt: skip
    place.wait_condition("Ready", "True", seconds=90)
    assert len(_owned(place, kinds)) > len(before)
    place.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(
        human(**small)))  # fmt: skip

    def same() -> bool:
        now = {(c["kind"], c["metadata"]["name"]): _plain(c) for c in _owned(place, kinds)}
        return now == before

    place.wait("everything to be as before", same, 60)
    place.wait_condition("Ready", "True")


def _plain(child: dict[str, Any]) -> dict[str, Any]:
    """The child without what changes by itself."""
    metadata = {k: v for k, v in child["metadata"].items() if k not in _VOLATILE}
    annotations = {
        k: v
        for k, v in metadata.get("annotations", {}).items()
        if not k.startswith("deployment.kubernetes.io/")
    }
    plain = {k: v for k, v in child.items() if k not in {"status", "metadata", "data"}}
    if child["kind"] != "Secret":
        plain["data"] = child.get("data")
    return plain | {"metadata": metadata | {"annotations": annotations}}
