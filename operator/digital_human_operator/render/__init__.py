"""
Manifests of the children: pure functions of a human and its design, one file per kind.

They name every field that an atomic list would have defaulted, and no field that is empty, so that
what the API server stores compares equal to what was rendered (see ``kube.normal``).
"""

from __future__ import annotations

from collections.abc import Iterator

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.care import Backup
from digital_human_operator.human import Child, Design, Human, Request

from . import (
    backups,
    config,
    deployment,
    disruption,
    face,
    fetch,
    identity,
    monitoring,
    network,
    objects,
    redis,
    routes,
    scaling,
    services,
    volumes,
)
from .backups import Reading
from .common import Manifest

__all__ = ["Reading", "backup_run", "children", "reading_run", "restore_run"]


def children(human: Human, design: Design) -> list[Child]:
    """Everything that should exist for ``human``, in a stable order."""
    rendered = (
        *_runtime(human, design),
        *identity.fetch_identity(human, design),
        fetch.fetch_job(human, design),
        *_face(human, design),
        *network.policies(human, design),
        *routes.routes(human, design),
        *_backup(human, design),
        *monitoring.monitors(human, design),
    )
    found = [_child(manifest) for manifest in rendered if manifest is not None]
    return [*found, *_redis(human, design)]


def backup_run(human: Human, design: Design, request: Request) -> list[Child]:
    """
    What one DigitalHumanBackup needs, the Job at the end; nothing where nothing is backed up.

    ``human`` has in its ``spec.backup`` what the request says.
    """
    backup = human.spec.backup
    job = backups.backup_job(human, backup, design, request) if backup is not None else None
    if job is None:
        return []
    return [_child(manifest) for manifest in (*network.for_backup(human, request), job)]


def restore_run(human: Human, design: Design, request: Request, backup_id: str) -> list[Child]:
    """
    What one DigitalHumanRestore needs, the Job at the end; nothing without ``spec.backup``.

    ``human`` has the uid and the destination of the backup.
    """
    backup = human.spec.backup
    if backup is None:
        return []
    job = backups.restore_job(human, backup, design, request, backup_id)
    return [_child(manifest) for manifest in (*network.for_restore(human, request), job)]


def reading_run(
    human: Human, backup: Backup, design: Design, request: Request, reading: Reading
) -> list[Child]:
    """What reads the object of a clone from a backup, the Job at the end."""
    job = backups.reading_job(human, backup, design, request, reading)
    return [_child(manifest) for manifest in (*network.for_reading(human, request), job)]


def _child(manifest: Manifest) -> Child:
    return Child(manifest, manifest["metadata"]["labels"][names.LABEL_COMPONENT])


def _runtime(human: Human, design: Design) -> Iterator[Manifest | None]:
    yield identity.service_account(human)
    yield identity.role(human)
    yield identity.role_binding(human)
    yield config.config_map(human, design)
    yield volumes.models_claim(human, design)
    yield services.main(human)
    yield services.headless(human)
    yield services.health(human)
    yield deployment.deployment(human, design)
    yield disruption.runtime_budget(human, design)
    if design.autoscaled and human.spec.autoscaling is not None:
        yield scaling.autoscaler(human, human.spec.autoscaling)


def _face(human: Human, design: Design) -> Iterator[Manifest | None]:
    managed = human.spec.face.managed
    if managed is not None:
        yield face.face_deployment(human, managed, design)
        yield face.face_service(human)
        yield disruption.face_budget(human, managed, design)


def _redis(human: Human, design: Design) -> Iterator[Child]:
    store = human.spec.sessions.store.redis
    if store is None or store.managed is None:
        return
    yield Child(
        redis.redis_secret(human),
        names.REDIS,
        create_only=True,
        generate={names.REDIS_PASSWORD_KEY: redis.PASSWORD_LENGTH},
        templates={names.REDIS_ACL_KEY: redis.ACL},
    )
    yield _child(redis.redis_service(human))
    yield _child(redis.redis_stateful_set(human, store.managed, design))


def _backup(human: Human, design: Design) -> Iterator[Manifest | None]:
    wanted = human.spec.backup
    if wanted is not None:
        yield objects.objects_map(human, design)
        yield backups.backup_cron_job(human, wanted, design)
        yield backups.drill_cron_job(human, wanted, design)
