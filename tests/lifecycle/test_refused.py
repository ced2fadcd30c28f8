"""Refusals of a real API server reach status as one sentence that says what to do."""

import json
from typing import Any

import pytest

from tests.support.operator import Place, human

pytestmark = pytest.mark.cluster


def _told(place: Place, *parts: str) -> str:
    """Wait until Ready says all ``parts``, and return the whole sentence."""

    def said() -> bool:
        message = place.condition("Ready").get("message", "")
        return all(part in message for part in parts)

    place.wait(f"Ready to say {parts}", said, 60)
    message: str = place.condition("Ready")["message"]
    return message


def test_quota_of_objects(place: Place) -> None:
    _limit(place, "ResourceQuota", "tight", hard={"services": "1"})
    place.wait("the quota to count", lambda: place.get("quota", "tight").get("status"))
    place.apply(human())
    message = _told(place, "quota tight of the namespace is used up", "raise it or ask for less")
    assert "services: 1 more, 1 of 1 are used" in message
    assert "forbidden" not in message
    assert place.condition("Ready")["reason"] == "QuotaExceeded"


def test_quota_of_pods(place: Place) -> None:
    _limit(place, "ResourceQuota", "small", hard={"pods": "0"})
    place.wait("the quota to count", lambda: place.get("quota", "small").get("status"))
    place.apply(human())
    message = _told(place, "Pods: quota small of the namespace is used up")
    assert "pods: 1 more, 0 of 0 are used" in message
    assert '"' not in message, "a Pod that nobody has seen is not named"


def test_quota_of_the_pods_of_redis(place: Place) -> None:
    """Its controller tells of refusals in events alone: status says where to look."""
    _limit(place, "ResourceQuota", "small", hard={"pods": "0"})
    place.wait("the quota to count", lambda: place.get("quota", "small").get("status"))
    place.apply(human(sessions={"store": {"redis": {"managed": {}}}}, replicas=0))
    _told(place, "StatefulSet ada-redis has no Pod yet", "kubectl describe statefulset ada-redis")
    assert "exceeded quota" in place.kubectl("describe", "statefulset", "ada-redis")


def test_limit_range_of_claims(place: Place) -> None:
    limit = {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}
    _limit(place, "LimitRange", "little", limits=[limit])
    place.apply(human(storage={"models": {"size": "5Gi"}}))
    message = _told(place, "PersistentVolumeClaim ada-models: a LimitRange", "change spec.storage")
    assert "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 5Gi" in message
    assert place.condition("Stalled")["reason"] == "ChildRefused"


def test_limit_range_of_containers(place: Place) -> None:
    limit = {"type": "Container", "max": {"memory": "64Mi"}}
    _limit(place, "LimitRange", "little", limits=[limit])
    place.apply(human())
    message = _told(place, "Pods: a LimitRange of the namespace", "change spec.resources")
    assert "maximum memory usage per Container is 64Mi" in message


def test_admission_policy(place: Place) -> None:
    name = place.namespace
    place.cluster.kubectl.apply(*_policy(name))
    try:
        place.wait("the policy to be enforced", lambda: _is_enforced(place))
        place.apply(human())
        message = _told(place, f"ValidatingAdmissionPolicy {name} refuses it", "no Services here")
        assert message.startswith("Service ada")
        assert place.condition("Stalled")["reason"] == "ChildRefused"
    finally:
        kinds = "validatingadmissionpolicy,validatingadmissionpolicybinding"
        place.cluster.kubectl("delete", kinds, name)
    place.wait_condition("Ready", "True", seconds=90)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"sessions": {"idleTimeout": "10 minutes"}}, "must be a length of time such as 30s"),
        ({"storage": {"models": {"size": "5 GB"}}}, "must be an amount such as 500m, 8 or 64Gi"),
        ({"image": "two words"}, "must be an image such as registry.example.com/name:tag"),
        ({"availability": {"minAvailable": "half"}}, "must be a number of Pods such as 2"),
        ({"security": {"apiKeySecret": {"name": "A B", "key": "k"}}}, "must be the name of an"),
        (
            {
                "backup": {
                    "schedule": "every day",
                    "destination": {"persistentVolumeClaim": {"claimName": "c"}},
                    "include": ["config"],
                }
            },
            "must be five cron fields such as 0 2 * * *",
        ),
    ],
)
def test_wrong_texts_are_refused_by_kubectl_in_a_sentence(
    place: Place, spec: dict[str, Any], says: str
) -> None:
    body = json.dumps(human(**spec))
    where = ("-n", place.namespace)
    refused = place.cluster.kubectl.run(*where, "apply", "-f", "-", stdin=body)
    assert refused.returncode != 0
    assert says in refused.stderr
    assert "should match" not in refused.stderr


def _limit(place: Place, kind: str, name: str, **spec: Any) -> None:
    place.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def _policy(namespace: str) -> tuple[dict[str, Any], ...]:
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": namespace}}
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["services"],
    }
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "no Services here"}],
    }
    binding = {"policyName": namespace, "validationActions": ["Deny"], "matchResources": where}
    return (
        head | {"kind": "ValidatingAdmissionPolicy", "spec": policy},
        head | {"kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )


def _is_enforced(place: Place) -> bool:
    command = ("create", "service", "clusterip", "probe", "--tcp=80", "--dry-run=server")
    return bool(place.cluster.kubectl.run("-n", place.namespace, *command).returncode)
