"""What goes wrong is said in status, nothing else suffers, and it is mended when the cause goes."""

import json
from typing import Any

import pytest

from tests.support.operator import Place, human
from tools.cluster.cluster import STORAGE_CLASS

pytestmark = pytest.mark.cluster


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def test_model_that_does_not_fit_is_stalled_with_the_sum(place: Place) -> None:
    place.apply(
        human(
            llm={"transformers": {"model": "llama3:70b", "precision": "bf16"}},
            gpu={"profile": "a100-40gb"},
        )
    )
    stalled = place.wait_condition("Stalled", "True", reason="ModelDoesNotFit")
    assert "131" in stalled["message"]
    assert "Options" in stalled["message"]
    assert place.status()["memoryPlan"]["fits"] is False
    assert place.items("deployments") == []


def test_missing_secret_holds_back_the_pods_only_until_it_is_there(place: Place) -> None:
    place.apply(human(security={"apiKeySecret": {"name": "keys", "key": "api-key"}}))
    ready = place.wait_condition("Ready", "False", reason="SecretMissing")
    assert "keys" in ready["message"]
    assert place.get("service", "ada")
    assert not place.get("deployment", "ada")
    place.apply(secret("keys", other="x"))
    place.wait(
        "the missing key to be named", lambda: "api-key" in place.condition("Ready")["message"]
    )
    place.apply(secret("keys", **{"api-key": "value-of-the-key"}))
    place.wait_condition("Ready", "True")
    assert "value-of-the-key" not in json.dumps(place.get("dh", "ada"))


def test_changed_secret_rolls_only_the_pods_that_read_it(place: Place) -> None:
    place.apply(
        secret("keys", **{"api-key": "one"}),
        human(
            face={"managed": {"gpu": {"profile": "l4"}}},
            security={"apiKeySecret": {"name": "keys", "key": "api-key"}},
        ),
    )
    place.wait_condition("Ready", "True")
    runtime = place.get("deployment", "ada")["metadata"]["generation"]
    face = place.get("deployment", "ada-audio2face")["metadata"]["generation"]
    place.apply(secret("keys", **{"api-key": "two"}))
    place.wait(
        "the runtime to roll",
        lambda: place.get("deployment", "ada")["metadata"]["generation"] > runtime,
    )
    place.wait_condition("Ready", "True")
    assert place.get("deployment", "ada-audio2face")["metadata"]["generation"] == face


def test_secret_of_any_type_may_be_referred_to(place: Place) -> None:
    """Also one of a ServiceAccount, of which clusters that are older than 1.24 have many."""
    annotations = {"kubernetes.io/service-account.name": "default"}
    token = secret("keys", **{"api-key": "one"}) | {"type": "kubernetes.io/service-account-token"}
    token["metadata"]["annotations"] = annotations
    place.apply(token, human(security={"apiKeySecret": {"name": "keys", "key": "api-key"}}))
    place.wait_condition("Ready", "True")


def test_both_sides_start_anew_with_a_new_password_of_redis(place: Place) -> None:
    place.apply(human(replicas=2, sessions={"store": {"redis": {"managed": {"storage": "1Gi"}}}}))
    place.wait_condition("Ready", "True")
    before, pods = place.get("secret", "ada-redis"), _pods(place)
    assert len(pods) == 3
    made = {kind: place.get(kind, name)["metadata"]["generation"] for kind, name in _SIDES}
    assert set(made.values()) == {1}, "made once, with the password in its template"
    place.kubectl("delete", "secret", "ada-redis")
    place.wait(
        "every Pod to be another one", lambda: len(_pods(place)) == 3 and not _pods(place) & pods
    )
    place.wait_condition("Ready", "True")
    assert place.get("secret", "ada-redis")["data"] != before["data"]
    assert {k: place.get(k, n)["metadata"]["generation"] for k, n in _SIDES} == dict.fromkeys(
        made, 2
    )


def test_redis_that_no_node_can_take_is_mended_by_the_spec(place: Place) -> None:
    """Its Pod was never ready, and a StatefulSet usually waits for that before it replaces one."""

    def with_memory(amount: str) -> dict[str, Any]:
        managed = {"storage": "1Gi", "resources": {"memory": amount}}
        return human(sessions={"store": {"redis": {"managed": managed}}})

    place.apply(with_memory("900Ti"))
    place.wait_condition("Ready", "False", reason="Unschedulable")
    place.apply(with_memory("128Mi"))
    place.wait_condition("Ready", "True")


def test_key_of_the_face_holds_back_and_rolls_the_face_alone(place: Place) -> None:
    key = {"name": "ngc", "key": "api-key"}
    place.apply(human(face={"managed": {"gpu": {"profile": "l4"}, "apiKeySecret": key}}))
    ready = place.wait_condition("Ready", "False", reason="SecretMissing")
    assert 'Secret "ngc" does not exist (spec.face.managed.apiKeySecret)' in ready["message"]
    assert place.get("deployment", "ada")
    assert not place.get("deployment", "ada-audio2face")
    place.apply(secret("ngc", **{"api-key": "one"}))
    place.wait_condition("Ready", "True")
    before = {n: _generation(place, n) for n in ("ada", "ada-audio2face")}
    place.apply(secret("ngc", **{"api-key": "two"}))
    place.wait(
        "the face to roll", lambda: _generation(place, "ada-audio2face") > before["ada-audio2face"]
    )
    place.wait_condition("Ready", "True")
    assert _generation(place, "ada") == before["ada"]


def test_pull_secret_is_named_and_waited_for_by_nobody(place: Place) -> None:
    place.apply(secret("plain", a="b"))
    place.apply(human(imagePullSecrets=[{"name": "absent"}, {"name": "plain"}]))
    place.wait_condition("Ready", "True")
    warning = place.wait_condition("Warning", "True", reason="SecretMissing")
    assert 'Secret "absent" does not exist (spec.imagePullSecrets[absent])' in warning["message"]
    assert 'Secret "plain" is of type Opaque' in warning["message"]
    before = _generation(place, "ada")
    place.kubectl("delete", "secret", "plain")
    for name in ("absent", "plain"):
        options = ("--docker-server=r.example", "--docker-username=u", "--docker-password=p")
        place.kubectl("create", "secret", "docker-registry", name, *options)
    place.wait("the warning to end", lambda: not place.condition("Warning"))
    assert _generation(place, "ada") == before


@pytest.mark.parametrize("name", ["ada-models", "data-ada-redis-0"])
def test_claim_of_a_class_that_does_not_exist_is_named(place: Place, name: str) -> None:
    missing = place.namespace  # no other test has a class of this name
    wanted = {"storageClass": missing}
    redis = {"sessions": {"store": {"redis": {"managed": wanted}}}}
    place.apply(human(**({"storage": {"models": wanted}} if name == "ada-models" else redis)))
    ready = place.wait_condition("Ready", "False", reason="VolumePending")
    assert ready["message"].startswith(f"claim {name} waits for a volume of StorageClass {missing}")
    assert f"`kubectl describe pvc {name}`" in ready["message"]
    bound = place.condition("StorageBound")
    assert (bound["status"], bound["message"]) == ("False", ready["message"])
    assert place.get("pvc", name)["status"]["phase"] == "Pending"
    made = {k: v for k, v in STORAGE_CLASS.items() if k != "metadata"}
    place.cluster.kubectl.apply(made | {"metadata": {"name": missing}})
    try:
        place.wait_condition("Ready", "True", seconds=120)
        assert place.condition("StorageBound")["status"] == "True"
    finally:
        place.cluster.kubectl("delete", "storageclass", missing)


def test_key_of_a_cloud_function_is_waited_for_and_mounted(place: Place) -> None:
    key = {"name": "nvidia", "key": "api-key"}
    function = {"functionId": "8a5f1c2e-0b7d", "apiKeySecret": key}
    place.apply(human(face={"external": {"cloudFunction": function}}))
    ready = place.wait_condition("Ready", "False", reason="SecretMissing")
    field = "spec.face.external.cloudFunction.apiKeySecret"
    assert f'Secret "nvidia" does not exist ({field})' in ready["message"]
    assert not place.get("deployment", "ada")
    place.apply(secret("nvidia", **{"api-key": "value-of-the-key"}))
    place.wait_condition("Ready", "True")
    pod = place.get("deployment", "ada")["spec"]["template"]["spec"]
    (volume,) = (one for one in pod["volumes"] if one["name"] == "face-api-key")
    assert volume["secret"]["secretName"] == "nvidia"
    assert volume["secret"]["items"] == [{"key": "api-key", "path": "value"}]
    config = json.loads(place.get("configmap", "ada-config")["data"]["runtime.json"])
    assert config["face"] == {
        "kind": "audio2face",
        "address": "grpc.nvcf.nvidia.com:443",
        "tls": True,
        "functionId": "8a5f1c2e-0b7d",
    }
    found = [place.get(kind, "ada") for kind in ("dh", "deployment")]
    assert "value-of-the-key" not in json.dumps([*found, config])


def test_quota_refusal_is_told_and_mended(place: Place) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight"},
        "spec": {"hard": {"services": "1"}},
    }
    place.apply(quota)
    place.wait("the quota to count", lambda: place.get("quota", "tight").get("status"))
    place.apply(human())
    place.wait(
        "the refusal to be told", lambda: "quota" in json.dumps(place.status().get("conditions"))
    )
    assert place.condition("Ready")["status"] != "True"
    place.kubectl("delete", "quota", "tight")
    place.wait_condition("Ready", "True", seconds=90)


def test_foreign_object_of_the_same_name_is_left_alone(place: Place) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ada", "labels": {"owner": "somebody"}},
        "spec": {"ports": [{"port": 1}], "selector": {"a": "b"}},
    }
    place.apply(foreign)
    before = place.get("service", "ada")["metadata"]["resourceVersion"]
    place.apply(human())
    place.wait("it to be named", lambda: "Service ada" in json.dumps(place.status()))
    assert place.condition("Ready")["status"] != "True"
    assert place.get("service", "ada")["metadata"]["resourceVersion"] == before
    place.kubectl("delete", "service", "ada")
    place.wait_condition("Ready", "True", seconds=90)


def test_suspended_scales_to_zero_and_keeps_data(place: Place) -> None:
    spec: dict[str, Any] = {
        "autoscaling": {"minReplicas": 2, "maxReplicas": 3},
        "sessions": {"store": {"redis": {"managed": {"storage": "1Gi"}}}},
    }
    place.apply(human(**spec))
    place.wait_condition("Ready", "True", seconds=90)
    claims = {c["metadata"]["uid"] for c in place.items("pvc")}
    place.apply(human(**spec, mode="Suspended"))
    place.wait("no Pod of the runtime", lambda: not _runtime_pods(place))
    place.wait("the phase", lambda: place.status()["phase"] == "Suspended")
    assert not place.items("hpa")
    assert {c["metadata"]["uid"] for c in place.items("pvc")} == claims
    place.apply(human(**spec, mode="Running"))
    place.wait_condition("Ready", "True", seconds=90)
    assert len(_runtime_pods(place)) >= 2


def test_paused_changes_nothing_and_says_what_it_would_change(place: Place) -> None:
    place.apply(human())
    place.wait_condition("Ready", "True")
    place.apply(human(mode="Paused"))
    place.wait("it to be noticed", lambda: place.status()["observedGeneration"] == 2)
    place.kubectl("delete", "service", "ada")
    place.wait("the difference to be told", lambda: "1" in json.dumps(place.status()["conditions"]))
    assert not place.get("service", "ada")
    place.apply(human(mode="Running"))
    place.wait_condition("Ready", "True")
    assert place.get("service", "ada")


def test_field_without_behaviour_is_named_in_a_warning(place: Place) -> None:
    place.apply(human(budget={"monthly": 100}, availability={"loadBalancing": "LeastConnections"}))
    place.wait_condition("Ready", "True")
    warning = place.condition("Warning")
    assert warning["status"] == "True"
    assert "budget" in json.dumps(place.status())
    assert "loadBalancing" in json.dumps(place.status())


def test_autoscaling_takes_the_replicas_over_without_a_fall(place: Place) -> None:
    place.apply(human(replicas=4))
    place.wait_condition("Ready", "True")
    place.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-",
        stdin=json.dumps(human(autoscaling={"minReplicas": 2, "maxReplicas": 6})),
    )  # fmt: skip
    place.wait("the autoscaler", lambda: place.items("hpa"))
    place.wait_condition("Ready", "True")
    assert place.get("deployment", "ada")["spec"]["replicas"] == 4


def test_retained_volumes_outlive_the_human_and_serve_the_next(place: Place) -> None:
    spec: dict[str, Any] = {"storage": {"models": {"size": "1Gi"}}, "deletionPolicy": "Retain"}
    place.apply(human(**spec))
    place.wait_condition("Ready", "True")
    uid = place.get("pvc", "ada-models")["metadata"]["uid"]
    place.kubectl("delete", "dh", "ada", "--timeout=30s")
    place.wait("the Deployment to go", lambda: not place.items("deployments"))
    assert place.get("pvc", "ada-models")["metadata"]["uid"] == uid
    place.apply(human(**spec))
    place.wait_condition("Ready", "True")
    assert place.get("pvc", "ada-models")["metadata"]["uid"] == uid


def test_a_clone_of_nobody_says_whom_it_waits_for(place: Place) -> None:
    clone = {"source": {"latestOf": "ada"}, "target": {"clone": {"name": "bob"}}}
    place.apply(human("now", **clone) | {"kind": "DigitalHumanRestore"})

    def told() -> bool:
        found = place.get("digitalhumanrestore", "now").get("status", {}).get("conditions", [])
        return any(
            c["type"] == "Reconciling" and "no DigitalHuman ada" in c["message"] for c in found
        )

    place.wait("an answer", told)
    assert not place.get("dh", "bob")


_SIDES = (("deployment", "ada"), ("statefulset", "ada-redis"))
"""Who knows the password of Redis."""


def _pods(place: Place) -> set[str]:
    """The uids of the human's Pods that stay."""
    found = (pod["metadata"] for pod in place.items("pods"))
    return {one["uid"] for one in found if "deletionTimestamp" not in one}


def _runtime_pods(place: Place) -> list[dict[str, Any]]:
    return place.items("pods", "app.kubernetes.io/component=runtime")


def _generation(place: Place, name: str) -> int:
    found: int = place.get("deployment", name)["metadata"]["generation"]
    return found
