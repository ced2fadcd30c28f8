"""The CronJobs that back up the human and prove the backups by restoring them."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.care import Backup, BackupDestination
from digital_human_operator.human import Design, Human

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
from .fetch import s3_credentials
from .placement import tolerations
from .volumes import redis_password

_SECRETS = "/var/run/secrets/digital-human"
_LATE = 3600
"""Seconds by which a missed run may still start."""


def backup_cron_job(human: Human, backup: Backup, design: Design) -> Manifest:
    """Backups on schedule; not while the human is suspended, when nothing changes."""
    arguments = ["backup", "run", "--human", human.name]
    arguments += [word for part in sorted(backup.include) for word in ("--include", part)]
    arguments += ["--keep-days", str(backup.retention.days)]
    arguments += ["--keep-minimum", str(backup.retention.minimum)]
    return _cron_job(human, backup, design, names.BACKUP, backup.schedule, arguments)


def drill_cron_job(human: Human, backup: Backup, design: Design) -> Manifest | None:
    """Restores into a scratch volume; None when no drill is asked for."""
    if backup.drill is None:
        return None
    arguments = ["drill", "run", "--human", human.name, "--scratch", "/scratch"]
    return _cron_job(human, backup, design, names.DRILL, backup.drill.schedule, arguments)


def _cron_job(  # noqa: PLR0917 - one caller each, in the order of the spec
    human: Human,
    backup: Backup,
    design: Design,
    component: str,
    schedule: str,
    arguments: list[str],
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
                "spec": {
                    "backoffLimit": 2,
                    "activeDeadlineSeconds": 6 * 3600,
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": _pod(human, backup, design, component, arguments),
                    },
                },
            },
        },
    )


def _pod(
    human: Human, backup: Backup, design: Design, component: str, arguments: list[str]
) -> Manifest:
    volumes, mounts = _volumes(human, backup, design, component)
    secret = backup.destination.s3.credentials_secret if backup.destination.s3 else None
    container = {
        "name": "backup",
        "image": design.images.tools,
        "imagePullPolicy": design.images.pull_policy,
        "args": arguments + _destination(backup.destination) + _files(human, backup, component),
        "env": s3_credentials(secret) if secret else [],
        "resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        },
        "securityContext": container_security(),
        "volumeMounts": mounts,
    }
    found: Manifest = without_empty(
        {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "serviceAccountName": human.name,
            "imagePullSecrets": image_pull_secrets(human),
            "securityContext": pod_security(),
            "tolerations": tolerations(human.spec.placement),
            "containers": [container],
            "volumes": volumes,
        }
    )
    return found


def _destination(destination: BackupDestination) -> list[str]:
    """Where to, as arguments: no shell ever sees them."""
    if destination.s3 is None:
        return ["--to", "file:///backups"]
    s3 = destination.s3
    prefix = s3.prefix.strip("/")
    url = f"s3://{s3.bucket}/{prefix}" if prefix else f"s3://{s3.bucket}"
    given = {"--to": url, "--endpoint": s3.endpoint, "--region": s3.region}
    return [word for name, value in given.items() if value for word in (name, value)]


def _files(human: Human, backup: Backup, component: str) -> list[str]:
    found = []
    if backup.encryption is not None:
        found += ["--key-file", f"{_SECRETS}/encryption/key"]
    if component == names.BACKUP and redis_password(human) is not None:
        found += ["--redis-password-file", f"{_SECRETS}/redis/password"]
    return found


def _volumes(
    human: Human, backup: Backup, design: Design, component: str
) -> tuple[list[Manifest], list[Manifest]]:
    volumes: list[Manifest] = [scratch_volume("tmp", "2Gi")]
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - container's own

    def add(volume: Manifest, path: str, *, read_only: bool = False) -> None:
        volumes.append(volume)
        mount: Manifest = {"name": volume["name"], "mountPath": path}
        mounts.append(mount | ({"readOnly": True} if read_only else {}))

    if backup.destination.persistent_volume_claim is not None:
        claim = backup.destination.persistent_volume_claim.claim_name
        add({"name": "backups", "persistentVolumeClaim": {"claimName": claim}}, "/backups")
    if backup.encryption is not None:
        ref = backup.encryption.key_secret
        files = secret_volume("encryption", ref.name, {ref.key: "key"})
        add(files, f"{_SECRETS}/encryption", read_only=True)
    password = redis_password(human) if component == names.BACKUP else None
    if password is not None:
        files = secret_volume("redis", password[0], {password[1]: "password"})
        add(files, f"{_SECRETS}/redis", read_only=True)
    if component == names.DRILL and backup.drill is not None:
        add(scratch_volume("scratch", backup.drill.scratch_storage), "/scratch")
    elif "models" in backup.include and design.models_claim is not None:
        models = {"claimName": design.models_claim, "readOnly": True}
        add({"name": "models", "persistentVolumeClaim": models}, "/models", read_only=True)
    return volumes, mounts
