"""The Job that fetches the weights into the models claim, once per source and revision."""

from __future__ import annotations

import json
from hashlib import sha256

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.mind import ModelSource
from digital_human_operator.api.v1alpha1.world import ModelStorage
from digital_human_operator.human import Design, Human

from .common import (
    Manifest,
    container_security,
    image_pull_secrets,
    manifest,
    pod_security,
    scratch_volume,
    without_empty,
)
from .identity import fetch_account
from .placement import nodes_of, tolerations

DEADLINE = 24 * 3600
"""Seconds that a fetch may take, retries included."""
TOOL = "digital-human-models"
"""Fetches weights; it is part of the runtime's image, whose entry point is the runtime."""


def fetch_job(human: Human, design: Design) -> Manifest | None:
    """The Job; None when nothing has to be fetched."""
    engine = human.spec.llm.transformers
    if design.fetch_digest is None or engine is None or engine.source is None:
        return None
    name = names.fetch(human.name, design.fetch_digest)
    spec = {
        "backoffLimit": 6,
        "activeDeadlineSeconds": DEADLINE,
        "template": {
            "metadata": {"labels": names.labels(human.name, names.FETCH)},
            "spec": {
                "restartPolicy": "OnFailure",
                "serviceAccountName": fetch_account(human),
                "automountServiceAccountToken": True,
                "enableServiceLinks": False,
                "imagePullSecrets": image_pull_secrets(human),
                "securityContext": pod_security(),
                **_placement(human, design),
                "containers": [_container(human, design, engine.source, name)],
                "volumes": [
                    {
                        "name": "models",
                        "persistentVolumeClaim": {"claimName": design.models_claim},
                    },
                    scratch_volume("tmp", "1Gi"),
                ],
            },
        },
    }
    annotations = {names.ANNOTATION_TEMPLATE: _digest(spec)}
    return manifest(human, "batch/v1", "Job", name, names.FETCH, annotations=annotations, spec=spec)


def _placement(human: Human, design: Design) -> Manifest:
    """
    Where the fetch runs: with a volume of one node or zone, where the runtime can follow.

    The first Pod of a volume decides the zone of it; a fetch in a zone without GPUs would leave the
    runtime without a node for ever.
    """
    storage = human.spec.storage.models or ModelStorage()
    if storage.access_mode == "ReadWriteMany":
        return {"tolerations": tolerations(human.spec.placement)}
    return nodes_of(human.spec.placement, design.nodes)


def _digest(spec: Manifest) -> str:
    return sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:32]


def _container(human: Human, design: Design, source: ModelSource, job: str) -> Manifest:
    arguments = ["fetch", *_source_arguments(source), "--into", f"/models/{design.fetch_digest}"]
    arguments += ["--progress-job", f"{human.namespace}/{job}"]
    found: Manifest = without_empty(
        {
            "name": "fetch",
            "image": design.images.runtime,
            "imagePullPolicy": design.images.pull_policy,
            "command": [TOOL],
            "args": arguments,
            "env": _credentials(source),
            "resources": {
                "requests": {"cpu": "500m", "memory": "512Mi"},
                "limits": {"memory": "2Gi"},
            },
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": "models", "mountPath": "/models"},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a folder of the container
            ],
        }
    )
    return found


def _source_arguments(source: ModelSource) -> list[str]:
    """What to fetch, as arguments: no shell ever sees them."""
    if source.object_store is not None:
        store = source.object_store
        given = {
            "--from": store.url,
            "--revision": store.revision,
            "--endpoint": store.endpoint,
            "--region": store.region,
        }
    elif source.hugging_face is not None:
        hub = source.hugging_face
        given = {
            "--from": f"hf://{hub.repository}",
            "--revision": hub.revision,
            "--endpoint": hub.endpoint,
        }
    else:
        given = {}
    return [word for name, value in given.items() if value for word in (name, value)]


def _credentials(source: ModelSource) -> list[Manifest]:
    if source.object_store is not None and source.object_store.credentials_secret is not None:
        return s3_credentials(source.object_store.credentials_secret)
    hub = source.hugging_face
    if hub is not None and hub.token_secret is not None:
        ref = {"name": hub.token_secret.name, "key": hub.token_secret.key}
        return [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": ref}}]
    return []


def s3_credentials(secret: str) -> list[Manifest]:
    """The two variables that every S3 client reads."""
    return [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    ]
