"""What the chart renders, with both versions of helm."""

import json
from typing import Any

import pytest
import yaml

from digital_human_operator.kinds import CHILDREN, OPTIONAL, OWN
from digital_human_operator.settings import PREFIX, Settings
from tests.charts.helm import CHART, Helm, Manifest, of_kind, only
from tools.cache import ROOT

pytestmark = pytest.mark.programs("helm4")

CRDS = "CustomResourceDefinition"
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", CRDS, "Namespace", "PriorityClass"}
MONITORS = "monitoring.coreos.com/v1/PodMonitor"
ROUTES = "gateway.networking.k8s.io/v1/HTTPRoute"
EVERYTHING = (
    "networkPolicy.enabled=true",
    "metrics.podMonitor.enabled=true",
    "userRoles=enabled",
    "integrations.gatewayApi=enabled",
    "integrations.prometheusOperator=enabled",
)


def environment(objects: list[Manifest]) -> dict[str, Any]:
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    return {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}


def rights(objects: list[Manifest], kind: str, name: str = "") -> set[tuple[str, str, str]]:
    """(group, resource, verb) of all objects of a kind whose name ends in `name`."""
    return {
        (group, resource, verb)
        for found in of_kind(objects, kind)
        if found["metadata"]["name"].endswith(name)
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_operator_may_look_at_every_object_that_may_own_another(helm: Helm) -> None:
    found = rights(helm.objects(), "Role")
    assert {(one.group, one.plural, "get") for one in OWN} <= found


@pytest.mark.parametrize("settings", [(), ("scope=cluster",), EVERYTHING])
def test_lint_finds_nothing(both: Helm, settings: tuple[str, ...]) -> None:
    result = both.lint(*settings)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stdout


@pytest.mark.parametrize("settings", [(), ("scope=cluster", *EVERYTHING)])
def test_both_versions_render_the_same(helm: Helm, both: Helm, settings: tuple[str, ...]) -> None:
    def by_name(objects: list[Manifest]) -> list[Manifest]:
        return sorted(objects, key=lambda found: (found["kind"], found["metadata"]["name"]))

    assert by_name(both.objects(*settings)) == by_name(helm.objects(*settings))


@pytest.mark.parametrize(
    "setting",
    [
        "replica=2",
        "image.registry=example.com",
        "operands.runtime.pullPolicy=Always",
        "metrics.podMonitor.enable=true",
        "scope=everywhere",
        "scope=cluster,namespaces={a}",
        "namespaces={A}",
        "image.digest=sha256:abc",
        "logging.level=verbose",
        "userRoles=true",
        "extraEnv[0].name=DIGITAL_HUMAN_OPERATOR_NAMESPACES",
    ],
)
def test_wrong_values_are_refused(both: Helm, setting: str) -> None:
    result = both.render(setting)
    assert result.returncode != 0
    assert "schema" in result.stderr


def test_old_kubernetes_is_refused(both: Helm) -> None:
    result = both.render(kube="1.30.9")
    assert result.returncode != 0
    assert "1.31" in result.stderr


def test_schema_and_values_name_the_same_keys() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def compare(node: dict[str, Any], value: dict[str, Any], path: str) -> None:
        node = schema["definitions"]["image"] if "$ref" in node else node
        if "properties" not in node:
            return
        assert node["additionalProperties"] is False, path
        assert set(node["properties"]) - {"global"} == set(value), path
        for name, inner in value.items():
            if isinstance(inner, dict):
                compare(node["properties"][name], inner, f"{path}.{name}")

    compare(schema, values, "values")


@pytest.mark.parametrize("settings", [EVERYTHING, ("scope=cluster", *EVERYTHING)])
def test_no_role_is_wider_than_it_says(helm: Helm, settings: tuple[str, ...]) -> None:
    objects = helm.objects(*settings)
    granted = rights(objects, "Role") | rights(objects, "ClusterRole")
    assert not [right for right in granted if "*" in right]
    assert not {verb for _, _, verb in granted} & {"escalate", "bind", "impersonate"}
    resources = {resource for _, resource, _ in granted}
    assert not resources & {
        "pods/exec",
        "clusterroles",
        "clusterrolebindings",
        "namespaces",
        "nodes",
    }
    assert {verb for _, resource, verb in granted if resource == "pods"} == {"list", "watch"}


def test_every_right_is_asked_for_once(helm: Helm) -> None:
    for role in of_kind(helm.objects(*EVERYTHING), "Role"):
        named = [
            (group, resource, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        ]
        assert len(named) == len(set(named)), role["metadata"]["name"]


def test_the_lease_is_the_only_one_it_may_change(helm: Helm) -> None:
    objects = helm.objects("leaderElection.leaseName=mine")
    role = next(r for r in of_kind(objects, "Role") if r["metadata"]["name"].endswith("-leader"))
    assert role["metadata"]["namespace"] == "home"
    limited = [rule for rule in role["rules"] if rule["verbs"] != ["create"]]
    assert [rule["resourceNames"] for rule in limited] == [["mine"]]
    assert environment(objects)["DIGITAL_HUMAN_OPERATOR_LEASE_NAME"] == "mine"


def test_it_holds_what_it_grants_to_the_pods(helm: Helm) -> None:
    granted = rights(helm.objects(), "Role")
    assert {("", "configmaps", "get"), ("", "configmaps", "watch")} <= granted
    assert {("batch", "jobs", "get"), ("batch", "jobs", "patch")} <= granted


def test_namespaced_scope_has_nothing_cluster_wide_but_the_crds(helm: Helm) -> None:
    objects = helm.objects()
    assert {o["kind"] for o in objects} & CLUSTER_SCOPED == {CRDS}
    assert environment(objects)["DIGITAL_HUMAN_OPERATOR_NAMESPACES"] == "home"
    assert not {o["kind"] for o in helm.objects("crds.enabled=false")} & CLUSTER_SCOPED


def test_namespaced_scope_has_a_role_in_each_namespace(helm: Helm) -> None:
    objects = helm.objects("namespaces={tenant-b,tenant-a}")
    places = {
        (o["kind"], o["metadata"]["namespace"])
        for o in of_kind(objects, "Role", "RoleBinding")
        if not o["metadata"]["name"].endswith("-leader")
    }
    kinds, names = ("Role", "RoleBinding"), ("tenant-a", "tenant-b")
    assert places == {(kind, name) for kind in kinds for name in names}
    assert environment(objects)["DIGITAL_HUMAN_OPERATOR_NAMESPACES"] == "tenant-a,tenant-b"
    subjects = {s["namespace"] for o in of_kind(objects, "RoleBinding") for s in o["subjects"]}
    assert subjects == {"home"}


def test_cluster_scope_grants_the_same_rules(helm: Helm) -> None:
    objects = helm.objects("scope=cluster")
    name = "-operator"
    assert rights(objects, "ClusterRole", name) == rights(helm.objects(), "Role", name)
    assert environment(objects)["DIGITAL_HUMAN_OPERATOR_NAMESPACES"] == ""
    users = {o["metadata"]["name"].rsplit("-", 1)[1] for o in of_kind(objects, "ClusterRole")}
    assert users == {"operator", "view", "edit"}


@pytest.mark.parametrize(
    ("setting", "api", "group"),
    [
        ("integrations.gatewayApi", ROUTES, "gateway.networking.k8s.io"),
        ("integrations.prometheusOperator", MONITORS, "monitoring.coreos.com"),
    ],
)
def test_integrations_follow_the_cluster_or_the_values(
    helm: Helm, setting: str, api: str, group: str
) -> None:
    def granted(*settings: str, api_versions: tuple[str, ...] = ()) -> bool:
        objects = helm.objects(*settings, api_versions=api_versions)
        return group in {found[0] for found in rights(objects, "Role")}

    assert not granted()
    assert granted(api_versions=(api,))
    assert granted(f"{setting}=enabled")
    assert not granted(f"{setting}=disabled", api_versions=(api,))


def test_pods_are_restricted(helm: Helm) -> None:
    pod = only(helm.objects(), "Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert only(helm.objects(), "ServiceAccount")["automountServiceAccountToken"] is False


def test_a_digest_wins_over_a_tag(helm: Helm) -> None:
    digest = "sha256:" + "ab" * 32
    objects = helm.objects(f"image.digest={digest}", f"operands.redis.digest={digest}")
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"docker.io/aiqtoolkit/digital-human-operator@{digest}"
    redis = environment(objects)["DIGITAL_HUMAN_OPERATOR_REDIS_IMAGE"]
    assert redis == f"docker.io/library/redis@{digest}"


def test_a_budget_never_blocks_a_drain(helm: Helm) -> None:
    assert only(helm.objects(), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert not of_kind(helm.objects("replicas=1"), "PodDisruptionBudget")


def test_selectors_find_the_pods(helm: Helm) -> None:
    objects = helm.objects(*EVERYTHING, "podLabels.team=avatars")
    template = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert template["team"] == "avatars"
    selectors = [
        only(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        only(objects, "Service")["spec"]["selector"],
        only(objects, "PodMonitor")["spec"]["selector"]["matchLabels"],
        only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= template.items()


def test_crds_are_those_of_the_repository(helm: Helm) -> None:
    committed = {
        found["metadata"]["name"]: found["spec"]
        for found in (yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml"))
    }
    objects = of_kind(helm.objects(), CRDS)
    assert {o["metadata"]["name"]: o["spec"] for o in objects} == committed
    kept = {o["metadata"]["annotations"]["helm.sh/resource-policy"] for o in objects}
    assert kept == {"keep"}
    for found in of_kind(helm.objects("crds.keep=false"), CRDS):
        assert not found["metadata"].get("annotations")


@pytest.mark.parametrize("settings", [(), ("scope=cluster",), ("crds.enabled=false",)])
def test_notes_say_what_to_do_next(helm: Helm, settings: tuple[str, ...]) -> None:
    sets = [part for setting in settings for part in ("--set", setting)]
    name = "digital-human"
    notes = helm(
        "install",
        name,
        str(CHART),
        "--namespace",
        "home",
        "--dry-run=client",
        "--disable-openapi-validation",
        *sets,
    )
    assert "kubectl wait" in notes
    assert "rollout status deployment/digital-human" in notes


@pytest.mark.parametrize("settings", [(), ("scope=cluster", "logging.level=debug")])
def test_the_operator_understands_its_environment(
    helm: Helm, settings: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = environment(helm.objects(*settings))
    assert {name.removeprefix(PREFIX).lower() for name in given} <= set(Settings.model_fields)
    for name, value in given.items():
        monkeypatch.setenv(name, value if value is not None else "from-the-pod")
    found = Settings()
    assert found.namespaces == (() if settings else ("home",))
    assert found.metrics_address.endswith(":8080")
    assert found.images.runtime == "docker.io/aiqtoolkit/digital-human:0.1.0"
    assert found.images.runtime_gpu == "docker.io/aiqtoolkit/digital-human:0.1.0-gpu"


def test_the_operator_may_use_every_kind_that_it_knows(helm: Helm) -> None:
    enabled = ("integrations.gatewayApi=enabled", "integrations.prometheusOperator=enabled")
    granted = rights(helm.objects(*enabled), "Role", "-operator")
    for resource in (*CHILDREN, *OPTIONAL):
        verbs = {
            verb
            for group, name, verb in granted
            if (group, name) == (resource.group, resource.plural)
        }
        assert verbs == {"create", "delete", "get", "list", "patch", "watch"}, resource
    for resource in OWN:
        verbs = {
            verb
            for group, name, verb in granted
            if (group, name) == (resource.group, resource.plural)
        }
        assert {"list", "watch"} <= verbs, resource
