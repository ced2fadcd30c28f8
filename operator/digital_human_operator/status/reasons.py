"""Reasons of conditions, and which of them a person has to know at once."""

from __future__ import annotations

READY = "Ready"
PROGRESSING = "Progressing"
RESTORING = "Restoring"
SUSPENDED = "Suspended"
ASLEEP = "Asleep"
PAUSED = "Paused"

INVALID_SPEC = "InvalidSpec"
MODEL_DOES_NOT_FIT = "ModelDoesNotFit"
FOREIGN_OBJECT = "ForeignObject"
CHILD_REFUSED = "ChildRefused"
MODEL_FETCH_FAILED = "ModelFetchFailed"
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"

SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason
QUOTA_EXCEEDED = "QuotaExceeded"
FORBIDDEN = "Forbidden"
GPUS_MISSING = "GPUsMissing"
UNSCHEDULABLE = "Unschedulable"
IMAGE_PULL_FAILED = "ImagePullFailed"
CONTAINER_CRASHING = "ContainerCrashing"
CONTAINER_CONFIG_ERROR = "ContainerConfigError"
REPLICA_FAILURE = "ReplicaFailure"
VOLUME_LOST = "VolumeLost"

CONTESTED = "Contested"

RETRYING = "Retrying"
FINAL_BACKUP = "FinalBackup"
SUSPENDING = "Suspending"
FETCHING_MODELS = "FetchingModels"
VOLUME_PENDING = "VolumePending"
SESSION_STORE_NOT_READY = "SessionStoreNotReady"
FACE_NOT_READY = "FaceNotReady"
PODS_NOT_READY = "PodsNotReady"
UPDATING = "Updating"

STALLING = frozenset(
    {
        INVALID_SPEC,
        MODEL_DOES_NOT_FIT,
        FOREIGN_OBJECT,
        CHILD_REFUSED,
        MODEL_FETCH_FAILED,
        DEADLINE_EXCEEDED,
    }
)
"""Retrying cannot help: somebody has to do something."""

PROBLEMS = STALLING | {
    SECRET_MISSING,
    QUOTA_EXCEEDED,
    FORBIDDEN,
    GPUS_MISSING,
    UNSCHEDULABLE,
    IMAGE_PULL_FAILED,
    CONTAINER_CRASHING,
    CONTAINER_CONFIG_ERROR,
    REPLICA_FAILURE,
    VOLUME_LOST,
}
"""Trouble: written at once and told as a Warning event. Everything else is progress."""

ANSWERS = STALLING | {SECRET_MISSING}
"""Trouble that somebody mends by an edit: a new message is the answer to it."""

AT_REST = frozenset({SUSPENDED, ASLEEP, PAUSED})
"""Not ready, as the spec asks for."""
