"""
The CronJobs that back up the human and prove the backups by restoring them, and single backups.

Each container leaves what it tells as its last word, where status finds it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.care import Backup, BackupDestination
from digital_human_operator.human import REDIS_SHARE, Design, Human, Request

from .common import (
    Manifest,
    container_security,
    image_pull_secrets,
    manifest,
    pod_security,
    scratch_volume,
    secret_volume,
    without_empty,
)
from .config import FILE
from .objects import HUMAN_FILE, NEEDS_FILE
from .placement import tolerations
from .volumes import redis_password

TOOL = "digital-human-backup"
_SECRETS = "/var/run/secrets/digital-human"
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_STYLES = {"Path": "path", "VirtualHost": "virtual"}
_CHECKSUMS = {"WhenSupported": "when_supported", "WhenRequired": "when_required"}
_SSE = {"AES256": "AES256", "KMS": "aws:kms"}
_LATE = 3600
"""Seconds by which a missed run may still start."""
_LAST_WORD = "/dev/termination-log"
"""What a container writes here stays in its Pod's status."""
_MEMORY, _SCRATCH, _OWN = 1024, 2048, 512
"""MiB of a container and of its folder for files, and what of it is for the tool itself."""
_MOST_SECONDS = 6 * 3600
_RESTORE_SECONDS = 3600
"""The human has no Pods meanwhile."""
_READING = "reading"
"""Restores that only read the object."""
_READING_SECONDS = 900
_OF_REQUESTS = frozenset({names.LABEL_BACKUP, names.LABEL_RESTORE})
_PIECES = 3
"""A Pod's last words have 12 KiB: more containers get less each."""
_FINAL_CODES = [2, 3, 4]
"""Exit codes of the tool after which another try cannot help: arguments, refused, damaged."""


def backup_cron_job(human: Human, backup: Backup, design: Design) -> Manifest | None:
    """
    Backups on schedule; not while the human is suspended, when nothing changes.

    One container after the other: make one, read it back, remove old ones. None when there is
    nothing that this version backs up.
    """
    sources = _sources(human, backup, design)
    if not sources:
        return None
    prune = ["prune", "--keep-days", str(backup.retention.days)]
    prune += ["--keep-minimum", str(backup.retention.minimum), *_place(human, backup)]
    pod = _making(human, backup, design, sources, prune)
    found = _cron_job(human, backup, design, names.BACKUP, backup.schedule, pod)
    # What its Jobs do is told of each of them, and the human's spec may be another one by then.
    said = backup.model_dump_json(by_alias=True, exclude_none=True, include={*names.SAID})
    found["spec"]["jobTemplate"]["metadata"]["annotations"] = {names.ANNOTATION_SAID: said}
    return found


def backup_job(human: Human, backup: Backup, design: Design, request: Request) -> Manifest | None:
    """
    One backup on request: make it, read it back; nothing is removed.

    ``backup`` is the human's with what the request says otherwise. None when there is nothing that
    this version backs up.
    """
    sources = _sources(human, backup, design)
    if not sources:
        return None
    labels = names.labels(human.name, names.BACKUP) | {names.LABEL_BACKUP: request.name}
    if request.usual:
        labels |= {names.LABEL_UID: human.uid}
    spec = _job(labels, _making(human, backup, design, sources))
    return _on_request(human, request, names.backup_run(request.name), spec)


def restore_job(
    human: Human, backup: Backup, design: Design, request: Request, backup_id: str
) -> Manifest:
    """
    Bring the sessions of one backup back into the managed Redis, which follows this Pod meanwhile.

    ``human`` has the uid under which the backup lies.
    """
    labels = names.labels(human.name, names.RESTORE) | {names.LABEL_RESTORE: request.name}
    words = ["restore", backup_id, "--part", "sessions", *_redis(human), "--listen", "$(POD_IP)"]
    words += ["--human", human.name]
    words += [*_key(backup), *_place(human, backup)]
    volumes, mounts = _volumes(human, backup, design, names.RESTORE)
    container = _container("restore", words, design, mounts)
    container["env"] = [
        {
            "name": "POD_IP",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}},
        }
    ]
    spec = _job(labels, _pod(human, volumes, [container]), _RESTORE_SECONDS)
    return _on_request(human, request, names.restore_run(request.name), spec)


@dataclass(frozen=True)
class Reading:
    """One reading of a human's object."""

    backup: str
    """Id of the backup."""
    account: str
    """The identity towards the store."""
    number: int = 1
    """How often it was read, with this time."""


def reading_job(
    human: Human, backup: Backup, design: Design, request: Request, reading: Reading
) -> Manifest:
    """
    Read the object of a human from a backup; each container tells a piece of it.

    ``human`` has the name of the clone and the uid under which the backup lies.
    """
    labels = names.labels(human.name, names.RESTORE) | {names.LABEL_RESTORE: request.name}
    volumes, mounts = _volumes(human, backup, design, _READING)
    words = ["objects", reading.backup, *_key(backup), *_place(human, backup)]
    containers = [
        _container(f"read-{piece}", [*words, "--piece", str(piece)], design, mounts)
        for piece in range(_PIECES)
    ]
    pod = _pod(human, volumes, containers) | {"serviceAccountName": reading.account}
    spec = _job(labels, pod, _READING_SECONDS)
    name = names.reading_run(request.name, reading.number)
    return _on_request(human, request, name, spec)


def _on_request(human: Human, request: Request, name: str, spec: Manifest) -> Manifest:
    """The Job of a request, which goes with it; it has the labels of its Pods."""
    labels = spec["template"]["metadata"]["labels"]
    kind = ("batch/v1", "Job", name, labels[names.LABEL_COMPONENT])
    of_request = {key: value for key, value in labels.items() if key in _OF_REQUESTS}
    found = manifest(human, *kind, labels=of_request, owned=False, spec=spec)
    found["metadata"]["ownerReferences"] = [request.owner()]
    return found


def _making(
    human: Human, backup: Backup, design: Design, sources: list[str], *last: list[str]
) -> Manifest:
    """The Pod that makes a backup, reads it back, and does what comes last."""
    place, key = _place(human, backup), _key(backup)
    create = ["create", "--human", human.name, *sources, *key, *place]
    # It was loaded into a scratch server before it was sent: that need not be done twice.
    verify = ["verify", "--no-load", *key, *place]
    volumes, mounts = _volumes(human, backup, design, names.BACKUP)
    verbs = (create, verify, *last)
    return _pod(human, volumes, [_container(verb[0], verb, design, mounts) for verb in verbs])


def drill_cron_job(human: Human, backup: Backup, design: Design) -> Manifest | None:
    """Restores into a scratch volume; None when no drill is asked for, or nothing backed up."""
    if backup.drill is None or not _sources(human, backup, design):
        return None
    arguments = ["restore", "--into", "/scratch/restored", "--scratch", "/scratch"]
    arguments += [*_key(backup), *_place(human, backup)]
    volumes, mounts = _volumes(human, backup, design, names.DRILL)
    pod = _pod(human, volumes, [_container("restore", arguments, design, mounts)])
    return _cron_job(human, backup, design, names.DRILL, backup.drill.schedule, pod)


def _cron_job(  # noqa: PLR0917 - one caller each, in the order of the spec
    human: Human, backup: Backup, design: Design, component: str, schedule: str, pod: Manifest
) -> Manifest:
    name = names.backup(human.name) if component == names.BACKUP else names.drill(human.name)
    labels = names.labels(human.name, component)
    return manifest(
        human,
        "batch/v1",
        "CronJob",
        name,
        component,
        spec={
            "schedule": schedule,
            "timeZone": backup.time_zone,
            "suspend": design.suspended,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATE,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": labels},
                "spec": _job(labels | {names.LABEL_UID: human.uid}, pod),
            },
        },
    )


def _job(labels: dict[str, str], pod: Manifest, seconds: int = _MOST_SECONDS) -> Manifest:
    """The spec of a Job."""
    final = {"operator": "In", "values": _FINAL_CODES}
    return {
        "backoffLimit": 2,
        "activeDeadlineSeconds": seconds,
        "podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": final}]},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _pod(human: Human, volumes: list[Manifest], containers: Sequence[Manifest]) -> Manifest:
    *first, last = containers
    found: Manifest = without_empty(
        {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "serviceAccountName": human.name,
            "imagePullSecrets": image_pull_secrets(human),
            "securityContext": pod_security(),
            "tolerations": tolerations(human.spec.placement),
            "initContainers": first,
            "containers": [last],
            "volumes": volumes,
        }
    )
    return found


def _container(name: str, arguments: list[str], design: Design, mounts: list[Manifest]) -> Manifest:
    return {
        "name": name,
        "image": design.images.tools,
        "imagePullPolicy": design.images.pull_policy,
        "command": [TOOL],
        "args": [*arguments, "--output", "json", "--result", _LAST_WORD],
        "resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"memory": _room(design, 1, _MEMORY)},
        },
        "securityContext": container_security(),
        "volumeMounts": mounts,
    }


def _room(design: Design, times: int, least: int) -> str:
    """MiB for the sessions so many times, and for the tool; as much as usual where that is less."""
    memory = (design.redis_max_memory or 0) / REDIS_SHARE / 2**20
    wanted = max(least, _OWN + times * math.ceil(memory))
    return f"{wanted // 1024}Gi" if wanted % 1024 == 0 else f"{wanted}Mi"


def _sources(human: Human, backup: Backup, design: Design) -> list[str]:
    """What is backed up, as arguments; an external Redis is backed up by its owner."""
    found = []
    if "models" in backup.include and design.models_claim is not None:
        found += ["--models", "/models"]
    if "config" in backup.include:
        found += ["--config", "/config"]
    if "objects" in backup.include:
        found += ["--objects", "/objects"]
    redis = human.spec.sessions.store.redis
    if "sessions" in backup.include and redis is not None and redis.managed is not None:
        found += _redis(human)
    return found


def _redis(human: Human) -> list[str]:
    """The managed Redis, as arguments."""
    host = f"{names.redis(human.name)}.{human.namespace}.svc"
    return [
        "--redis",
        f"redis://{host}:{names.PORT_REDIS}",
        "--redis-password-file",
        f"{_SECRETS}/redis/password",
    ]


def _place(human: Human, backup: Backup) -> list[str]:
    """Where the backups lie, as arguments: no shell ever sees them."""
    return ["--uid", human.uid, *_store(backup.destination)]


def _store(destination: BackupDestination) -> list[str]:
    if destination.s3 is None:
        return ["--store", "file:///backups"]
    s3 = destination.s3
    prefix = s3.prefix.strip("/")
    url = f"s3://{s3.bucket}/{prefix}" if prefix else f"s3://{s3.bucket}"
    folder = f"{_SECRETS}/s3" if s3.credentials_secret is not None else None
    authority = f"{_SECRETS}/s3-ca/ca.crt" if s3.ca_secret is not None else None
    given = {
        "--store": url,
        "--endpoint": s3.endpoint,
        "--region": s3.region,
        "--s3-credentials": folder,
        "--s3-ca-file": authority,
        "--s3-style": _STYLES[s3.addressing] if s3.addressing else None,
        "--s3-checksums": _CHECKSUMS[s3.checksums] if s3.checksums else None,
        "--s3-sse": _SSE[s3.server_side_encryption] if s3.server_side_encryption else None,
        "--s3-sse-key-id": s3.kms_key_id,
    }
    return [word for name, value in given.items() if value for word in (name, value)]


def _key(backup: Backup) -> list[str]:
    return ["--key-file", f"{_SECRETS}/encryption/key"] if backup.encryption is not None else []


def _volumes(
    human: Human, backup: Backup, design: Design, component: str
) -> tuple[list[Manifest], list[Manifest]]:
    volumes: list[Manifest] = [scratch_volume("tmp", _room(design, 2, _SCRATCH))]
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - container's own

    def add(volume: Manifest, path: str, *, read_only: bool = False) -> None:
        volumes.append(volume)
        mount: Manifest = {"name": volume["name"], "mountPath": path}
        mounts.append(mount | ({"readOnly": True} if read_only else {}))

    for volume in _secrets(human, backup, component):
        add(volume, f"{_SECRETS}/{volume['name']}", read_only=True)
    if backup.destination.persistent_volume_claim is not None:
        claim = backup.destination.persistent_volume_claim.claim_name
        add({"name": "backups", "persistentVolumeClaim": {"claimName": claim}}, "/backups")
    if component in {names.RESTORE, _READING}:
        return volumes, mounts
    if component == names.DRILL and backup.drill is not None:
        add(scratch_volume("scratch", backup.drill.scratch_storage), "/scratch")
        return volumes, mounts
    if "config" in backup.include:
        config = _config_map("config", names.config(human.name), FILE)
        add(config, "/config", read_only=True)
    if "objects" in backup.include:
        objects = _config_map("objects", names.objects(human.name), HUMAN_FILE, NEEDS_FILE)
        add(objects, "/objects", read_only=True)
    if "models" in backup.include and design.models_claim is not None:
        models = {"claimName": design.models_claim, "readOnly": True}
        add({"name": "models", "persistentVolumeClaim": models}, "/models", read_only=True)
    return volumes, mounts


def _config_map(volume: str, name: str, *files: str) -> Manifest:
    items = [{"key": file, "path": file} for file in files]
    return {"name": volume, "configMap": {"name": name, "items": items}}


def _secrets(human: Human, backup: Backup, component: str) -> list[Manifest]:
    """Keys and passwords as files."""
    found = []
    s3 = backup.destination.s3
    if s3 is not None and s3.credentials_secret is not None:
        found.append(secret_volume("s3", s3.credentials_secret, {key: key for key in _CREDENTIALS}))
    if s3 is not None and s3.ca_secret is not None:
        found.append(secret_volume("s3-ca", s3.ca_secret.name, {s3.ca_secret.key: "ca.crt"}))
    if backup.encryption is not None:
        ref = backup.encryption.key_secret
        found.append(secret_volume("encryption", ref.name, {ref.key: "key"}))
    redis = human.spec.sessions.store.redis
    managed = redis is not None and redis.managed is not None
    wanted = component == names.RESTORE or "sessions" in backup.include
    password = redis_password(human) if managed and wanted else None
    if component in {names.BACKUP, names.RESTORE} and password is not None:
        found.append(secret_volume("redis", password[0], {password[1]: "password"}))
    return found
