"""The Deployment of the runtime."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.body import EnvVar
from digital_human_operator.human import Design, Human

from . import config
from .common import (
    Manifest,
    container_security,
    image_pull_secrets,
    manifest,
    pod_security,
    seconds,
    without_empty,
)
from .placement import placement
from .volumes import runtime_volumes

DRAIN_MARGIN = 30
"""Seconds of the grace period beyond the drain deadline, for closing what is left."""
ENDPOINT_DELAY = 10
"""Seconds until load balancers and proxies have noticed that a Pod leaves."""
START_SECONDS = 300
"""What the startup probe allows: the deployment guide's 30 tries, 10 seconds apart."""


def deployment(human: Human, design: Design) -> Manifest:
    """The runtime; ``replicas`` is left out while an autoscaler owns it."""
    return manifest(
        human,
        "apps/v1",
        "Deployment",
        human.name,
        names.RUNTIME,
        spec={
            "replicas": design.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": START_SECONDS + 600,
            "selector": {"matchLabels": names.selector(human.name, names.RUNTIME)},
            "strategy": _strategy(human),
            "template": _template(human, design),
        },
    )


def _strategy(human: Human) -> Manifest:
    rollout = human.spec.rollout
    if rollout.recreate is not None:
        return {"type": "Recreate"}
    rolling = rollout.rolling
    surge, missing = (rolling.max_surge, rolling.max_unavailable) if rolling else (1, 0)
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": _number(surge), "maxUnavailable": _number(missing)},
    }


def _number(value: int | str) -> int | str:
    return int(value) if str(value).isdigit() else value


def _template(human: Human, design: Design) -> Manifest:
    spec = human.spec
    volumes, mounts = runtime_volumes(human, design)
    annotations = {
        **spec.pod_template.annotations,
        names.ANNOTATION_CONFIG: config.digest(human, design),
    }
    references = design.digests.get(names.RUNTIME)
    if references:
        annotations[names.ANNOTATION_REFERENCES] = references
    labels = names.selector(human.name, names.RUNTIME)
    drain = seconds(spec.sessions.drain_deadline)
    return {
        "metadata": {
            "labels": {**spec.pod_template.labels, **names.labels(human.name, names.RUNTIME)},
            "annotations": annotations,
        },
        "spec": {
            "serviceAccountName": human.name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": image_pull_secrets(human),
            "terminationGracePeriodSeconds": drain + DRAIN_MARGIN,
            "securityContext": pod_security(),
            **placement(spec.placement, labels, design.nodes),
            "containers": [_container(human, design, mounts)],
            "volumes": volumes,
        },
    }


def _container(human: Human, design: Design, mounts: list[Manifest]) -> Manifest:
    found: Manifest = without_empty(
        {
            "name": "runtime",
            "image": design.image,
            "imagePullPolicy": design.images.pull_policy,
            "ports": [
                _port("http", names.PORT_HTTP),
                _port("websocket", names.PORT_WEBSOCKET),
                _port("grpc", names.PORT_GRPC),
                _port("health", names.PORT_HEALTH),
            ],
            "env": _environment(human),
            "resources": _resources(design),
            "startupProbe": _probe("startup", period=10, timeout=10, failures=30),
            "livenessProbe": _probe("live", delay=30, period=10, timeout=5, failures=3),
            "readinessProbe": _probe("ready", delay=10, period=5, timeout=3, failures=3)
            | {"successThreshold": 2},
            "lifecycle": {"preStop": {"sleep": {"seconds": ENDPOINT_DELAY}}},
            "securityContext": container_security(),
            "volumeMounts": mounts,
        }
    )
    return found


def _port(name: str, number: int) -> Manifest:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def _probe(path: str, *, period: int, timeout: int, failures: int, delay: int = 0) -> Manifest:
    """The deployment guide's probe; a delay of 0 is left out, as the API server leaves it out."""
    probe: Manifest = {
        "httpGet": {"path": f"/health/{path}", "port": "health", "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }
    return probe | ({"initialDelaySeconds": delay} if delay else {})


def _resources(design: Design) -> Manifest:
    gpu = {design.nodes.resource: str(design.nodes.count)} if design.nodes.resource else {}
    return {"requests": {**design.requests, **gpu}, "limits": {**design.limits, **gpu}}


def _environment(human: Human) -> list[Manifest]:
    """The guide's variables, where the configuration is, and the user's own."""
    spec = human.spec
    model = (
        spec.llm.transformers.model
        if spec.llm.transformers
        else spec.llm.open_ai.model
        if spec.llm.open_ai
        else "builtin"
    )
    address = config.face_address(human)
    found: list[Manifest] = [
        {"name": "DIGITAL_HUMAN_CONFIG", "value": f"/etc/digital-human/{config.FILE}"},
        {"name": "MODEL_NAME", "value": model},
        {"name": "AUDIO2FACE_ENABLED", "value": "true" if address else "false"},
        {
            "name": "POD_NAME",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}},
        },
    ]
    if address:
        found.append({"name": "AUDIO2FACE_SERVER", "value": address})
    own = {variable.name for variable in spec.pod_template.env}
    return [v for v in found if v["name"] not in own] + [
        _variable(variable) for variable in spec.pod_template.env
    ]


def _variable(variable: EnvVar) -> Manifest:
    for field, ref in (
        ("secretKeyRef", variable.secret_key_ref),
        ("configMapKeyRef", variable.config_map_key_ref),
    ):
        if ref is not None:
            return {
                "name": variable.name,
                "valueFrom": {field: {"name": ref.name, "key": ref.key}},
            }
    return {"name": variable.name, "value": variable.value or None}
