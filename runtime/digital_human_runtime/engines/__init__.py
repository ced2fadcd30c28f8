"""Engines: language models, voices and faces. The only place that knows torch and onnxruntime."""
