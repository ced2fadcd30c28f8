"""DigitalHumanBackup and DigitalHumanRestore: one backup or one restore, asked for by a person."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from digital_human_operator.api.base import (
    LIST_ATOMIC,
    LIST_SET,
    ApiModel,
    Empty,
    LocalObjectRef,
    ObjectName,
    cel,
    form,
    list_map,
    union,
    validated,
)
from digital_human_operator.api.v1alpha1.body import Toleration
from digital_human_operator.api.v1alpha1.care import BackupDestination, BackupPart, Encryption
from digital_human_operator.api.v1alpha1.status import BackupFacts, Condition, Text, Time

HumanName = Annotated[
    str,
    form(
        r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        "must be the name of a DigitalHuman: lower-case letters, digits and -, beginning with a"
        " letter",
        min_length=1,
        max_length=40,
    ),
]


class DigitalHumanBackupSpec(ApiModel):
    """One backup of a DigitalHuman of this namespace. The spec cannot be changed."""

    digital_human: HumanName
    """Name of the DigitalHuman."""
    include: Annotated[list[BackupPart], Field(min_length=1, max_length=4)] | None = Field(
        default=None, json_schema_extra=LIST_SET
    )
    """What is backed up; absent: as the DigitalHuman says."""
    destination: BackupDestination | None = None
    """Where the backup goes; absent: as the DigitalHuman says."""

    model_config = validated(
        cel("self == oldSelf", "the spec of a backup cannot be changed: create another one")
    )


class RestoreSource(ApiModel):
    """What is restored: exactly one."""

    backup: ObjectName | None = None
    """A DigitalHumanBackup of this namespace."""
    latest_of: HumanName | None = None
    """The newest complete backup of this DigitalHuman."""

    model_config = validated(union("backup", "latestOf"))


class CloneTarget(ApiModel):
    """A new DigitalHuman, as the backed up one was, but not exposed."""

    name: HumanName
    """Its name; there must be none of that name."""


class RestoreTarget(ApiModel):
    """Where it is restored to: exactly one."""

    in_place: Empty | None = None
    """The DigitalHuman that the backup was made of."""
    clone: CloneTarget | None = None
    """A new DigitalHuman."""

    model_config = validated(union("inPlace", "clone"))


class DigitalHumanRestoreSpec(ApiModel):
    """One restore. The spec cannot be changed."""

    source: RestoreSource
    """What is restored."""
    target: RestoreTarget
    """Where it is restored to."""

    model_config = validated(
        cel("self == oldSelf", "the spec of a restore cannot be changed: create another one"),
        cel(
            "!has(self.target.clone) || !has(self.source.latestOf)"
            " || self.target.clone.name != self.source.latestOf",
            "a clone needs a name of its own",
            path=".target.clone.name",
        ),
    )


class ActionStatus(ApiModel):
    """How a backup or restore goes."""

    observed_generation: int | None = None
    """Generation of the spec that this status is about."""
    phase: Annotated[str, Field(max_length=32)] | None = None
    """One word for people; machines read conditions."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(
        default_factory=list, json_schema_extra=list_map("type")
    )
    """Observations."""


class DigitalHumanBackupStatus(ActionStatus):
    """How a backup goes. Once it says Succeeded or Failed it does not change any more."""

    job: Text | None = None
    """Name of the Job that makes it."""
    step: Text | None = None
    """What its Pod is at: create, verify, prune; absent before and afterwards."""
    start_time: Time | None = None
    """When it began."""
    completion_time: Time | None = None
    """When it was over."""
    uid: Text | None = None
    """The human that it is of: the store keeps backups by this."""
    destination: BackupDestination | None = None
    """Where it went."""
    encryption: Encryption | None = None
    """What it was encrypted with."""
    image_pull_secrets: Annotated[list[LocalObjectRef], Field(max_length=8)] | None = Field(
        default=None, json_schema_extra=list_map("name")
    )
    """What the human pulled images with: for restores when it is gone."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] | None = Field(
        default=None, json_schema_extra=LIST_ATOMIC
    )
    """Taints that the human's Pods put up with: for restores when it is gone."""
    backup: BackupFacts | None = None
    """The backup that was made; absent also where its Pod went before it was read."""


class RestoredFacts(ApiModel):
    """What came back."""

    bytes: int = 0
    """Bytes that were read back."""
    seconds: int = 0
    """Seconds that it took, the waiting for Pods apart."""
    erased_sessions: int = 0
    """Sessions that were left out, for the erasure ledger names their subjects."""


class DigitalHumanRestoreStatus(ActionStatus):
    """How a restore goes. Once it says Succeeded or Failed it does not change any more."""

    digital_human: Text | None = None
    """Name of the human that it is about."""
    uid: Text | None = None
    """The human that the backup was made of, by its uid."""
    backup: Text | None = None
    """Id of the backup."""
    clone_uid: Text | None = None
    """The DigitalHuman that was made: it has no Pods until this says Succeeded or is deleted."""
    parts: Annotated[list[BackupPart], Field(max_length=4)] | None = Field(
        default=None, json_schema_extra=LIST_SET
    )
    """What the backup holds, as it was read for a clone."""
    readings: int | None = None
    """How often a backup was read for a clone; absent: once. A Pod may go before it was heard."""
    safety_backup: Text | None = None
    """The DigitalHumanBackup that holds what was there before."""
    job: Text | None = None
    """Name of the Job that brings the data back."""
    step: Text | None = None
    """What its Pod is at: restore; absent before and afterwards."""
    start_time: Time | None = None
    """When it began."""
    completion_time: Time | None = None
    """When it was over."""
    restored: RestoredFacts | None = None
    """What came back; absent also where its Pod went before it was read."""
