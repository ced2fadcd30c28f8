"""Who the Pods are towards the API server: ServiceAccounts with next to no rights."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.human import Design, Human

from .common import Manifest, manifest

_RBAC = "rbac.authorization.k8s.io"


def service_account(human: Human) -> Manifest:
    """The identity of the runtime; the annotations carry a cloud's workload identity."""
    return manifest(
        human,
        "v1",
        "ServiceAccount",
        human.name,
        names.RUNTIME,
        annotations=human.spec.security.service_account_annotations,
        automountServiceAccountToken=False,
    )


def role(human: Human) -> Manifest:
    """The runtime may follow its own configuration, by name, and nothing else."""
    rules = [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [names.config(human.name)],
            "verbs": ["get", "watch"],
        }
    ]
    return manifest(human, f"{_RBAC}/v1", "Role", human.name, names.RUNTIME, rules=rules)


def role_binding(human: Human) -> Manifest:
    """Gives the role to the runtime."""
    return _binding(human, human.name, names.RUNTIME)


def fetch_identity(human: Human, design: Design) -> list[Manifest]:
    """The fetch Job may note its progress on itself; nothing when nothing is fetched."""
    if design.fetch_digest is None:
        return []
    name = fetch_account(human)
    rules = [
        {
            "apiGroups": ["batch"],
            "resources": ["jobs"],
            "resourceNames": [names.fetch(human.name, design.fetch_digest)],
            "verbs": ["get", "patch"],
        }
    ]
    annotations = human.spec.security.service_account_annotations
    return [
        manifest(
            human,
            "v1",
            "ServiceAccount",
            name,
            names.FETCH,
            annotations=annotations,
            automountServiceAccountToken=False,
        ),
        manifest(human, f"{_RBAC}/v1", "Role", name, names.FETCH, rules=rules),
        _binding(human, name, names.FETCH),
    ]


def fetch_account(human: Human) -> str:
    """Name of the identity of the fetch Job."""
    return f"{human.name}-fetch"


def _binding(human: Human, name: str, component: str) -> Manifest:
    return manifest(
        human,
        f"{_RBAC}/v1",
        "RoleBinding",
        name,
        component,
        roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": human.namespace}],
    )
