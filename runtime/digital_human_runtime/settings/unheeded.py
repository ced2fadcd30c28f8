"""What the file asks for and this runtime does not do: told at the start, never passed over."""

from __future__ import annotations

from collections.abc import Iterator

from .file import ConfigFile, QuantizationSection

_SAMPLES = QuantizationSection.model_fields["calibration_samples"].default


def unheeded(config: ConfigFile) -> Iterator[str]:
    """One sentence for each."""
    privacy, gpu = config.privacy, config.gpu
    if privacy.free_text == "Redact":
        yield (
            "privacy.freeText is Redact, which is not done yet: conversations are stored as they"
            " are, so set sessions.store to memory or privacy.retention to a short time"
        )
    if privacy.hash_fields:
        yield "privacy.hashFields has no effect: this runtime stores no profiles"
    if gpu.tensor_rt is not None:
        yield "gpu.tensorRT has no effect: the models of this process use no TensorRT engines"
    if gpu.quantization is not None and gpu.quantization.calibration_samples != _SAMPLES:
        yield "gpu.quantization.calibrationSamples has no effect: weights are not calibrated here"
