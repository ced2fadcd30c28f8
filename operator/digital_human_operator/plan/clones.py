"""The object of a human as the backup tool tells it, and what a clone takes from it: pure."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from digital_human_operator.errors import InvalidSpec

_MOST_BYTES = 2 * 2**20
"""More than the API server stores of one object."""


def unpack(packed: str) -> dict[str, Any]:
    """The spec in what `digital-human-backup objects` packs; InvalidSpec for anything else."""
    try:
        opener = zlib.decompressobj()
        plain = opener.decompress(base64.b85decode(packed), _MOST_BYTES)
        found = msgspec.json.decode(plain)  # stricter than json: it can be sent as it is
        spec: dict[str, Any] = found["spec"]
        kind = found["kind"]
    except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
        raise InvalidSpec(["the object in the backup cannot be read"]) from error
    if kind != "DigitalHuman" or not isinstance(spec, dict):
        raise InvalidSpec(["the object in the backup is no DigitalHuman"])
    return spec


def clone_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """
    What a clone is made with: all but what two humans must not share.

    ``network.expose`` stays away: a second Ingress with the same host would take the callers of the
    first. A paused human would never be made.
    """
    found = dict(spec)
    if found.get("mode") == "Paused":
        del found["mode"]
    network = found.get("network")
    if isinstance(network, Mapping):  # of anything else the API server says that it is wrong
        found["network"] = {name: part for name, part in network.items() if name != "expose"}
    return {name: part for name, part in found.items() if (name, part) != ("network", {})}
