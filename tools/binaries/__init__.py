"""Kubernetes, etcd, kwok, Helm and kind, built from Go modules with committed checksums."""

from tools.binaries.build import BuildError, binaries, binary
from tools.binaries.specs import LANES, TOOLS, Tool

__all__ = ["LANES", "TOOLS", "BuildError", "Tool", "binaries", "binary"]
