"""Tiny GLB files: a square with named blendshapes."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

import numpy as np


def tiny_glb(shapes: Sequence[str]) -> bytes:
    """A model of one square, each of its shapes lifting it a little."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], "<f4")
    lift = np.full((4, 3), 0.1, "<f4")
    triangles = np.array([0, 1, 2, 0, 2, 3], "<u2")
    data = triangles.tobytes() + corners.tobytes() + lift.tobytes()
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [
            {
                "primitives": [
                    {
                        "attributes": {"POSITION": 1},
                        "indices": 0,
                        "targets": [{"POSITION": 2} for _ in shapes],
                    }
                ],
                "extras": {"targetNames": list(shapes)},
            }
        ],
        "buffers": [{"byteLength": len(data)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 12},
            {"buffer": 0, "byteOffset": 12, "byteLength": 48},
            {"buffer": 0, "byteOffset": 60, "byteLength": 48},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": 6, "type": "SCALAR"},
            _positions(1, -1, 1),
            _positions(2, 0.1, 0.1),
        ],
    }
    return _pack(document, data)


def _positions(view: int, least: float, most: float) -> dict[str, object]:
    return {
        "bufferView": view,
        "componentType": 5126,
        "count": 4,
        "type": "VEC3",
        "min": [least] * 3,
        "max": [most] * 3,
    }


def _pack(document: dict[str, object], data: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(data), 0x004E4942) + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
