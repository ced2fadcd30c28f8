"""Kubernetes, etcd, kwok, Helm, kind and an S3 server, built from Go modules by checksum."""

from tools.binaries.build import BuildError, binaries, binary
from tools.binaries.specs import LANES, TOOLS, Tool

__all__ = ["LANES", "TOOLS", "BuildError", "Tool", "binaries", "binary"]
