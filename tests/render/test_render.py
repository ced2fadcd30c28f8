"""Golden manifests of every example, and what must hold for any human."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_human_operator import names
from digital_human_operator.api.addresses import METADATA
from digital_human_operator.api.generate import dump
from digital_human_operator.human import Human
from digital_human_operator.render import children
from tests.support.builders import ALL_OPTIONAL, EXAMPLES, a_design, a_human, example
from tools.cluster.kubectl import Kubectl

FUNCTION = {"functionId": "f-1", "apiKeySecret": {"name": "nvcf", "key": "api-key"}}
GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, dict[str, Any]] = {
    "suspended": {
        "mode": "Suspended",
        "autoscaling": {"minReplicas": 2, "maxReplicas": 4},
        "face": {"managed": {"replicas": 2}},
        "sessions": {"store": {"redis": {"managed": {}}}},
    },
    "gateway": {
        "network": {
            "expose": {"type": "Gateway", "host": "ada.example.com", "gateway": {"name": "public"}},
            "allowTo": [
                {"cidr": "0.0.0.0/0", "ports": [443]},
                {"cidr": "10.1.0.0/16", "ports": [1]},
            ],
        },
        "monitoring": {"podMonitor": {}, "rules": {}, "dashboards": {}},
    },
    "external": {
        "llm": {"openAI": {"url": "https://llm.example.com:8443/v1", "model": "m",
                           "apiKeySecret": {"name": "llm", "key": "key"}}},
        "speech": {"riva": {"address": "riva.speech.svc:50051"}},
        "face": {"external": {"address": "10.0.0.7:50051", "tls": {}}},
        "sessions": {"store": {"redis": {"external": {
            "url": "rediss://redis.example.com:6380/0",
            "passwordSecret": {"name": "redis", "key": "password"}}}}},
        "replicas": 3,
        "deletionPolicy": "Retain",
        "storage": {"models": {"size": "10Gi"}},
    },
    "drill": {
        "sessions": {"store": {"redis": {"managed": {}}}},
        "backup": {"schedule": "0 2 * * *", "destination": {"persistentVolumeClaim": {
            "claimName": "backups"}}, "drill": {"schedule": "0 4 * * 0"},
            "encryption": {"keySecret": {"name": "key", "key": "key"}}},
    },
}  # fmt: skip
HUMANS = {path.stem: example(path) for path in EXAMPLES} | {
    name: a_human(spec) for name, spec in CASES.items()
}
each_human = pytest.mark.parametrize("human", HUMANS.values(), ids=HUMANS)


def rendered(human: Human) -> list[dict[str, Any]]:
    return [child.manifest for child in children(human, a_design(human, ALL_OPTIONAL))]


@pytest.mark.parametrize("name", HUMANS)
def test_golden(name: str) -> None:
    text = "---\n".join(dump(manifest) for manifest in rendered(HUMANS[name]))
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), "run with UPDATE_GOLDEN=1 and read the difference"


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.yaml")} == set(HUMANS)


def _empty(value: Any, path: str = "") -> Iterator[str]:
    """Paths of what the API server would drop or default."""
    if value is None or value == []:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _empty(item, f"{path}.{key}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _empty(item, f"{path}[{number}]")


@each_human
def test_nothing_empty_is_rendered(human: Human) -> None:
    for manifest in rendered(human):
        assert list(_empty(manifest)) == []
        assert ".initialDelaySeconds: 0" not in json.dumps(manifest)


@each_human
def test_every_child_has_our_labels_and_its_owner(human: Human) -> None:
    for manifest in rendered(human):
        metadata = manifest["metadata"]
        assert metadata["namespace"] == human.namespace
        assert metadata["labels"][names.MANAGED_BY] == names.FIELD_MANAGER
        assert metadata["labels"][names.LABEL_HUMAN] == human.name
        if manifest["kind"] == "PersistentVolumeClaim" and human.spec.deletion_policy != "Delete":
            assert "ownerReferences" not in metadata
        else:
            assert [o["uid"] for o in metadata["ownerReferences"]] == [human.uid]


@each_human
def test_names_are_distinct_and_short(human: Human) -> None:
    seen = [(m["kind"], m["metadata"]["name"]) for m in rendered(human)]
    assert len(seen) == len(set(seen))
    assert all(len(name) <= 63 for _, name in seen)
    longest = a_human(human.spec.model_dump(by_alias=True, exclude_none=True), "a" * 40)
    for manifest in rendered(longest):
        limit = 52 if manifest["kind"] == "CronJob" else 63
        assert len(manifest["metadata"]["name"]) <= limit


def _pods(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if "template" in spec:
        yield spec["template"]


@each_human
def test_pods_are_restricted_and_selected(human: Human) -> None:
    for manifest in rendered(human):
        for template in _pods(manifest):
            labels = template["metadata"]["labels"]
            selector = manifest["spec"].get("selector", {}).get("matchLabels", {})
            assert selector.items() <= labels.items()
            assert labels[names.MANAGED_BY] == names.FIELD_MANAGER
            security = template["spec"]["securityContext"]
            assert security["runAsNonRoot"] is True
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            pod = template["spec"]
            for container in [*pod.get("initContainers", []), *pod["containers"]]:
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
                assert container["securityContext"]["allowPrivilegeEscalation"] is False
                assert container["securityContext"]["readOnlyRootFilesystem"] is True
                assert "sh" not in container.get("command", [])


@each_human
def test_ports_say_their_protocol(human: Human) -> None:
    for manifest in rendered(human):
        for line in _dicts(manifest):
            if "containerPort" in line or ("port" in line and "targetPort" in line):
                assert line["protocol"] == "TCP"


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _dicts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _dicts(item)


@each_human
def test_rendering_twice_is_the_same(human: Human) -> None:
    assert rendered(human) == rendered(human)


@settings(max_examples=60, deadline=None)
@given(
    least=st.integers(1, 9),
    extra=st.integers(0, 9),
    wanted=st.one_of(st.none(), st.integers(0, 20), st.sampled_from(["10%", "50%", "99%"])),
    autoscaled=st.booleans(),
)
def test_no_budget_blocks_a_drain_for_ever(
    least: int, extra: int, wanted: int | str | None, autoscaled: bool
) -> None:
    spec: dict[str, Any] = {"availability": {"minAvailable": wanted} if wanted is not None else {}}
    if autoscaled:
        spec["autoscaling"] = {"minReplicas": least, "maxReplicas": least + extra}
    else:
        spec["replicas"] = least
    for manifest in rendered(a_human(spec)):
        if manifest["kind"] != "PodDisruptionBudget":
            continue
        limit = manifest["spec"]
        assert limit["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        needed = limit.get("minAvailable", 0)
        if isinstance(needed, str):
            needed = -(-least * int(needed.rstrip("%")) // 100)
        assert needed < least or "maxUnavailable" in limit
        assert limit.get("maxUnavailable", 1) != 0


@pytest.mark.parametrize(
    ("kind", "ports"),
    [
        ("ClusterIP", [80, 8080, 50051]),
        ("LoadBalancer", [80, 8080]),
        ("Ingress", [80, 8080, 50051]),
    ],
)
def test_load_balancer_publishes_no_grpc(kind: str, ports: list[int]) -> None:
    expose = {"type": kind} | ({"host": "ada.example.com"} if kind == "Ingress" else {})
    services = {
        m["metadata"]["name"]: [one["port"] for one in m["spec"]["ports"]]
        for m in rendered(a_human({"network": {"expose": expose}}))
        if m["kind"] == "Service"
    }
    assert services["ada"] == ports
    assert names.PORT_GRPC in services["ada-headless"]


@pytest.mark.parametrize(
    ("network", "kept"),
    [
        ({}, False),
        ({"allowFrom": [{"namespace": "frontend"}]}, False),
        ({"allowFrom": [{"cidr": "192.0.2.0/24"}]}, True),
        ({"expose": {"sourceRanges": ["192.0.2.0/24"]}}, True),
        ({"expose": {"sourceRanges": ["192.0.2.0/24"]}, "policy": "Off"}, False),
        ({"expose": {"type": "ClusterIP"}, "allowFrom": [{"cidr": "192.0.2.0/24"}]}, False),
    ],
)
def test_address_of_a_caller_is_kept_where_a_policy_judges_it(
    network: dict[str, Any], kept: bool
) -> None:
    expose = {"type": "LoadBalancer"} | network.get("expose", {})
    human = a_human({"network": network | {"expose": expose}})
    (service,) = (
        m for m in rendered(human) if (m["kind"], m["metadata"]["name"]) == ("Service", "ada")
    )
    assert service["spec"].get("externalTrafficPolicy") == ("Local" if kept else None)


WIDE = {"cidr": "0.0.0.0/0", "except": [n for n in METADATA if ":" not in n]}


def test_policy_keeps_the_metadata_addresses_out() -> None:
    egress = [
        rule
        for manifest in rendered(HUMANS["gateway"])
        if manifest["kind"] == "NetworkPolicy"
        for rule in manifest["spec"].get("egress", [])
    ]
    wide = [p["ipBlock"] for r in egress for p in r["to"] if "ipBlock" in p]
    assert WIDE in wide
    assert {"cidr": "10.1.0.0/16"} in wide


@pytest.mark.parametrize(
    ("spec", "port"),
    [
        ({"llm": {"openAI": {"url": "http://llm.tools:8443/v1", "model": "m"}}}, 8443),
        ({"speech": {"http": {"url": "http://voice.tools:8880/v1"}}}, 8880),
        ({"speech": {"piper": {"url": "http://piper.tools:5000"}}}, 5000),
        ({"speech": {"riva": {"address": "riva.tools:50051"}}}, 50051),
        ({"transcription": {"http": {"url": "http://whisper.tools:8001/v1"}}}, 8001),
        ({"face": {"external": {"address": "face.tools:52000"}}}, 52000),
        ({"face": {"external": {"cloudFunction": FUNCTION}}}, 443),
        ({"face": {"external": {"cloudFunction": FUNCTION, "address": "gate.example:8443"}}}, 8443),
    ],
)
def test_policy_lets_the_runtime_reach_every_server_that_the_spec_names(
    spec: dict[str, Any], port: int
) -> None:
    ports = {way[2] for policy in _policies(a_human(spec)).values() for way in _ways_out(policy)}
    assert port in ports


NGC: dict[str, Any] = {"face": {"managed": {"apiKeySecret": {"name": "ngc", "key": "api-key"}}}}


def _deployment(human: Human, name: str, digest: str = "") -> dict[str, Any]:
    design = a_design(human)
    if digest:
        design = replace(design, digests={names.FACE: digest})
    found = (child.manifest for child in children(human, design))
    return next(m for m in found if m["kind"] == "Deployment" and m["metadata"]["name"] == name)


def test_the_face_gets_its_key_by_reference_and_rolls_with_it() -> None:
    human = a_human(NGC)
    pod = _deployment(human, "ada-audio2face")["spec"]["template"]["spec"]
    assert pod["containers"][0]["env"][-1] == {
        "name": "NGC_API_KEY",
        "valueFrom": {"secretKeyRef": {"name": "ngc", "key": "api-key"}},
    }
    assert _deployment(human, "ada", "one") == _deployment(human, "ada", "two")
    one, two = (_deployment(human, "ada-audio2face", digest) for digest in ("one", "two"))
    assert one["spec"]["template"]["metadata"] != two["spec"]["template"]["metadata"]


def test_the_face_runs_elsewhere_where_it_has_a_placement_of_its_own() -> None:
    def selectors(face: dict[str, Any]) -> tuple[Any, ...]:
        human = a_human({
            "face": {"managed": face | {"gpu": {"profile": "l4"}}},
            "placement": {"nodeSelector": {"pool": "a100"}},
        })  # fmt: skip
        found = (_deployment(human, name) for name in ("ada", "ada-audio2face"))
        return tuple(one["spec"]["template"]["spec"].get("nodeSelector") for one in found)

    assert selectors({}) == ({"pool": "a100"}, {"pool": "a100"})
    other = {"placement": {"nodeSelector": {"pool": "l4"}}}
    assert selectors(other) == ({"pool": "a100"}, {"pool": "l4"})
    assert selectors({"placement": {}}) == ({"pool": "a100"}, None)


def test_the_face_reaches_the_catalogue_only_with_a_key() -> None:
    def ports(spec: dict[str, Any]) -> set[int]:
        return {way[2] for way in _ways_out(_policies(a_human(spec))["ada-audio2face"])}

    assert ports({"face": {"managed": {}}}) == {53, 5353}
    assert ports(NGC) == {53, 5353, 443}
    ways = _ways_out(_policies(a_human(NGC))["ada-audio2face"])
    anywhere = {"ipBlock": WIDE}
    assert (json.dumps(anywhere), "TCP", 443) in ways


def _policies(human: Human) -> dict[str, dict[str, Any]]:
    found = (m for m in rendered(human) if m["kind"] == "NetworkPolicy")
    return {m["metadata"]["name"]: m["spec"] for m in found}


def _ways_out(policy: dict[str, Any]) -> set[tuple[str, str, int]]:
    """(peer, protocol, port) of everything that a policy lets out."""
    return {
        (json.dumps(peer), port["protocol"], port["port"])
        for rule in policy.get("egress", [])
        for peer in rule["to"]
        for port in rule.get("ports", [])
    }


def _in_namespace(name: str) -> str:
    labels = {"kubernetes.io/metadata.name": name}
    return json.dumps({"namespaceSelector": {"matchLabels": labels}})


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
@pytest.mark.parametrize(
    ("peer", "port"),
    [
        (_in_namespace("kube-system"), 53),
        (json.dumps({"ipBlock": {"cidr": "169.254.0.0/16"}}), 53),
        (_in_namespace("openshift-dns"), 53),
        (_in_namespace("openshift-dns"), 5353),
    ],
)
def test_names_are_found_wherever_dns_runs(peer: str, port: int, protocol: str) -> None:
    for human in HUMANS.values():
        for policy in _policies(human).values():
            ways_out = _ways_out(policy)
            assert not ways_out or (peer, protocol, port) in ways_out


def test_nothing_else_of_the_node_can_be_reached() -> None:
    peer = json.dumps({"ipBlock": {"cidr": "169.254.0.0/16"}})
    for human in HUMANS.values():
        for policy in _policies(human).values():
            assert {port for to, _, port in _ways_out(policy) if to == peer} <= {53}


def test_only_who_redis_lets_in_is_let_out_to_it() -> None:
    policies = _policies(HUMANS["drill"])
    admitted = policies["ada-redis"]["ingress"][0]["from"]
    for policy in policies.values():
        peer = {"podSelector": policy["podSelector"]}
        out = any(port == names.PORT_REDIS for _, _, port in _ways_out(policy))
        assert out == (peer in admitted)


def test_backups_reach_redis_only_for_its_sessions() -> None:
    spec = CASES["drill"]
    for include in ([], ["config"], ["config", "sessions"]):
        backup = spec["backup"] | ({"include": include} if include else {})
        policies = _policies(a_human(spec | {"backup": backup}))
        admitted = {
            peer["podSelector"]["matchLabels"][names.LABEL_COMPONENT]
            for peer in policies["ada-redis"]["ingress"][0]["from"]
        }
        ways_out = _ways_out(policies["ada-backup"])
        assert ("backup" in admitted) == (include != ["config"])
        assert any(port == names.PORT_REDIS for _, _, port in ways_out) == ("backup" in admitted)


def test_redis_is_replaced_also_while_it_is_not_ready() -> None:
    """One that never became ready would else be waited for, however the human is mended."""
    (redis,) = (m for m in rendered(HUMANS["drill"]) if m["kind"] == "StatefulSet")
    assert redis["spec"]["podManagementPolicy"] == "Parallel"


def test_no_secret_is_in_any_argument_or_variable() -> None:
    for human in HUMANS.values():
        for manifest in rendered(human):
            for template in _pods(manifest):
                pod = template["spec"]
                for container in [*pod.get("initContainers", []), *pod["containers"]]:
                    assert "$(" not in json.dumps(container.get("args", []))
                    for variable in container.get("env", []):
                        assert not variable["name"].endswith("KEY") or "valueFrom" in variable


@pytest.mark.cluster
@each_human
def test_api_server_takes_it_strictly(human: Human, kubectl: Kubectl, namespace: str) -> None:
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    optional = {"HTTPRoute", "PodMonitor", "ServiceMonitor", "PrometheusRule"}
    manifests = [m for m in rendered(human) if m["kind"] not in optional]
    for manifest in manifests:
        manifest["metadata"] = manifest["metadata"] | {"namespace": namespace}
        for subject in manifest.get("subjects", []):
            subject["namespace"] = namespace
    templates = [template for manifest in manifests for template in _pods(manifest)]
    pods = [_pod(number, template, namespace) for number, template in enumerate(templates)]
    document = yaml.safe_dump_all(manifests + pods)
    arguments = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    result = kubectl.run(*arguments, stdin=document)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr, result.stderr


def _pod(number: int, template: dict[str, Any], namespace: str) -> dict[str, Any]:
    spec = {key: value for key, value in template["spec"].items() if key != "serviceAccountName"}
    spec.setdefault("restartPolicy", "Always")
    claimed = {"name": "data", "emptyDir": {}}  # a StatefulSet adds the claims of its template
    spec["volumes"] = [*spec.get("volumes", []), claimed]
    metadata = {"name": f"pod-{number}", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
