"""The API server's own refusals, word for word, and what people are told."""

import pytest

from digital_human_operator.status.refusals import explain
from tests.status.looks import compute, condition, deployment, observed, reason

REFUSALS = [
    (
        "Service ada",
        (
            'services "ada" is forbidden: exceeded quota: tight, requested: services=1,'
            " used: services=1, limited: services=1"
        ),
        "QuotaExceeded",
        (
            "Service ada: quota tight of the namespace is used up (services: 1 more, 1 of 1"
            " are used):"
            " raise it or ask for less"
        ),
    ),
    (
        "Pods",
        (
            'pods "ada-7b-x" is forbidden: exceeded quota: compute, requested: limits.cpu=2,pods=1,'
            " used: limits.cpu=7,pods=3, limited: limits.cpu=8,pods=9"
        ),
        "QuotaExceeded",
        (
            "Pods: quota compute of the namespace is used up (limits.cpu: 2 more, 7 of 8 are used;"
            " pods: 1 more, 3 of 9 are used): raise it or ask for less"
        ),
    ),
    (
        "Pods",
        'pods "ada-7b-x" is forbidden: failed quota: compute: must specify limits.cpu for: a',
        "QuotaExceeded",
        "Pods: quota compute of the namespace asks for limits.cpu of container a",
    ),
    (
        "PersistentVolumeClaim ada-models",
        (
            'persistentvolumeclaims "ada-models" is forbidden: minimum storage usage per'
            " PersistentVolumeClaim is 10Gi, but request is 1Gi"
        ),
        "ChildRefused",
        (
            "PersistentVolumeClaim ada-models: a LimitRange of the namespace refuses it, minimum"
            " storage usage per PersistentVolumeClaim is 10Gi, but request is 1Gi: change"
            " spec.storage"
            " or the range"
        ),
    ),
    (
        "Pods",
        (
            'pods "ada-7b-x" is forbidden: [maximum memory usage per Container is 1Gi, but limit is'
            " 2Gi, maximum cpu usage per Container is 1, but limit is 2]"
        ),
        "ChildRefused",
        (
            "Pods: a LimitRange of the namespace refuses it, maximum memory usage per"
            " Container is 1Gi,"
            " but limit is 2Gi, maximum cpu usage per Container is 1, but limit is 2: change"
            " spec.resources or the range"
        ),
    ),
    (
        "Pods",
        (
            'pods "ada-7b-x" is forbidden: violates PodSecurity "restricted:latest": hostNetwork'
            " (pod must not set hostNetwork=true)"
        ),
        "ChildRefused",
        (
            'Pods: the namespace takes only Pods of the level "restricted": hostNetwork (pod'
            " must not"
            " set hostNetwork=true); use another namespace or change its pod-security label"
        ),
    ),
    (
        "Service ada",
        (
            'admission webhook "validate.kyverno.svc-fail" denied the request: \n\nresource Service'
            "\n  needs-team: label team is required"
        ),
        "ChildRefused",
        (
            "Service ada: admission webhook validate.kyverno.svc-fail refuses it: resource Service"
            " needs-team: label team is required; ask who runs this policy"
        ),
    ),
    (
        "Service ada",
        (
            "services \"ada\" is forbidden: ValidatingAdmissionPolicy 'no-cluster-ip' with"
            " binding 'b'"
            " denied request: use a route"
        ),
        "ChildRefused",
        (
            "Service ada: ValidatingAdmissionPolicy no-cluster-ip refuses it: use a route; ask"
            " who runs"
            " this policy"
        ),
    ),
    (
        "Service ada",
        (
            'Internal error occurred: failed calling webhook "a.example": failed to call'
            " webhook: no"
            " endpoints available"
        ),
        None,
        (
            "Service ada: admission webhook a.example does not answer: failed to call webhook: no"
            " endpoints available"
        ),
    ),
    (
        "Service ada",
        (
            'services "ada" is forbidden: User "system:serviceaccount:s:o" cannot patch resource'
            ' "services" in API group "" in the namespace "humans"'
        ),
        "Forbidden",
        (
            "Service ada: the operator may not patch services in namespace humans: compare its role"
            " with the chart's"
        ),
    ),
    (
        "Role ada",
        (
            'roles.rbac.authorization.k8s.io "ada" is forbidden: user "o" (groups=["g"]) is'
            " attempting"
            ' to grant RBAC permissions not currently held:\n{APIGroups:["batch"], Verbs:["get"]}'
        ),
        "Forbidden",
        (
            "Role ada: the operator may not grant what it does not hold itself"
            ' ({APIGroups:["batch"], Verbs:["get"]}): compare its role with the chart\'s'
        ),
    ),
    (
        "Service ada",
        (
            'services "ada" is forbidden: unable to create new content in namespace humans'
            " because it"
            " is being terminated"
        ),
        "Forbidden",
        "Service ada: namespace humans is being deleted",
    ),
    (
        "Deployment ada",
        (
            'Deployment.apps "ada" is invalid: spec.selector: Invalid value:'
            ' {"matchLabels":{"a":"b"}}:'
            " field is immutable"
        ),
        None,
        (
            "Deployment ada: spec.selector cannot be changed: delete Deployment ada, it is"
            " made again"
            " as wanted"
        ),
    ),
    (
        "Deployment ada",
        (
            'Deployment.apps "ada" is invalid:'
            " spec.template.spec.containers[0].resources.limits[cpu]:"
            ' Invalid value: "x": quantities must match the regular expression'
            " '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ),
        None,
        (
            "Deployment ada: spec.template.spec.containers[0].resources.limits[cpu]: Invalid value:"
            ' "x": must be an amount such as 500m, 8 or 64Gi'
        ),
    ),
    (
        "Service ada",
        (
            'Service "ada" is invalid: metadata.name: Invalid value: "1a": a DNS-1035 label must'
            " consist of lower case alphanumeric characters or '-' (e.g. 'my-name', or 'abc-123',"
            " regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        ),
        None,
        (
            'Service ada: metadata.name: Invalid value: "1a": a DNS-1035 label must consist of'
            " lower"
            " case alphanumeric characters or '-'"
        ),
    ),
    ("Service ada", "something new", None, "Service ada: something new"),
]


@pytest.mark.parametrize(("child", "said", "expected", "told"), REFUSALS)
def test_refusal_becomes_a_sentence(child: str, said: str, expected: str | None, told: str) -> None:
    found = explain(child, said)
    assert found.message == told
    assert found.reason == expected


def test_refused_child_is_told_in_the_sentence() -> None:
    child, said, expected, told = REFUSALS[0]
    found = compute({}, observed(failed=((child, "Forbidden", said),)))
    ready = condition(found, "Ready")
    assert ready is not None
    assert (ready.reason, ready.message) == (expected, told)


def test_policy_about_a_child_stalls_and_about_pods_does_not() -> None:
    _, said, _, _ = next(one for one in REFUSALS if "validate.kyverno" in one[1])
    child = compute({}, observed(failed=(("Service ada", "Forbidden", said),)))
    assert reason(child, "Stalled") == "ChildRefused"
    pods = compute({}, observed(deployment(0, failure=said)))
    assert reason(pods) == "ReplicaFailure"
    assert condition(pods, "Stalled") is None


def test_refused_pods_are_told_in_the_sentence() -> None:
    found = compute({}, observed(deployment(0, failure=REFUSALS[1][1])))
    assert reason(found) == "QuotaExceeded"
    rollout = condition(found, "RolloutHealthy")
    assert rollout is not None
    assert rollout.message == REFUSALS[1][3]
    assert "ada-7b" not in str(found)
