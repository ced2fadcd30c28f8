"""YAML of the pages: it parses, and what is of our kinds is what the API server would take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.api.schemas import schema
from tests.docs.test_docs import PAGES
from tools.cache import ROOT
from tools.cluster.kubectl import Kubectl

GROUP = "aiqtoolkit.io"
_BLOCK = re.compile(r"^( *)```ya?ml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[tuple[str, str]]:
    """(where, text) of every block of YAML, in the order of the pages."""
    for page in PAGES:
        text = page.read_text()
        for found in _BLOCK.finditer(text):
            line = text[: found.start()].count("\n") + 1
            indent = len(found[1])
            body = "\n".join(row[indent:] for row in found[2].splitlines())
            yield f"{page.relative_to(ROOT)}:{line}", body


BLOCKS = dict(blocks())


def ours() -> dict[str, dict[str, Any]]:
    """Objects of our kinds by where they are."""
    return {
        where: found
        for where, text in BLOCKS.items()
        for found in yaml.safe_load_all(text)
        if isinstance(found, dict) and str(found.get("apiVersion", "")).startswith(GROUP)
    }


OURS = ours()


def closed(node: dict[str, Any]) -> dict[str, Any]:
    """The schema with unknown fields refused, as `kubectl apply` refuses them."""
    found = dict(node)
    properties = found.get("properties")
    if properties is not None and "additionalProperties" not in found:
        found["additionalProperties"] = False
    if properties is not None:
        found["properties"] = {name: closed(child) for name, child in properties.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = closed(found[key])
    return found


def kind_of(human: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object; what every object has is the API server's own."""
    found = closed(schema(human["kind"]))
    own: dict[str, Any] = {name: {} for name in ("apiVersion", "kind", "metadata")}
    found["properties"] = found["properties"] | own
    return found


def test_there_are_blocks_to_look_at() -> None:
    assert len(BLOCKS) > 1
    assert OURS


@pytest.mark.parametrize("where", BLOCKS)
def test_it_parses(where: str) -> None:
    assert all(found is not None for found in yaml.safe_load_all(BLOCKS[where]))


@pytest.mark.parametrize("where", OURS)
def test_it_is_of_our_schema(where: str) -> None:
    wrong = Draft202012Validator(kind_of(OURS[where])).iter_errors(OURS[where])
    assert [f"{error.json_path}: {error.message}" for error in wrong] == []


def test_a_field_that_is_not_there_would_be_found() -> None:
    human = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "DigitalHuman", "spec": {"gpus": 1}}
    (wrong,) = Draft202012Validator(kind_of(human)).iter_errors(human)
    assert "'gpus' was unexpected" in wrong.message


@pytest.mark.cluster
@pytest.mark.usefixtures("operator")  # it comes with the CRDs
@pytest.mark.parametrize("where", OURS)
def test_the_api_server_takes_it(kubectl: Kubectl, namespace: str, where: str) -> None:
    words = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    found = kubectl.run(*words, "-n", namespace, stdin=yaml.safe_dump(OURS[where]))
    assert found.returncode == 0, found.stderr
