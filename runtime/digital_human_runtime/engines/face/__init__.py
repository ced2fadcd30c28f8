"""Faces: the embedded network, and Audio2Face-3D services with the embedded one behind."""
