"""Objects for tests with real Pods; all of them pass restricted Pod security."""

from typing import Any

SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
NODE_ONLY = {"kubernetes.io/hostname": "node-0"}


def container(image: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """A container of the probe."""
    return {
        "name": "main",
        "image": image,
        "args": list(arguments),
        "securityContext": SECURITY,
        **more,
    }


def pod(name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A Pod that ends when it is told to."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    limits = {"terminationGracePeriodSeconds": 2, "nodeSelector": NODE_ONLY}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**limits, **spec}}


def web(image: str, namespace: str, replicas: int) -> list[dict[str, Any]]:
    """A Deployment that serves, and its Service."""
    ready = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}
    ports = [{"name": "http", "containerPort": 8080}]
    serving = container(image, "serve", ":8080", readinessProbe=ready, ports=ports)
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [serving],
            "nodeSelector": NODE_ONLY,
            "terminationGracePeriodSeconds": 2,
        },
    }
    metadata = {"name": "web", "namespace": namespace}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    return [deployment, service]


def claim(name: str, namespace: str) -> dict[str, Any]:
    """A claim of the default class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
