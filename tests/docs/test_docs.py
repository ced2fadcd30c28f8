"""Links lead somewhere, and what the pages tell people to type or to look for is there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.cache import ROOT

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_TARGET = re.compile(r"\bmake (?:-s )?([a-z][a-z0-9-]+)")
_WORDS_AFTER_MAKE = {"sure", "room", "any", "it", "the", "of"}
_EXAMPLE = re.compile(r"examples/([a-z0-9-]+\.yaml)")


def pages() -> list[Path]:
    """Every page that is part of the project."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in sorted(found.split()) if (ROOT / name).exists()]


PAGES = pages()
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Where a link into a page may lead, as GitHub makes them of its headings."""
    found: dict[str, int] = {}
    names = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text())):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        count = found.get(name, 0)
        found[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return frozenset(names)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link, picture in _LINK.findall(_FENCE.sub("", page.read_text())):
        target, _, anchor = (link or picture).partition("#")
        if re.match(r"[a-z]+:", target):
            if not re.match(r"https://[\w.-]+(/|$)|http://localhost|mailto:", target):
                wrong.append(f"{target}: not https")
            continue
        there = (page.parent / target) if target else page
        if not there.exists():
            wrong.append(f"{target}: no such file")
        elif anchor and there.suffix == ".md" and anchor not in anchors(there):
            wrong.append(f"{target}#{anchor}: no such heading")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_what_is_to_be_made_can_be_made(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"`[^`\n]+`|^\s*```.*?^\s*```", page.read_text(), re.MULTILINE | re.DOTALL)
    named = {target for part in code for target in _TARGET.findall(part)} - _WORDS_AFTER_MAKE
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_examples_that_are_named_exist(page: Path) -> None:
    named = set(_EXAMPLE.findall(page.read_text()))
    assert {name for name in named if not (ROOT / "examples" / name).exists()} == set()


def test_reasons_of_the_troubleshooting_page_are_those_of_the_operator() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    rows = re.findall(r"^\| (`[A-Z][^|]*) \|", text, re.MULTILINE)
    reasons = {reason for row in rows for reason in re.findall(r"`([A-Z]\w+)`", row)}
    sources = (ROOT / "operator" / "digital_human_operator").rglob("*.py")
    known = {w for path in sources for w in re.findall(r'"([A-Z][A-Za-z]+)"', path.read_text())}
    assert len(reasons) > 12
    assert reasons - known == set()


def test_fields_that_the_pages_name_exist() -> None:
    """`spec.a.b` and `a.b` of the pages for people are fields of the CRD."""
    crd = yaml.safe_load((ROOT / "crds" / "aiqtoolkit.io_digitalhumans.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    wrong = []
    for name in ("production", "troubleshooting", "air-gapped"):
        text = _FENCE.sub("", (ROOT / "docs" / f"{name}.md").read_text())
        for path in re.findall(r"`((?:spec|status)(?:\.[a-zA-Z0-9]+)+)`", text):
            node: dict[str, object] = {"properties": schema}
            for step in path.split("."):
                properties = node.get("properties")
                if not isinstance(properties, dict) or step not in properties:
                    wrong.append(f"{name}: {path}")
                    break
                node = properties[step]
    assert wrong == []


def _shapes(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of a schema."""
    for name, child in node.get("properties", {}).items():
        yield (*path, name)
        yield from _shapes(child.get("items", child), (*path, name))


def test_fields_without_their_beginning_exist_too() -> None:
    """`source.oci` is the end or the middle of a field; other dotted words are the chart's."""
    crd = yaml.safe_load((ROOT / "crds" / "aiqtoolkit.io_digitalhumans.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    values = yaml.safe_load((ROOT / "charts/digital-human-operator/values.yaml").read_text())
    known = {path[i:j] for path in _shapes(schema) for j in range(len(path) + 1) for i in range(j)}
    wrong = []
    for name in ("production", "troubleshooting", "air-gapped"):
        text = _FENCE.sub("", (ROOT / "docs" / f"{name}.md").read_text())
        for path in re.findall(r"`([a-z][a-zA-Z0-9]*(?:\.[a-zA-Z0-9]+)+)(?:: [^`]*)?`", text):
            steps = tuple(path.split("."))
            if steps not in known and steps[0] not in values:
                wrong.append(f"{name}: {path}")
    assert wrong == []


def test_what_is_not_acted_on_is_listed() -> None:
    """Every field that a Warning calls idle is told before somebody installs."""
    source = ROOT / "operator" / "digital_human_operator" / "plan" / "warnings.py"
    idle = re.findall(
        r"spec\.([\w.]+)[\w ]*(?: is|:) (?:not acted|only passed|the last)", source.read_text()
    )
    listed = (ROOT / "docs" / "production.md").read_text()
    assert len(idle) > 8
    assert [field for field in idle if f"`{field}`" not in listed] == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    beside = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in beside if f"({name})" not in index} == set()
