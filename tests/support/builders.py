"""Humans and designs for tests, from the same parts that the operator uses."""

from pathlib import Path
from typing import Any

import yaml

from digital_human_operator import plan
from digital_human_operator.human import Design, Human, Images, Ref, Reference
from tools.cache import ROOT

IMAGES = Images(
    runtime="registry.example.com/runtime:1",
    runtime_gpu="registry.example.com/runtime:1-gpu",
    face="registry.example.com/audio2face:1",
    redis="registry.example.com/redis:7",
    tools="registry.example.com/tools:1",
)
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
ALL_OPTIONAL = frozenset({"HTTPRoute", "PodMonitor", "ServiceMonitor", "PrometheusRule"})


def a_human(spec: dict[str, Any] | None = None, name: str = "ada") -> Human:
    """A human as it comes from the API server."""
    metadata = {
        "name": name,
        "namespace": "humans",
        "uid": "6b1f2a50-0000-4000-8000-000000000001",
        "generation": 1,
    }
    return plan.parse({"metadata": metadata, "spec": spec or {}})


def example(path: Path) -> Human:
    """The human of an example."""
    documents = [d for d in yaml.safe_load_all(path.read_text()) if d]
    found = next(d for d in documents if d["kind"] == "DigitalHuman")
    return a_human(found.get("spec"), found["metadata"]["name"])


def references_of(human: Human) -> dict[Ref, Reference | None]:
    """Every Secret and ConfigMap that the human needs, there and complete."""
    found: dict[Ref, Reference | None] = {}
    for need in plan.needs(human):
        known = found.get(need.ref)
        keys = need.keys | (known.keys if known else frozenset())
        found[need.ref] = Reference(keys, f"digest-of-{need.ref.name}")
    for ref in plan.referred(human):
        if ref not in found:
            keys = frozenset({".dockerconfigjson"})
            found[ref] = Reference(keys, f"digest-of-{ref.name}", "kubernetes.io/dockerconfigjson")
    return found


def a_decision(
    human: Human,
    served: frozenset[str] = frozenset(),
    absent: frozenset[str] = frozenset(),
) -> plan.Decision:
    """What the plan decides about a human whose references are all there."""
    return plan.decide(
        human,
        images=IMAGES,
        operator_namespace="digital-human-system",
        references=references_of(human),
        served=served,
        absent=absent,
    )


def a_design(human: Human, served: frozenset[str] = frozenset()) -> Design:
    """The design of a human whose references are all there."""
    return a_decision(human, served).design
