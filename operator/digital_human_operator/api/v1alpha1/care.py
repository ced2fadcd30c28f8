"""What keeps the human and its data safe: backup, privacy, audit, budget."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from digital_human_operator.api.addresses import Url, url_rules
from digital_human_operator.api.base import (
    LIST_SET,
    ApiModel,
    CronSchedule,
    Duration,
    ObjectName,
    Quantity,
    SecretKeyRef,
    TimeZone,
    cel,
    form,
    no_duration,
    positive_quantity,
    union,
    validated,
)

BackupPart = Literal["models", "config", "sessions", "objects"]


class S3Destination(ApiModel):
    """A bucket of an S3-compatible object store."""

    bucket: Annotated[
        str,
        form(
            r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
            "must be the name of a bucket: 3 to 63 lower-case letters, digits, . and -",
            max_length=63,
        ),
    ]
    """Name of the bucket."""
    prefix: Annotated[
        str,
        form(
            r"^[A-Za-z0-9._/-]*$",
            "must be a folder of letters, digits, ., _, - and /",
            max_length=512,
        ),
    ] = ""
    """Folder within the bucket."""
    region: Annotated[str, Field(max_length=64)] | None = None
    """Region of the bucket."""
    endpoint: Url | None = None
    """Address of the store when it is not Amazon S3."""
    credentials_secret: ObjectName | None = None
    """Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; absent: the Pod's own identity."""
    ca_secret: SecretKeyRef | None = None
    """Key of a Secret with the certificate authority of the endpoint; absent: the system's."""
    addressing: Literal["Path", "VirtualHost"] | None = None
    """
    Where the name of the bucket goes: into the path or into the host; absent: into the path at an
    endpoint, into the host at Amazon S3.
    """
    checksums: Literal["WhenSupported", "WhenRequired"] | None = None
    """When S3's newer checksums are sent; absent: WhenSupported, which some stores refuse."""
    server_side_encryption: Literal["AES256", "KMS"] | None = None
    """
    Encryption by the store of what is written from now on, with its own keys (AES256) or with those
    of a key service (KMS); absent: what the bucket does by default. It does not replace encryption,
    whose key the store never has.
    """
    kms_key_id: (
        Annotated[
            str,
            form(
                r"^[A-Za-z0-9.:/_-]+$",
                "must be the id, the alias or the ARN of a key: letters, digits, ., :, /, _ and -",
                max_length=512,
            ),
        ]
        | None
    ) = None
    """
    Key of the key service; absent: its own one for the store (aws/s3 at Amazon). For the key of the
    bucket leave serverSideEncryption away, or name it.
    """

    model_config = validated(
        cel(
            "!has(self.kmsKeyId)"
            " || has(self.serverSideEncryption) && self.serverSideEncryption == 'KMS'",
            "kmsKeyId needs serverSideEncryption: KMS",
            path=".kmsKeyId",
        ),
        *url_rules("endpoint", optional=True, instead="credentialsSecret"),
        cel(
            "!has(self.prefix) || (!self.prefix.startsWith('/') && !self.prefix.contains('..'))",
            "prefix must not start with / or contain ..",
            path=".prefix",
        ),
    )


class ClaimDestination(ApiModel):
    """A volume of this namespace."""

    claim_name: ObjectName
    """Name of the PersistentVolumeClaim."""


class BackupDestination(ApiModel):
    """Where backups go: exactly one."""

    s3: S3Destination | None = None
    """A bucket of an S3-compatible object store."""
    persistent_volume_claim: ClaimDestination | None = None
    """A volume of this namespace."""

    model_config = validated(union("s3", "persistentVolumeClaim"))


class Encryption(ApiModel):
    """Encryption of backups before they leave the Pod."""

    key_secret: SecretKeyRef
    """Key of a Secret that holds the encryption key."""


class Retention(ApiModel):
    """Which backups are kept."""

    days: Annotated[int, Field(ge=1, le=3650)] = 30
    """How many days a backup is kept."""
    minimum: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many backups are kept however old they are."""


class Drill(ApiModel):
    """Restores into a scratch place that prove the backups."""

    schedule: CronSchedule
    """When a drill starts."""
    scratch_storage: Quantity = "20Gi"
    """Size of the scratch volume."""

    model_config = validated(positive_quantity("scratchStorage"))


def _default_parts() -> list[BackupPart]:
    return ["config", "sessions", "objects"]


class Backup(ApiModel):
    """Scheduled backups."""

    schedule: CronSchedule
    """When a backup starts."""
    time_zone: TimeZone = "UTC"
    """Time zone of the schedules."""
    destination: BackupDestination
    """Where backups go."""
    encryption: Encryption | None = None
    """Encryption of backups before they leave the Pod."""
    retention: Retention = Field(default_factory=Retention)
    """Which backups are kept."""
    include: Annotated[list[BackupPart], Field(min_length=1, max_length=4)] = Field(
        default_factory=_default_parts, json_schema_extra=LIST_SET
    )
    """What is backed up; absent: config, sessions and objects. Models can be fetched again."""
    drill: Drill | None = None
    """Restores into a scratch place that prove the backups."""


class Privacy(ApiModel):
    """Personal data in conversations."""

    hash_fields: Annotated[list[Literal["name", "email", "phone", "ssn"]], Field(max_length=4)] = (
        Field(default_factory=list, json_schema_extra=LIST_SET)
    )
    """Fields of a profile that are stored as keyed hashes."""
    free_text: Literal["Keep", "Redact"] = "Keep"
    """Whether personal data is removed from free text before it is stored."""
    key_secret: SecretKeyRef | None = None
    """Key of a Secret for hashes and for the encryption of conversations."""
    retention: Duration | None = None
    """How long conversations are kept."""

    model_config = validated(
        cel(
            "!has(self.hashFields) || self.hashFields.size() == 0 || has(self.keySecret)",
            "keySecret is needed with hashFields: hashes without a key can be guessed",
            path=".keySecret",
        ),
        cel(
            f"!has(self.retention) || {no_duration('retention')}"
            " || duration(self.retention) >= duration('1h')",
            "retention must be at least 1h",
            path=".retention",
        ),
    )


class AuditDatabase(ApiModel):
    """A PostgreSQL database."""

    url_secret: SecretKeyRef
    """Key of a Secret that holds the connection string."""


class AuditVolume(ApiModel):
    """A volume of this namespace."""

    claim_name: ObjectName
    """Name of the PersistentVolumeClaim."""


class Audit(ApiModel):
    """An append-only, hash-chained audit log: exactly one place."""

    database: AuditDatabase | None = None
    """A PostgreSQL database."""
    volume: AuditVolume | None = None
    """A volume of this namespace."""

    model_config = validated(union("database", "volume"))


class Budget(ApiModel):
    """What the human may cost."""

    monthly: Annotated[float, Field(gt=0, le=100000000)]
    """Amount per calendar month."""
    currency: Annotated[
        str, form(r"^[A-Z]{3}$", "must be a currency in three capitals such as EUR", max_length=3)
    ] = "USD"
    """ISO 4217 code of the currency."""
    on_exceed: Literal["Warn", "Suspend"] = "Warn"
    """What happens when the amount is reached."""
