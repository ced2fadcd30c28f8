"""
The rules of kstatus, written down once more and independently of the code that they judge.

After kubernetes-sigs/cli-utils, pkg/kstatus/status/generic.go.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Verdict = Literal["InProgress", "Failed", "Current", "Terminating"]


def verdict(obj: Mapping[str, Any]) -> Verdict:
    """What kstatus makes of a custom resource."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    observed = status.get("observedGeneration")
    if observed is not None and observed != metadata.get("generation"):
        return "InProgress"
    conditions = {c["type"]: c["status"] for c in status.get("conditions") or ()}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    if "Ready" in conditions:
        return "Current" if conditions["Ready"] == "True" else "InProgress"
    return "Current"


def violations(obj: Mapping[str, Any]) -> list[str]:
    """What a well-behaved resource must not do; empty when all is well."""
    status, generation = obj.get("status") or {}, obj["metadata"].get("generation")
    conditions = status.get("conditions") or []
    found = []
    types = [c["type"] for c in conditions]
    if len(types) != len(set(types)):
        found.append("a condition type occurs twice")
    if "Ready" not in types:
        found.append("Ready is missing: kstatus would call the object Current")
    by_type = {c["type"]: c for c in conditions}
    found += [
        f"{name} is present without being True"
        for name in ("Reconciling", "Stalled")
        if name in by_type and by_type[name]["status"] != "True"
    ]
    on = {t for t, c in by_type.items() if c["status"] == "True"}
    if len(on & {"Ready", "Reconciling", "Stalled"}) > 1:
        found.append("more than one of Ready, Reconciling and Stalled is True")
    if status.get("observedGeneration") != generation:
        found.append("observedGeneration is not the generation")
    return found + [said for condition in conditions for said in _of_one(condition, generation)]


def _of_one(condition: Mapping[str, Any], generation: int) -> Iterator[str]:
    name, reason = condition["type"], condition.get("reason") or ""
    if condition.get("observedGeneration") != generation:
        yield f"{name}.observedGeneration is not the generation"
    if not condition.get("lastTransitionTime") or not condition.get("message"):
        yield f"{name} has no time or no message"
    if not reason.isalnum() or not reason[0].isupper():
        yield f"{name}.reason is not one CamelCase word: {reason!r}"
