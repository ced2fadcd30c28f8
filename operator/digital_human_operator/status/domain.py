"""
Conditions about one feature each: present while the feature is on, and none of them gates Ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from digital_human_operator import names
from digital_human_operator.states import AddressState, RouteState

from . import reasons, scaling
from .backups import asked, backup, drill
from .checks import fetching_text, findings
from .claims import bound
from .conditions import Draft
from .pods import lacking_gpus, stuck
from .refusals import explain
from .view import View


def drafts(view: View) -> list[Draft]:
    """Every condition whose feature is on."""
    return [draft for make in CONDITIONS for draft in make(view)]


def serving(view: View) -> Iterator[Draft]:
    """Whether it can talk now."""
    if view.is_serving:
        yield Draft("Serving", "True", "PodsReady", "at least one Pod can talk")
    elif view.decision.restore is not None:
        yield Draft("Serving", "False", reasons.RESTORING, "its sessions are being replaced")
    elif view.design.suspended:
        yield Draft("Serving", "False", reasons.SUSPENDED, "suspended by spec.mode")
    else:
        yield Draft("Serving", "False", "NoPodReady", "no Pod can talk yet")


def models(view: View) -> Iterator[Draft]:
    """Whether the weights are there."""
    name, job = view.fetch_name, view.fetch
    if name is None:
        return
    if job is None:
        yield Draft("ModelsReady", "Unknown", "Pending", "the fetch has not started")
    elif job.complete:
        yield Draft("ModelsReady", "True", "Fetched", "the weights are fetched")
    elif job.failed_reason:
        text = job.failed_message or job.failed_reason
        yield Draft("ModelsReady", "False", reasons.MODEL_FETCH_FAILED, text)
    else:
        yield Draft("ModelsReady", "False", "Fetching", fetching_text(view, job))


def storage(view: View) -> Iterator[Draft]:
    """Whether the claims with the weights and of Redis have their volumes."""
    found = bound(view)
    if found is not None:
        yield found


def gpus(view: View) -> Iterator[Draft]:
    """Whether there are GPUs for all Pods."""
    components = {names.RUNTIME: view.design.nodes, names.FACE: view.design.face_nodes}
    on = {c for c, nodes in components.items() if nodes.resource is not None}
    if not on or view.design.suspended:
        return
    lacking = {c: lacking_gpus(view, c) for c in sorted(on, reverse=True)}
    total = sum(lacking.values())
    if total:
        cause = next(found for c, n in lacking.items() if n and (found := stuck(view, c)))
        text = f"{total} {'GPU is' if total == 1 else 'GPUs are'} missing: {cause.message}"
        yield Draft("GPUSatisfied", "False", reasons.GPUS_MISSING, text)
    elif any(not pod.unscheduled for c in on for pod in view.pods(c)) or view.is_complete:
        yield Draft("GPUSatisfied", "True", "Scheduled", "every Pod that exists has its GPUs")
    elif not _is_held_up(view):
        yield Draft("GPUSatisfied", "Unknown", "Pending", "no Pod is scheduled yet")


def rollout(view: View) -> Iterator[Draft]:
    """Whether the newest template reaches the Pods."""
    found = view.runtime
    if view.design.replicas == 0:
        return
    if found is not None and found.progress_reason == reasons.DEADLINE_EXCEEDED:
        text = found.progress_message or "no progress within the deadline"
        yield Draft("RolloutHealthy", "False", reasons.DEADLINE_EXCEEDED, text)
    elif found is not None and found.failure:
        told = explain("Pods", found.failure).message
        yield Draft("RolloutHealthy", "False", reasons.REPLICA_FAILURE, told)
    elif found is not None and view.is_updated and found.available >= view.wanted:
        yield Draft("RolloutHealthy", "True", "Complete", "every Pod runs the newest template")
    elif not _is_held_up(view):
        yield Draft("RolloutHealthy", "Unknown", reasons.PROGRESSING, "the rollout is under way")


def _is_held_up(view: View) -> bool:
    """Whether trouble or a pause keep the Deployment from being made: then nothing rolls out."""
    if view.runtime is not None:
        return False
    if view.is_paused:
        return True
    return any(one.reason in reasons.PROBLEMS for one in findings(view)[:1])


def autoscaling(view: View) -> Iterator[Draft]:
    """What the autoscaler says about itself."""
    is_made = view.observed.only("HorizontalPodAutoscaler") is not None
    if view.design.autoscaled and (is_made or not view.is_paused):
        yield scaling.draft(view)


def exposed(view: View) -> Iterator[Draft]:
    """Whether callers outside the cluster have an address."""
    kind = view.human.spec.network.expose.type
    if kind == "ClusterIP":
        return
    if kind == "Gateway":
        found = view.observed.only("HTTPRoute")
        accepted = found.accepted if isinstance(found, RouteState) else None
        if accepted is False:
            yield Draft("Exposed", "False", "RouteNotAccepted", found.message)
        elif accepted:
            yield Draft("Exposed", "True", "RouteAccepted", "the Gateway has taken the route")
        else:
            yield Draft("Exposed", "Unknown", "Pending", "no Gateway has answered yet")
        return
    child = view.observed.only("Ingress") if kind == "Ingress" else None
    if kind == "LoadBalancer":
        child = view.observed.get("Service", view.human.name)
    address = child.address if isinstance(child, AddressState) else None
    if address:
        yield Draft("Exposed", "True", "AddressAssigned", f"reachable at {address}")
    else:
        yield Draft("Exposed", "Unknown", "Pending", f"the {kind} has no address yet")


def budget(view: View) -> Iterator[Draft]:
    """Whether the human stays within its budget."""
    if view.human.spec.budget is not None:
        text = "this version does not compute costs"
        yield Draft("BudgetOK", "Unknown", "NotComputed", text)


def warning(view: View) -> Iterator[Draft]:
    """What somebody else undoes, Secrets of no use, and what the spec asks for in vain."""
    fights = [
        f"{child} is rewritten again and again by {who}: it is set right less and less often until"
        " one of the two lets go of it"
        for child, who in view.observed.contested
    ]
    secrets = view.decision.pull_secrets
    found = [*fights, *secrets, *view.decision.warnings]
    if found:
        reason = reasons.SECRET_MISSING if secrets else "NotActedOn"
        reason = reasons.CONTESTED if fights else reason
        yield Draft("Warning", "True", reason, "; ".join(found))


CONDITIONS: tuple[Callable[[View], Iterator[Draft]], ...] = (
    serving,
    models,
    storage,
    gpus,
    rollout,
    autoscaling,
    backup,
    drill,
    asked,
    exposed,
    budget,
    warning,
)
