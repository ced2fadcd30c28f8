"""The kinds that the operator serves, as the CRD generator sees them."""

from __future__ import annotations

from digital_human_operator.api.base import cel
from digital_human_operator.api.crd import Column, Kind
from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanBackupSpec,
    DigitalHumanBackupStatus,
    DigitalHumanRestoreSpec,
    DigitalHumanRestoreStatus,
)
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus

READY = '.status.conditions[?(@.type=="Ready")]'
AGE = Column("Age", ".metadata.creationTimestamp", "date")

_NAME = cel(
    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    "the name must start with a letter and consist of lower-case letters, digits and -:"
    " Services are named after it",
    path=".metadata.name",
)

_NOT_DEFAULT = cel(
    "self.metadata.name != 'default'",
    "the name must not be default: the ServiceAccount is named after it, and every namespace has"
    " one called default",
    path=".metadata.name",
)

UNSEEN = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "Ready",
            "status": "Unknown",
            "observedGeneration": 0,
            "lastTransitionTime": "1970-01-01T00:00:00Z",
            "reason": "Pending",
            "message": "the operator has not looked at this object yet: if this stays, see that it"
            " runs and looks after this namespace",
        }
    ],
}
"""
Status of a new object, from the API server itself: no tool takes it for done before we speak.

As in the Gateway API: a default must be a constant, so the time is the beginning of time, and the
generation is none. What lacks ``observedGeneration`` was not written by the operator.
"""

DIGITAL_HUMAN = Kind(
    kind="DigitalHuman",
    plural="digitalhumans",
    short="dh",
    description="A digital human: a language model that talks, with a voice and a lip-synced face.",
    spec=DigitalHumanSpec,
    status=DigitalHumanStatus,
    status_default=UNSEEN,
    name_limit=40,
    spec_required=False,
    scale={
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.scaleReplicas",
        "labelSelectorPath": ".status.selector",
    },
    rules=(_NAME, _NOT_DEFAULT),
    columns=(
        Column("Phase", ".status.phase"),
        Column("Ready", ".status.replicas.ready", "integer", description="Pods that answer."),
        Column(
            "Sessions",
            ".status.sessions.capacity",
            "integer",
            description="Conversations that the Pods that answer can hold.",
        ),
        Column("Model", ".status.effective.model"),
        Column("GPUs", ".status.effective.gpus", "integer"),
        Column("Backup", ".status.backup.lastSuccess", "date", description="Age of the backup."),
        AGE,
        Column("Desired", ".status.replicas.desired", "integer", priority=1),
        Column("Reason", f"{READY}.reason", priority=1),
        Column("URL", ".status.endpoints.http", priority=1),
        Column("Message", f"{READY}.message", priority=1),
    ),
)

BACKUP = Kind(
    kind="DigitalHumanBackup",
    plural="digitalhumanbackups",
    short="dhb",
    description="One backup of a DigitalHuman: asked for by a person, or made by its schedule.",
    spec=DigitalHumanBackupSpec,
    status=DigitalHumanBackupStatus,
    status_default=UNSEEN,
    name_limit=52,
    columns=(
        Column("Human", ".spec.digitalHuman"),
        Column("Phase", ".status.phase"),
        Column("Verified", ".status.backup.verified", "boolean"),
        Column("Bytes", ".status.backup.bytes", "integer", description="What it holds."),
        AGE,
        Column("Backup", ".status.backup.id", priority=1),
        Column("Reason", f"{READY}.reason", priority=1),
        Column("Message", f"{READY}.message", priority=1),
    ),
)

RESTORE = Kind(
    kind="DigitalHumanRestore",
    plural="digitalhumanrestores",
    short="dhr",
    description="One restore of a backup, in place or as a new DigitalHuman.",
    spec=DigitalHumanRestoreSpec,
    status=DigitalHumanRestoreStatus,
    status_default=UNSEEN,
    name_limit=52,
    columns=(
        Column("Human", ".status.digitalHuman"),
        Column("Phase", ".status.phase"),
        Column("Backup", ".status.backup"),
        AGE,
        Column("Reason", f"{READY}.reason", priority=1),
        Column("Message", f"{READY}.message", priority=1),
    ),
)

KINDS = (DIGITAL_HUMAN, BACKUP, RESTORE)
