"""The embedded face: log-mel features, a small network, and what a face does around a mouth."""

from .face import EmbeddedFace, EmbeddedStream

__all__ = ["EmbeddedFace", "EmbeddedStream"]
