"""Children that lose their labels or their owner get them back; those of a human that is gone."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.operator import Place, bare, human
from tools.bench.audit import AuditLog, is_write
from tools.operator_process import NAMESPACE, RELEASE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
MANAGED_BY = "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"
HUMAN = "aiqtoolkit.io/name"
SPEC: dict[str, Any] = {
    "llm": {
        "transformers": {"model": "llama3:8b", "source": {"huggingFace": {"repository": "a/b"}}}
    },
    "sessions": {"store": {"redis": {"managed": {"storage": "1Gi"}}}},
}
KINDS = (
    "serviceaccounts,configmaps,secrets,services,persistentvolumeclaims,roles,rolebindings,"
    "deployments,statefulsets,jobs,poddisruptionbudgets,networkpolicies"
)
OURS = f"{MANAGED_BY}=digital-human-operator"
WRITTEN_ONCE = ("secret", "job")
"""Kinds whose content is never applied again."""
BROUGHT = ("ConfigMap", "Secret", "Service", "Deployment", "Job")
Child = dict[str, Any]
Key = tuple[str, str]


def _labels(**labels: str | None) -> Callable[[Child], Child]:
    names = {"managed_by": MANAGED_BY, "component": COMPONENT, "human": HUMAN}
    patch = {"labels": {names[name]: value for name, value in labels.items()}}
    return lambda _: patch


DRIFTS: dict[str, Callable[[Child], Child]] = {
    "no label to watch it by": _labels(managed_by=None),
    "no component": _labels(component=None),
    "the label of another human": _labels(human="eve"),
    "no owner": lambda _: {"ownerReferences": None},
    "an owner that does not control it": lambda child: {
        "ownerReferences": [o | {"controller": False} for o in child["metadata"]["ownerReferences"]]
    },
}
"""What somebody may change, as a patch of metadata; as many as are set right at once."""


@pytest.fixture
def ada(place: Place) -> Place:
    place.apply(human(**SPEC))
    place.wait_condition("Ready", "True", seconds=90)
    return place


@pytest.mark.parametrize("kind", WRITTEN_ONCE)
def test_what_is_written_once_gets_labels_and_owner_back_and_keeps_the_rest(
    ada: Place, kind: str
) -> None:
    before = _written_once(ada, kind)
    time.sleep(6)  # so long that what is mere progress would be told at once
    ready = ada.condition("Ready")
    for drift, change in DRIFTS.items():
        _patch(ada, before, change(before))
        ada.wait(
            f"{kind} to have what it lost ({drift})",
            lambda: _marks(_again(ada, before)) == _marks(before),
            15,
        )
    after = _again(ada, before)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after.get("data") == before.get("data")
    _is_settled(ada)
    assert ada.condition("Ready") == ready, "nothing was interrupted"


@pytest.mark.parametrize("kind", WRITTEN_ONCE)
def test_what_somebody_else_took_over_is_theirs_until_they_let_it_go(ada: Place, kind: str) -> None:
    before = _written_once(ada, kind)
    ada.kubectl("create", "configmap", "theirs")
    theirs = ada.get("configmap", "theirs")["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": theirs}
    _patch(ada, before, {"ownerReferences": [owner | {"controller": True}]})
    taken = _again(ada, before)
    ready = ada.wait_condition("Ready", "False", reason="ForeignObject")
    assert before["metadata"]["name"] in ready["message"]
    time.sleep(3)
    assert _again(ada, before)["metadata"]["resourceVersion"] == _version(taken)
    _patch(ada, before, {"ownerReferences": None})
    ada.wait("it to be ours again", lambda: _marks(_again(ada, before)) == _marks(before))
    assert _again(ada, before).get("data") == before.get("data")
    ada.wait_condition("Ready", "True", seconds=10)
    _is_settled(ada)


def test_human_made_again_takes_over_what_an_orphaning_deletion_left(ada: Place) -> None:
    before, foreign = _children(ada), _foreign(ada)
    log = _log(ada)
    ada.kubectl("delete", "dh", "ada", "--cascade=orphan", "--timeout=60s")
    left = _children(ada)
    assert {key: _owner(child) for key, child in left.items()} == dict.fromkeys(before)
    ada.apply(human(**SPEC))
    _is_all_of_the_human(ada, before)
    assert {k: c["metadata"]["uid"] for k, c in _children(ada).items()} == {
        k: c["metadata"]["uid"] for k, c in before.items()
    }, "something was made anew, although it could have been kept"
    assert (
        _again(ada, before["Secret", "ada-redis"])["data"]
        == (before["Secret", "ada-redis"]["data"])
    )
    _is_settled(ada)
    assert _deleted(log, ada) == []
    assert _versions(ada, foreign) == foreign


def test_human_made_again_at_once_waits_for_the_children_of_the_one_before(ada: Place) -> None:
    before, foreign = _children(ada), _foreign(ada)
    log = _log(ada)
    ada.kubectl("delete", "dh", "ada", "--wait=false")
    ada.apply(human(**SPEC))
    _is_all_of_the_human(ada, before)
    _is_settled(ada)
    assert _deleted(log, ada) == [], "what a human leaves is the garbage collector's"
    assert _versions(ada, foreign) == foreign


def test_children_that_name_a_dead_human_as_owner_are_made_anew(ada: Place) -> None:
    """As a backup of a whole cluster brings them back: with the uid that the owner had then."""
    before, foreign = _children(ada), _foreign(ada)
    ada.kubectl("delete", "dh", "ada", "--timeout=60s")
    ada.wait("its children to go", lambda: _children(ada).keys() <= _unowned(before))
    log = _log(ada)
    ada.apply(*(_brought_back(c) for k, c in before.items() if k[0] in BROUGHT), human(**SPEC))
    _is_all_of_the_human(ada, before)
    _is_settled(ada)
    assert _deleted(log, ada) == []
    assert _versions(ada, foreign) == foreign


def _written_once(place: Place, kind: str) -> Child:
    [child] = place.items(kind, OURS)
    return child


def _again(place: Place, child: Child) -> Child:
    """A child as it is now."""
    return place.get(child["kind"], child["metadata"]["name"])


def _patch(place: Place, child: Child, metadata: Child) -> None:
    what = (child["kind"], child["metadata"]["name"])
    place.kubectl("patch", *what, "--type=merge", "-p", json.dumps({"metadata": metadata}))


def _marks(child: Child) -> tuple[Any, Any]:
    """By what a child is known to be ours."""
    metadata = child.get("metadata", {})
    return metadata.get("labels"), metadata.get("ownerReferences")


def _version(child: Child) -> str:
    version: str = child["metadata"]["resourceVersion"]
    return version


def _owner(child: Child) -> str | None:
    owners = child["metadata"].get("ownerReferences", [])
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def _children(place: Place) -> dict[Key, Child]:
    found = ((c["kind"], c["metadata"]["name"], c) for c in place.items(KINDS, OURS))
    return {(kind, name): child for kind, name, child in found if name.startswith("ada")}


def _unowned(children: dict[Key, Child]) -> set[Key]:
    """What outlives the human."""
    return {key for key, child in children.items() if _owner(child) is None}


def _is_all_of_the_human(place: Place, before: dict[Key, Child]) -> None:
    """Wait until the human that is there now is Ready and has the same children as the last one."""
    place.wait_condition("Ready", "True", seconds=90)
    uid = place.get("dh", "ada")["metadata"]["uid"]
    outlives = _unowned(before)
    owners = {key: None if key in outlives else uid for key in before}

    def all_owned() -> bool:
        return {key: _owner(child) for key, child in _children(place).items()} == owners

    place.wait("every child to have the new owner", all_owned, 30)
    place.wait_condition("Ready", "True")


def _foreign(place: Place) -> dict[Key, str]:
    """Make objects that are not the operator's, one of them with its labels."""
    labels = {MANAGED_BY: "digital-human-operator", HUMAN: "ada"}
    head = {"apiVersion": "v1", "kind": "ConfigMap"}
    place.apply(
        head | {"metadata": {"name": "theirs"}},
        head | {"metadata": {"name": "theirs-with-labels", "labels": labels}},
    )
    names = ("theirs", "theirs-with-labels")
    return {("ConfigMap", name): _version(place.get("ConfigMap", name)) for name in names}


def _versions(place: Place, objects: dict[Key, str]) -> dict[Key, str]:
    return {key: _version(place.get(*key)) for key in objects}


def _brought_back(child: Child) -> Child:
    metadata = {k: child["metadata"][k] for k in ("labels", "ownerReferences")}
    found = bare(child)
    return found | {"metadata": found["metadata"] | metadata}


def _log(place: Place) -> AuditLog:
    log = AuditLog(place.cluster.audit_log, USER)
    log.skip()
    return log


def _writes(log: AuditLog, place: Place) -> list[tuple[str, str, str]]:
    """What the operator has written here since the last look."""
    return [
        (entry["verb"], entry["objectRef"]["resource"], entry["objectRef"].get("name", ""))
        for entry in log.entries()
        if is_write(entry) and entry["objectRef"].get("namespace") == place.namespace
    ]


def _deleted(log: AuditLog, place: Place) -> list[tuple[str, str, str]]:
    return [one for one in _writes(log, place) if one[0] == "delete"]


def _is_settled(place: Place) -> None:
    """There is no fight, and after what is still to be told nothing is written."""
    assert "Contested" not in json.dumps(place.condition("Warning"))
    for _ in range(4):
        log = _log(place)
        time.sleep(4)
        if not (writes := _writes(log, place)):
            return
    raise AssertionError(f"the operator goes on writing: {writes}")
