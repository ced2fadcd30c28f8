"""The parts of status that are no conditions: numbers, addresses, what was computed."""

from __future__ import annotations

from collections.abc import Sequence

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.status import (
    AskedBackup,
    BackupStatus,
    Effective,
    Endpoints,
    ModelStatus,
    ReplicaStatus,
    RolloutStatus,
    SessionStatus,
    Step,
)
from digital_human_operator.states import AddressState

from . import proofs
from .conditions import Draft
from .text import stepped_bytes, stepped_seconds
from .view import View


def replicas(view: View) -> ReplicaStatus:
    """Pods of the human."""
    found = view.runtime
    if found is None:
        return ReplicaStatus(desired=view.desired)
    return ReplicaStatus(desired=view.desired, ready=found.ready, updated=found.updated)


def sessions(view: View) -> SessionStatus:
    """What the Pods that answer can hold; how many there are nobody tells yet."""
    ready = view.runtime.ready if view.runtime is not None else 0
    return SessionStatus(capacity=view.human.spec.sessions.per_replica * ready)


_STEPS: dict[str, Step] = {"True": "Complete", "False": "Failed", "Unknown": "UnderWay"}


def rollout(view: View, drafts: Sequence[Draft]) -> RolloutStatus | None:
    """How far the newest template is; None where there is nothing to roll out."""
    told = next((draft for draft in drafts if draft.type == "RolloutHealthy"), None)
    if told is None:
        return None
    found = view.runtime
    return RolloutStatus(
        strategy="Recreate" if view.human.spec.rollout.recreate is not None else "Rolling",
        step=_STEPS[told.status],
        updated=found.updated if found is not None else 0,
        outdated=max(0, found.replicas - found.updated) if found is not None else 0,
    )


def selector(view: View) -> str:
    """The label selector of the Pods, for the scale subresource."""
    return ",".join(f"{k}={v}" for k, v in names.selector(view.human.name, names.RUNTIME).items())


def endpoints(view: View) -> Endpoints:
    """Addresses of the human."""
    host = f"{view.human.name}.{view.human.namespace}.svc"
    tls = view.human.spec.security.tls_secret is not None
    return Endpoints(
        http=f"https://{host}:80" if tls else f"http://{host}",
        websocket=f"{'wss' if tls else 'ws'}://{host}:{names.PORT_WEBSOCKET}",
        grpc=f"{_grpc_host(view)}:{names.PORT_GRPC}",
        external=_external(view),
    )


def _grpc_host(view: View) -> str:
    """The Service with the gRPC port: a load balancer does not publish it."""
    human, balanced = view.human, view.human.spec.network.expose.type == "LoadBalancer"
    service = names.headless(human.name) if balanced else human.name
    return f"{service}.{human.namespace}.svc"


def _external(view: View) -> str | None:
    expose, tls = view.human.spec.network.expose, view.human.spec.security.tls_secret is not None
    if expose.type == "LoadBalancer":
        found = view.observed.get("Service", view.human.name)
        address = found.address if isinstance(found, AddressState) else None
        if address is None:
            return None
        bare = f"[{address}]" if ":" in address else address
        return f"https://{bare}:80" if tls else f"http://{bare}"
    if expose.type in {"Ingress", "Gateway"} and expose.host is not None:
        return f"{'https' if expose.tls_secret else 'http'}://{expose.host}"
    return None


def models(view: View) -> ModelStatus | None:
    """The fetch of the weights."""
    name, job = view.fetch_name, view.fetch
    if name is None:
        return None
    progress = job.progress if job is not None else None
    if job is None or progress is None:
        return ModelStatus(job=name)
    if job.complete:
        return ModelStatus(job=name, bytes_fetched=progress.total, bytes_total=progress.total)
    return ModelStatus(
        job=name,
        bytes_fetched=stepped_bytes(progress),
        bytes_total=progress.total,
        seconds_left=stepped_seconds(progress),
    )


def backup(view: View) -> BackupStatus | None:
    """
    When backups and drills last succeeded, and what they told.

    It is kept when the CronJob was made anew and when its Pods are gone.
    """
    if view.human.spec.backup is None:
        return None
    before = (view.previous.backup if view.previous is not None else None) or BackupStatus()
    job = view.cron_job(names.backup(view.human.name))
    drill = view.cron_job(names.drill(view.human.name))
    found = BackupStatus(
        last_success=(job.last_success if job else None) or before.last_success,
        last_drill=(drill.last_success if drill else None) or before.last_drill,
        newest=proofs.newest(view.observed.pods, before.newest, view.human.uid),
        proven=proofs.proven(view.observed.pods, before.proven, view.human.uid),
    )
    return found if found != BackupStatus() else None


def asked_backup(view: View) -> AskedBackup | None:
    """The last token that was answered, also when its annotation is gone: it is answered once."""
    asked = view.observed.asked
    if asked is not None and asked.backup:
        return AskedBackup(token=asked.token, backup=asked.backup)
    return view.previous.asked_backup if view.previous is not None else None


def effective(view: View) -> Effective:
    """What was computed from the spec."""
    spec, design = view.human.spec, view.design
    scaling = spec.autoscaling if design.autoscaled else None
    return Effective(
        image=design.image,
        model=_model(view),
        gpus=_gpus(view),
        min_replicas=scaling.min_replicas if scaling else None,
        max_replicas=scaling.max_replicas if scaling else None,
    )


def _model(view: View) -> str:
    llm = view.human.spec.llm
    if llm.transformers is not None:
        return llm.transformers.model
    return llm.open_ai.model if llm.open_ai is not None else "builtin"


def _gpus(view: View) -> int:
    design, face = view.design, view.human.spec.face.managed
    servers = face.replicas if face is not None and not design.suspended else 0
    return design.nodes.count * view.desired + design.face_nodes.count * servers
