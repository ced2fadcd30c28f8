"""The reference pages say all that the schemas say."""

import pytest

from digital_human_operator.api import reference
from tests.api.schemas import all_rules, crds, nodes, schema


@pytest.mark.parametrize("kind", list(crds()))
def test_every_field_and_rule_is_on_the_page(kind: str) -> None:
    page = reference.page(crds()[kind])
    for part in ("spec", "status"):
        for path, node in nodes(schema(kind)["properties"][part], part):
            fields = node.get("properties", {})
            assert not fields or f"\n## {path}\n" in page
            assert [f for f in fields if f"\n| `{f}` |" not in page] == []
    messages = [m.replace("<", "&lt;") for k, _, m in all_rules() if k == kind]
    assert [m for m in messages if m not in page] == []


def test_a_row_names_default_choices_and_bounds() -> None:
    page = reference.page(crds()["DigitalHuman"])
    assert "| `count` | integer | `1` | GPUs of each Pod. At least 1. At most 16. |" in page
    assert "| `maxReplicas` | integer | required | Most Pods. At least 1. At most 1000. |" in page
    assert "One of `Running`, `Suspended`, `Paused`." in page
    assert "\n<" not in page.removeprefix("<!--")
