"""Every name that is written into the cluster: labels, annotations, ports, suffixes of children."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256

GROUP = "aiqtoolkit.io"
FIELD_MANAGER = "digital-human-operator"
CLONE_MANAGER = "digital-human-restore"
HANDOVER_MANAGER = "digital-human-operator-handover"

RESOURCE_METRICS = "metrics.k8s.io"
CUSTOM_METRICS = "custom.metrics.k8s.io"

MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_HUMAN = f"{GROUP}/name"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_BACKUP = f"{GROUP}/backup"
"""On what is made for one DigitalHumanBackup: its name."""
LABEL_UID = f"{GROUP}/uid"
"""On Pods of backups and drills as the human's spec wants them: its uid, for Pods outlive it."""
LABEL_RESTORE = f"{GROUP}/restore"
"""On what is made for one DigitalHumanRestore: its name."""
LABEL_CRON_JOB = f"{GROUP}/cronjob"
"""On a DigitalHumanBackup of a scheduled run: the CronJob."""
LABEL_JOB = "batch.kubernetes.io/job-name"
CHILD_SELECTOR = f"{MANAGED_BY}={FIELD_MANAGER}"

FINALIZER = f"{GROUP}/final-backup"
"""Holds a human back until its last backup is made."""

ANNOTATION_REFERENCES = f"{GROUP}/references"
"""On Pod templates: digest of every Secret and ConfigMap that the Pod reads."""
ANNOTATION_CONFIG = f"{GROUP}/config"
"""On Pod templates: digest of the runtime's ConfigMap."""
ANNOTATION_TEMPLATE = f"{GROUP}/template"
"""On a Job, which cannot be changed: digest of what it was made from."""
ANNOTATION_CLONE = f"{GROUP}/clone-of"
"""On a DigitalHuman that a restore has made: the restore's uid."""
ANNOTATION_FETCH = f"{GROUP}/fetch-progress"
"""On the model-fetch Job, written by the Job: JSON with bytes, total and seconds left."""
ANNOTATION_ASKED = f"{GROUP}/backup-requested-at"
"""On a DigitalHuman: the token that asks for a backup; on the DigitalHumanBackup: for which one."""
ANNOTATION_JOB = f"{GROUP}/job"
"""On a DigitalHumanBackup of a scheduled run: the Job that it tells of."""
ANNOTATION_UID = f"{GROUP}/uid"
"""On the same, and on one that an annotation has asked for: uid of the human that it is of."""
SAID = ("include", "destination")
ANNOTATION_SAID = f"{GROUP}/backup-as"
"""On a Job of the CronJob: these two of what the human's spec said of backups, as JSON."""
ANNOTATION_RECORDED = f"{GROUP}/recorded-as"
"""On a Job of the CronJob: the DigitalHumanBackup that tells of it, or did until it was deleted."""
NOT_RECORDED = "-"
"""What that says where there is none and never will be: no object has such a name."""

PORT_HTTP = 8000
PORT_WEBSOCKET = 8080
PORT_GRPC = 50051
PORT_HEALTH = 9090
PORT_REDIS = 6379

CLAIM_OF_REDIS = "data"
"""The template of Redis' claim: a StatefulSet's never changes, so neither does this."""

REDIS_PASSWORD_KEY = "password"  # noqa: S105 - the name of a key
"""Key of the managed Redis' Secret that the runtime reads."""
REDIS_ACL_KEY = "users.acl"
"""Key of the same Secret that Redis itself reads: its access list."""

RUNTIME = "runtime"
FACE = "audio2face"
REDIS = "redis"
FETCH = "model-fetch"
BACKUP = "backup"
DRILL = "restore-drill"
RESTORE = "restore"


REDIS_SELECTOR = f"{LABEL_COMPONENT}={REDIS},{LABEL_HUMAN}"
"""
The claims of Redis. A StatefulSet gives its claims the labels of its selector only.

They lack the label of who manages them, so they are none of those that are applied or pruned.
"""


def headless(human: str) -> str:
    """The Service that names each Pod."""
    return f"{human}-headless"


def health(human: str) -> str:
    """The Service of the probe and metrics port."""
    return f"{human}-health"


def config(human: str) -> str:
    """The ConfigMap of the runtime."""
    return f"{human}-config"


def objects(human: str) -> str:
    """The ConfigMap with the human's own object, for its backups."""
    return f"{human}-objects"


def models(human: str) -> str:
    """The PersistentVolumeClaim that holds the weights."""
    return f"{human}-models"


def face(human: str) -> str:
    """The Audio2Face Deployment and Service."""
    return f"{human}-{FACE}"


def redis(human: str) -> str:
    """The Redis StatefulSet, Service and Secret."""
    return f"{human}-{REDIS}"


def redis_claim(human: str) -> str:
    """The claim that the StatefulSet controller makes for the one Pod of Redis."""
    return f"{CLAIM_OF_REDIS}-{redis(human)}-0"


def fetch(human: str, digest: str) -> str:
    """The Job that fetches one source at one revision."""
    return f"{human}-fetch-{digest[:8]}"


def backup(human: str) -> str:
    """The CronJob of scheduled backups."""
    return f"{human}-{BACKUP}"


def backup_run(backup: str) -> str:
    """The Job and the NetworkPolicy of one DigitalHumanBackup."""
    return f"{backup}-backup-run"


def restore_run(restore: str) -> str:
    """The Job and the NetworkPolicy of one DigitalHumanRestore."""
    return f"{restore}-restore"


def reading_run(restore: str, number: int = 1) -> str:
    """The Job that reads the object of a clone, for the first time or once more."""
    return f"{restore}-objects" if number == 1 else f"{restore}-objects-{number}"


def safety_backup(restore: str, uid: str) -> str:
    """The backup before a restore; a backup's name has at most 52 characters."""
    return f"{restore[:39].rstrip('.-')}-before-{uid[:5]}"


def drill(human: str) -> str:
    """The CronJob of restore drills; a CronJob's name has at most 52 characters."""
    return f"{human}-drill"


def final_backup(human: str, uid: str) -> str:
    """The backup before a human's end; a backup's name has at most 52 characters."""
    return f"{human}-final-{uid[:5]}"


def asked_backup(human: str, uid: str, token: str) -> str:
    """The backup that an annotation asks for; a backup's name has at most 52 characters."""
    return f"{human}-now-{_digest(f'{uid}/{token}')}"


_RUN = re.compile(r"-([0-9]{6,8})")
"""How a CronJob names its Jobs: by the minute for which they are scheduled, since 1970."""


def scheduled_for(human: str, job: str) -> datetime | None:
    """When a Job of the backups' CronJob was due; None for one that a person has made of it."""
    found = _RUN.fullmatch(job.removeprefix(backup(human)))
    return datetime.fromtimestamp(int(found[1]) * 60, UTC) if found else None


def scheduled_backup(human: str, job: str) -> str:
    """The backup that a Job of the CronJob makes, named by its time in UTC; likewise."""
    due = scheduled_for(human, job)
    return f"{human}-{due:%y%m%d-%H%M}" if due else f"{human}-run-{_digest(job)}"


def _digest(word: str) -> str:
    return sha256(word.encode()).hexdigest()[:7]


LABELS = (
    "app.kubernetes.io/name",
    LABEL_COMPONENT,
    LABEL_HUMAN,
    "app.kubernetes.io/part-of",
    MANAGED_BY,
)
"""Every label that ``labels`` gives to a child."""


def labels(human: str, component: str) -> dict[str, str]:
    """The labels of a child; a user cannot override them."""
    return selector(human, component) | {
        "app.kubernetes.io/part-of": "digital-human",
        MANAGED_BY: FIELD_MANAGER,
    }


def selector(human: str, component: str) -> dict[str, str]:
    """The labels that select the Pods of one component: they never change."""
    return {
        "app.kubernetes.io/name": "digital-human",
        LABEL_COMPONENT: component,
        LABEL_HUMAN: human,
    }
