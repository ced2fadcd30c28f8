"""Faces made by an Audio2Face-3D service, NVIDIA's or one that speaks its protocol."""

from .face import Audio2Face

__all__ = ["Audio2Face"]
