"""The generated CRDs: structural, bounded, described, small, up to date."""

import pytest
import yaml

from digital_human_operator.api import generate
from digital_human_operator.api.crd import completed
from tests.api.schemas import JsonObject, crds, everything, schema

NODES = [(f"{kind}{path}", node) for kind, path, node in everything()]
OURS = [
    (where, node)
    for where, node in NODES
    if ".spec" in where or ".status" in where or "metadata.name" in where
]
UNSTRUCTURED = ("$ref", "const", "oneOf", "allOf", "not", "examples", "title", "$defs")
TYPES = ("integer", "number", "boolean", "object", "array", "string")


def test_every_node_is_structural() -> None:
    wrong = []
    for where, node in NODES:
        typed = node.get("type") in TYPES
        either = node.get("x-kubernetes-int-or-string") is True
        wrong += [where] if typed == either else []
        wrong += [f"{where}: {word}" for word in UNSTRUCTURED if word in node]
        wrong += [where] if node.get("additionalProperties") and node.get("properties") else []
        wrong += [f"{where}: array without items"] * (
            node.get("type") == "array" and "items" not in node
        )
    assert wrong == []


def test_every_field_is_described_in_sentences() -> None:
    wrong = [
        where
        for where, node in OURS
        if not where.endswith(("[]", "{}"))
        and not (
            node.get("description", "").endswith(".")
            and node["description"][0].isupper()
            and not any(word in node["description"] for word in ("TODO", "FIXME", "``", "  "))
        )
    ]
    assert wrong == []


def _identified(node: JsonObject) -> bool:
    item = node["items"]
    keys = node.get("x-kubernetes-list-map-keys", ())
    given = {*item.get("required", ())}
    given |= {k for k, v in item.get("properties", {}).items() if "default" in v}
    return set(keys) <= given


def test_every_list_says_how_two_appliers_share_it() -> None:
    lists = [(where, node) for where, node in OURS if node.get("type") == "array"]
    types = ("map", "set", "atomic")
    assert len(lists) > 15
    assert [w for w, n in lists if n.get("x-kubernetes-list-type") not in types] == []
    assert [w for w, n in lists if not _identified(n)] == []


def _bounded(node: JsonObject) -> bool:
    if node.get("x-kubernetes-int-or-string"):
        return {"maxLength", "minimum", "x-kubernetes-validations"} <= set(node)
    if node.get("type") == "string":
        return "maxLength" in node or "enum" in node
    if node.get("type") == "array":
        return "maxItems" in node
    if node.get("type") == "object" and "additionalProperties" in node:
        return "maxProperties" in node
    return True


def test_everything_is_bounded() -> None:
    assert [where for where, node in OURS if not _bounded(node)] == []


def test_no_pattern_is_told_as_a_regular_expression() -> None:
    assert [where for where, node in OURS if "pattern" in node] == []


PLACEMENTS = ("DigitalHuman.spec.face.managed.placement", "DigitalHuman.spec.placement")


def test_only_an_affinity_is_free_form() -> None:
    free = [w for w, n in NODES if "x-kubernetes-preserve-unknown-fields" in n]
    parts = ("nodeAffinity", "podAffinity", "podAntiAffinity")
    assert free == [f"{place}.affinity.{part}" for place in PLACEMENTS for part in parts]


def test_numbers_of_the_spec_have_both_bounds() -> None:
    numbers = [(w, n) for w, n in OURS if n.get("type") in ("integer", "number") and ".spec" in w]
    wrong = [w for w, n in numbers if not {"minimum", "maximum"} <= set(n)]
    assert wrong == [f"{place}.tolerations[].tolerationSeconds" for place in PLACEMENTS]


def test_defaults_are_complete() -> None:
    wrong = [
        where
        for where, node in NODES
        if "default" in node and completed(node, node["default"]) != node["default"]
    ]
    assert wrong == []


def test_no_union_has_a_default_which_an_applier_would_have_to_take_back() -> None:
    unions = [
        (where, node)
        for where, node in NODES
        if any("exactly one of" in r["message"] for r in node.get("x-kubernetes-validations", ()))
    ]
    assert len(unions) > 10
    assert [where for where, node in unions if "default" in node] == []
    assert "llm" not in schema("DigitalHuman")["properties"]["spec"]["default"]


@pytest.mark.parametrize("kind", list(crds()))
def test_crd_is_small(kind: str) -> None:
    assert len(generate.dump(crds()[kind]).encode()) < 256 * 1024


def test_committed_files_are_up_to_date() -> None:
    assert generate.main(["--check"]) == 0


def test_chart_has_the_same_crds() -> None:
    for path, text in generate.files().items():
        if path.parts[0] == "charts":
            kept = [line for line in text.splitlines() if not line.strip().startswith("{{-")]
            found = yaml.safe_load("\n".join(kept).replace('{{ "{{" }}', "{{"))
            found["metadata"].pop("annotations", None)
            assert found in crds().values()
