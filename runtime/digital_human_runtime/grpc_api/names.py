"""Names of the wire: services, blendshapes in PascalCase, and the type of the emotion metadata."""

from __future__ import annotations

from digital_human_runtime.frames import SHAPES

CONTROLLER = "nvidia_ace.services.a2f_controller.v1.A2FControllerService"
EXPORT = "nvidia_ace.services.a2x_export_config.v1.A2XExportConfigService"
EMOTION_TYPE = "type.googleapis.com/nvidia_ace.emotion_aggregate.v1.EmotionAggregate"
"""What NVIDIA's client unpacks; under the name of the PyPI package it would skip it silently."""


def pascal(shape: str) -> str:
    """``jawOpen`` as ``JawOpen``."""
    return shape[0].upper() + shape[1:]


PASCAL_SHAPES = tuple(pascal(shape) for shape in SHAPES)
BY_PASCAL = dict(zip(PASCAL_SHAPES, SHAPES, strict=True))
