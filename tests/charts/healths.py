"""Objects in every state that a delivery tool has to tell apart."""

from dataclasses import dataclass
from typing import Any

from digital_human_operator.api.kinds import UNSEEN


@dataclass(frozen=True)
class Case:
    """One object, and what each tool should make of it."""

    name: str
    thing: dict[str, Any]
    argo: str
    flux: str
    """`inProgress`, `failed`, `current`, or `error` where Flux cannot say and asks again."""


def thing(
    *conditions: str, generation: int = 3, observed: int | None = 3, mode: str = "Running"
) -> dict[str, Any]:
    """Return an object with conditions given as `Type` (True) or `Type=False`."""
    listed = [
        {
            "type": text.partition("=")[0],
            "status": text.partition("=")[2] or "True",
            "observedGeneration": observed,
            "reason": "Test",
            "message": f"about {text}",
        }
        for text in conditions
    ]
    return {
        "apiVersion": "aiqtoolkit.io/v1alpha1",
        "kind": "DigitalHuman",
        "metadata": {"name": "ada", "generation": generation},
        "spec": {"mode": mode},
        "status": {"conditions": listed, "observedGeneration": observed},
    }


def without_status() -> dict[str, Any]:
    """Return an object of a cluster with CRDs of before there was a default."""
    found = thing()
    del found["status"]
    return found


def new(mode: str = "Running") -> dict[str, Any]:
    """Return an object as the API server makes it: with the default of the schema as its status."""
    return thing(mode=mode) | {"status": UNSEEN}


def without_conditions() -> dict[str, Any]:
    """Return an object whose status has nothing but a field."""
    return thing() | {"status": {"observedGeneration": 3}}


CASES = (
    Case("new", new(), "Progressing", "inProgress"),
    Case("new and suspended", new("Suspended"), "Progressing", "inProgress"),
    Case("new and paused", new("Paused"), "Progressing", "inProgress"),
    Case("without a status", without_status(), "Progressing", "error"),
    Case("no conditions", without_conditions(), "Progressing", "inProgress"),
    Case("first write", thing("Ready=Unknown", "Reconciling"), "Progressing", "inProgress"),
    Case("old generation", thing("Ready", observed=2), "Progressing", "inProgress"),
    Case("ready", thing("Ready", "Serving"), "Healthy", "current"),
    Case("updating", thing("Reconciling", "Ready"), "Progressing", "inProgress"),
    Case("waiting", thing("Ready=False"), "Progressing", "inProgress"),
    Case("stalled", thing("Ready=False", "Stalled"), "Degraded", "failed"),
    Case("stalled while moving", thing("Reconciling", "Stalled"), "Degraded", "failed"),
    Case("stalled but serving", thing("Ready", "Stalled"), "Degraded", "failed"),
    Case("not stalled", thing("Ready", "Stalled=False", "Reconciling=False"), "Healthy", "current"),
    Case("suspended", thing("Ready=False", mode="Suspended"), "Suspended", "current"),
    Case(
        "going to sleep",
        thing("Reconciling", "Ready=False", mode="Suspended"),
        "Progressing",
        "inProgress",
    ),
    Case("paused", thing("Ready=False", mode="Paused"), "Suspended", "current"),
    Case(
        "paused halfway",
        thing("Reconciling", "Ready=False", mode="Paused"),
        "Suspended",
        "current",
    ),
    Case("stalled and asleep", thing("Stalled", mode="Suspended"), "Degraded", "failed"),
)
