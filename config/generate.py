"""
Writes the manifests for `kubectl apply -k config/default` from the Helm chart, or checks them.

    python -m config.generate [--check]

The chart is the only source: both ways of installing grant the same rights and run the same Pod.
"""

import argparse
import subprocess
import sys
from typing import Any

import yaml

from tools.binaries import binary
from tools.cache import ROOT

CHART = ROOT / "charts" / "digital-human-operator"
TARGET = ROOT / "config" / "operator" / "operator.yaml"
NAME = "digital-human-operator"
NAMESPACE = "digital-human-operator"
VALUES = ("scope=cluster", "crds.enabled=false")
HEADER = (
    "# Generated from charts/digital-human-operator by `python -m config.generate`. Do not edit.\n"
)
_OF_HELM = ("app.kubernetes.io/managed-by", "helm.sh/chart")


def rendered() -> str:
    """Return the chart's objects as one document stream, without the labels that name Helm."""
    command = [str(binary("helm4")), "template", NAME, str(CHART), "--namespace", NAMESPACE]
    command += ["--kube-version", "1.36.3"]
    for value in VALUES:
        command += ["--set", value]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own binary
    objects = [document for document in yaml.safe_load_all(output) if document]
    for found in objects:
        _without_helm(found)
    return HEADER + yaml.safe_dump_all(objects, sort_keys=False, width=100)


def _without_helm(node: Any) -> None:
    """Drop Helm's own labels wherever labels are."""
    if isinstance(node, list):
        for item in node:
            _without_helm(item)
    elif isinstance(node, dict):
        for label in _OF_HELM:
            node.pop(label, None)
        for item in node.values():
            _without_helm(item)


def main(argv: list[str] | None = None) -> int:
    """Write or check the manifests; returns the exit status."""
    parser = argparse.ArgumentParser(description="Generate config/ from the Helm chart.")
    parser.add_argument("--check", action="store_true", help="fail when they are out of date")
    check = parser.parse_args(argv).check
    text = rendered()
    if TARGET.exists() and TARGET.read_text("utf-8") == text:
        return 0
    if check:
        sys.stderr.write(f"{TARGET.name} is out of date: run `python -m config.generate`\n")
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
