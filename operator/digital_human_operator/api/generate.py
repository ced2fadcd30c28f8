"""
Writes the CRDs into ``crds/`` and the Helm chart and their reference pages, or checks that all
are up to date.

    python -m digital_human_operator.api.generate [--check]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from digital_human_operator.api import reference
from digital_human_operator.api.crd import manifest
from digital_human_operator.api.kinds import KINDS
from digital_human_operator.api.v1alpha1 import GROUP, VERSION

ROOT = Path(__file__).resolve().parents[3]
SIZE_LIMIT = 256 * 1024
HEADER = "# Generated from operator/digital_human_operator/api by `make generate`. Do not edit.\n"
GUARD = "{{- if .Values.crds.enabled }}\n"
KEEP = (
    "  annotations:\n"
    "    {{- if .Values.crds.keep }}\n"
    "    helm.sh/resource-policy: keep\n"
    "    {{- end }}\n"
)


class _Dumper(yaml.SafeDumper):
    """Indents lists, writes no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def dump(document: dict[str, Any]) -> str:
    """One YAML document in a stable form."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


def files() -> dict[Path, str]:
    """Path below the repository's root -> content, for every generated file."""
    found = {}
    for kind in KINDS:
        document = manifest(kind, GROUP, VERSION)
        text = dump(document)
        if len(text.encode()) > SIZE_LIMIT:
            raise ValueError(
                f"the CRD of {kind.kind} has {len(text)} bytes, more than {SIZE_LIMIT}"
            )
        found[Path("crds") / f"{GROUP}_{kind.plural}.yaml"] = HEADER + text
        page = Path("docs/reference") / f"{kind.kind.lower()}.md"
        found[page] = reference.page(document)
        chart = Path("charts/digital-human-operator/templates/crds") / f"{kind.plural}.yaml"
        found[chart] = HEADER + GUARD + _for_helm(text) + "{{- end }}\n"
    return found


def _for_helm(text: str) -> str:
    """The document as a template: braces escaped, the keep annotation added."""
    escaped = text.replace("{{", '{{ "{{" }}')
    head, rest = escaped.split("\nmetadata:\n", 1)
    return f"{head}\nmetadata:\n{KEEP}{rest}"


def main(argv: list[str] | None = None) -> int:
    """Write or check the generated files; returns the exit status."""
    parser = argparse.ArgumentParser(description="Generate the CRDs from the API models.")
    parser.add_argument("--check", action="store_true", help="fail when a file is out of date")
    check = parser.parse_args(argv).check
    stale = []
    for path, text in files().items():
        target = ROOT / path
        if target.exists() and target.read_text("utf-8") == text:
            continue
        stale.append(str(path))
        if not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
    if check and stale:
        sys.stderr.write(f"out of date, run `make generate`: {', '.join(stale)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
