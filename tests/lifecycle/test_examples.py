"""Every example becomes Ready, and leaves nothing behind."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.operator import Place
from tools.cache import ROOT
from tools.cluster.cluster import STORAGE_CLASS

EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.yaml"))
CHILDREN = (
    "deployments,statefulsets,jobs,cronjobs,services,horizontalpodautoscalers,networkpolicies,"
    "poddisruptionbudgets,persistentvolumeclaims,configmaps,secrets,serviceaccounts,roles,"
    "rolebindings,ingresses"
)
SELECTOR = "app.kubernetes.io/managed-by=digital-human-operator"

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_becomes_ready_and_goes_as_it_says(place: Place, example: Path) -> None:
    text = example.read_text()
    for name in sorted(set(re.findall(r"storageClass: (\S+)", text))):
        place.cluster.kubectl.apply({**STORAGE_CLASS, "metadata": {"name": name}})
    for document in _secrets_asked_for(text):
        place.apply(document)
    place.kubectl("apply", "--server-side", "-f", str(example))
    human = next(d for d in yaml.safe_load_all(text) if d and d["kind"] == "DigitalHuman")
    name = human["metadata"]["name"]
    kept = (
        {"PersistentVolumeClaim"}
        if human.get("spec", {}).get("deletionPolicy") == "Retain"
        else set()
    )
    place.wait_condition("Ready", "True", name, seconds=90)
    assert place.status(name)["phase"] == "Ready"
    place.kubectl("wait", "--for=condition=Ready", f"dh/{name}", "--timeout=5s")
    assert place.items(CHILDREN, SELECTOR)

    place.kubectl("delete", "dh", name, "--timeout=30s")

    def left() -> set[str]:
        return {item["kind"] for item in place.items(CHILDREN, SELECTOR)}

    place.wait("its children to go, but for what it retains", lambda: left() == kept)


def _secrets_asked_for(text: str) -> list[dict[str, object]]:
    """The Secrets that the example's head tells the reader to create, with made-up values."""
    made = {d["metadata"]["name"] for d in yaml.safe_load_all(text) if d and d["kind"] == "Secret"}
    needed: dict[str, set[str]] = {}
    for document in yaml.safe_load_all(text):
        if document and document["kind"] == "DigitalHuman":
            _collect(document.get("spec", {}), needed)
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": dict.fromkeys(sorted(keys), "made-up"),
        }
        for name, keys in needed.items()
        if name not in made
    ]


def _collect(node: object, needed: dict[str, set[str]], field: str = "") -> None:
    """Find references to Secrets: {name, key} below ...Secret, or a plain name."""
    if isinstance(node, list):
        for item in node:
            _collect(item, needed, field)
    elif isinstance(node, dict):
        if field.endswith("Secret") and "name" in node:
            keys = {node["key"]} if "key" in node else {"tls.crt", "tls.key"}
            needed.setdefault(node["name"], set()).update(keys)
            return
        for key, value in node.items():
            _collect(value, needed, key)
    elif isinstance(node, str) and field == "tlsSecret":
        needed.setdefault(node, set()).update({"tls.crt", "tls.key"})
    elif isinstance(node, str) and field == "credentialsSecret":
        needed.setdefault(node, set()).update({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"})
