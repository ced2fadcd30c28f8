"""Kubeconfigs for ServiceAccounts: programs outside the cluster run with the chart's own rights."""

import os
from pathlib import Path
from typing import Any

import yaml

from tools.cluster.errors import ClusterError
from tools.cluster.kubectl import Kubectl


def service_account_kubeconfig(
    admin_kubeconfig: Path, namespace: str, name: str, path: Path, hours: int = 8
) -> Path:
    """Write a kubeconfig (mode 0600) with a fresh token of a ServiceAccount that exists.

    Its current context works in `namespace`. Raises ClusterError when the account is missing.
    """
    kubectl = Kubectl(admin_kubeconfig)
    duration = f"--duration={hours}h"
    token = kubectl("create", "token", name, "--namespace", namespace, duration).strip()
    view = yaml.safe_load(kubectl("config", "view", "--minify", "--flatten", "--raw"))
    cluster = view["clusters"][0]["cluster"]
    write_private(path, yaml.safe_dump(_kubeconfig(cluster, namespace, name, token)))
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.tmp")
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
        scratch.rename(path)
    except OSError as error:
        raise ClusterError(f"{path} cannot be written: {error.strerror}.") from error


def _kubeconfig(cluster: dict[str, Any], namespace: str, name: str, token: str) -> dict[str, Any]:
    """Return a kubeconfig with one cluster, one user and one context."""
    context = {"cluster": "local", "user": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }
