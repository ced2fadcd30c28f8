"""Port 50051: NVIDIA's Audio2Face-3D services, health and reflection."""
