"""The chart grants what the operator uses and nothing more, by the API server's own record."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from digital_human_operator import names
from digital_human_operator.kinds import SECOND
from tests.support import operator as operators
from tests.support.cluster import own
from tests.support.jobs import end
from tests.support.operator import Place, bare, human
from tests.support.optional import definitions
from tools.bench.audit import AuditLog
from tools.cache import ROOT
from tools.cluster import Cluster, Options
from tools.operator_process import NAMESPACE, RELEASE, install_chart

pytestmark = pytest.mark.cluster

USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
Granted = tuple[str, str, str]
UNSEEN: dict[Granted, str] = {
    ("aiqtoolkit.io", "digitalhumans/finalizers", "update"): (
        "asked for by the admission plugin that this cluster runs, and not logged"
    ),
    ("aiqtoolkit.io", "digitalhumanbackups/finalizers", "update"): "likewise",
    ("aiqtoolkit.io", "digitalhumanrestores/finalizers", "update"): "likewise",
    ("aiqtoolkit.io", "digitalhumans", "create"): "for a clone: test_clone_run has the same rights",
    ("aiqtoolkit.io", "digitalhumanrestores", "get"): "asked for a moment after a start only",
    ("aiqtoolkit.io", "digitalhumanbackups", "get"): "asked for where a Job lost its owner only",
    ("events.k8s.io", "events", "patch"): "an Event becomes a series after ten minutes",
}
PLUGIN = "kube-apiserver=enable-admission-plugins=OwnerReferencesPermissionEnforcement"
NODES = {"cpu": 4, "dgx-a100-80": 3, "dgx-a100-mig": 2}
BACKUP = {
    "schedule": "0 2 * * *",
    "destination": {"s3": {"bucket": "backups", "credentialsSecret": "backup"}},
}
MONITORING: dict[str, Any] = {"rules": {}, "dashboards": {}}
GATEWAY = {"type": "Gateway", "host": "ada.example.com", "gateway": {"name": "public"}}
INGRESS = {"type": "Ingress", "host": "bo.example.com"}


@pytest.fixture
def place() -> Iterator[Place]:
    """A cluster with every optional kind, where owner references ask for rights of their own."""
    with own("rbac", NODES, Options(extra_args=(PLUGIN,))) as one:
        one.kubectl.apply(*definitions())
        one.kubectl.wait_established()
        install_chart(one)
        for name in ("humans", "taken", "started"):
            one.kubectl("create", "namespace", name)
        yield Place(one, "humans")


@pytest.mark.timeout(300)
def test_every_granted_verb_is_used(place: Place) -> None:
    log = AuditLog(place.cluster.audit_log, USER)
    operator = operators.process_of(place.cluster)
    operator.start()
    place.apply(*_people(), *_actions())
    place.wait_condition("Ready", "True", "ada", seconds=90)
    place.wait_condition("Ready", "True", "bo", seconds=90)
    _outlive_a_run(place)
    made = _children(place)
    assert {"HTTPRoute", "PodMonitor", "ServiceMonitor"} <= {m["kind"] for m in made}

    place.apply(*(_stray(m) for m in made))
    # Nothing of the second wave is looked at while something that it needs is foreign.
    _take(Place(place.cluster, "taken"), [m for m in made if m["kind"] not in SECOND])
    _take(Place(place.cluster, "started"), [m for m in made if m["kind"] in SECOND])
    place.wait("the strays to go", lambda: not _strays(place))
    place.kubectl("delete", "dh", "bo", "--timeout=60s")  # which asks for its last backup

    granted, used = _granted(place.cluster), _used(log)
    assert UNSEEN.keys() <= granted, "an exception is not needed any more"
    assert sorted(granted - used - UNSEEN.keys()) == []
    assert sorted(used - granted) == []


def _take(place: Place, made: list[dict[str, Any]]) -> None:
    """Make the objects ``made`` somebody else's, then the humans that want their names."""
    place.apply(*(bare(m) for m in made))
    place.apply(*_people())
    for name in ("ada", "bo"):
        place.wait_condition("Ready", "False", name, reason="ForeignObject")


def _people() -> list[dict[str, Any]]:
    text = (ROOT / "examples/high-availability.yaml").read_text()
    documents = [d for d in yaml.safe_load_all(text) if d]
    ada = next(d for d in documents if d["kind"] == "DigitalHuman")
    ada["spec"] |= {"backup": BACKUP, "monitoring": MONITORING | {"podMonitor": {}}}
    ada["spec"]["network"]["expose"] = GATEWAY
    last = {"deletionPolicy": "FinalBackup", "backup": BACKUP}
    bo = human("bo", **last, network={"expose": INGRESS}, monitoring={"serviceMonitor": {}})
    keys = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up"}
    backup = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "backup"},
        "stringData": keys,
    }
    return [*(d for d in documents if d is not ada), backup, ada, bo]


def _action(kind: str, **spec: Any) -> dict[str, Any]:
    return human("one", **spec) | {"kind": kind}


def _actions() -> list[dict[str, Any]]:
    place: dict[str, Any] = {"s3": {"bucket": "backups"}}
    return [
        _action("DigitalHumanBackup", digitalHuman="ada", destination=place),
        _action("DigitalHumanRestore", source={"backup": "one"}, target={"inPlace": {}}),
    ]


def _outlive_a_run(place: Place) -> None:
    """Two runs of the schedule, the second of which has removed the backup of the first."""
    jobs = ("ada-backup-29535960", "ada-backup-29537400")
    first, second = (f"2026022{day}T020000Z-0123456789abcdef" for day in (7, 8))
    place.apply(*(_run(place, job) for job in jobs))
    for job, made in zip(jobs, (first, second), strict=True):
        read = {"event": "verified", "id": made, "ok": True, "opened": True}
        told = ({"event": "created", "id": made}, read, {"event": "pruned", "oldest": made})
        end(place, job, [json.dumps(word) for word in told])
        name = names.scheduled_backup("ada", job)
        place.kubectl("wait", f"dhb/{name}", "--for=condition=Ready", "--timeout=60s")
    outlived = names.scheduled_backup("ada", jobs[0])
    place.wait("the record to go", lambda: not place.get("dhb", outlived))


def _run(place: Place, name: str) -> dict[str, Any]:
    """A Job of ada's CronJob, whose Pod finds no node, so that nobody else ends it."""
    cron = place.get("cronjob", "ada-backup")
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "ada-backup", "controller": True}
    template = cron["spec"]["jobTemplate"]
    template["spec"]["template"]["spec"]["nodeSelector"] = {"no": "node"}
    marks = {key: template["metadata"][key] for key in ("labels", "annotations")}
    metadata = {"name": name, "ownerReferences": [owner | {"uid": cron["metadata"]["uid"]}]}
    found = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata | marks}
    return found | {"spec": template["spec"]}


def _kinds(place: Place) -> list[str]:
    names = place.cluster.kubectl("api-resources", "--namespaced", "--verbs=delete,list,patch")
    skip = ("events", "pods", "replicasets", "endpoints", "endpointslices", "controllerrevisions")
    plurals = [line.split()[0] for line in names.splitlines()[1:]]
    return [p for p in plurals if p not in skip and not p.startswith("digitalhuman")]


def _children(place: Place) -> list[dict[str, Any]]:
    return [
        item
        for item in place.items(",".join(_kinds(place)))
        if any(o["kind"] == "DigitalHuman" for o in item["metadata"].get("ownerReferences", []))
    ]


def _strays(place: Place) -> list[str]:
    names = [item["metadata"]["name"] for item in _children(place)]
    return [name for name in names if name.startswith("stray-")]


def _stray(child: dict[str, Any]) -> dict[str, Any]:
    """A child of the right owner that nobody wants."""
    found = bare(child)
    found["metadata"] = {
        "name": f"stray-{child['metadata']['name']}",
        "labels": child["metadata"]["labels"],
        "ownerReferences": child["metadata"]["ownerReferences"],
    }
    return found


def _granted(cluster: Cluster) -> set[Granted]:
    found: set[Granted] = set()
    for kind, scope in (("clusterrole", ()), ("role", ("-n", NAMESPACE))):
        for role in cluster.kubectl.json(*scope, "get", kind)["items"]:
            if role["metadata"]["name"] not in {RELEASE, f"{RELEASE}-leader"}:
                continue
            for rule in role["rules"]:
                found |= {
                    (group, resource, verb)
                    for group in rule["apiGroups"]
                    for resource in rule["resources"]
                    for verb in rule["verbs"]
                }
    return found


def _used(log: AuditLog) -> set[Granted]:
    found: set[Granted] = set()
    for entry in log.entries():
        target = entry.get("objectRef", {})
        if "resource" not in target or entry["responseStatus"]["code"] == 403:
            continue
        if target["resource"] == "selfsubjectaccessreviews":
            continue
        resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
        verbs = {entry["verb"]}
        if entry["verb"] == "patch" and entry["responseStatus"]["code"] == 201:
            verbs.add("create")  # the API server asks for both when an apply creates
        found |= {(target.get("apiGroup", ""), resource, verb) for verb in verbs}
    return found
