"""A model small enough for tests and large enough for several parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import stamina
from safetensors.numpy import save

from digital_human_runtime.models import plan, transfer


@pytest.fixture
def model() -> dict[str, bytes]:
    rng = np.random.default_rng(7)
    weights = save({"w": rng.standard_normal((256, 640), dtype=np.float32)})
    return {
        "model-00001-of-00002.safetensors": weights,
        "model-00002-of-00002.safetensors": save({"b": np.zeros(3, np.float32)}),
        "config.json": b'{"model_type": "llama"}',
        "sub/tokenizer.json": b"{}",
        "README.md": b"A model.",
        ".gitattributes": b"*.safetensors lfs",
        "original/consolidated.00.pth": b"a pickle",
    }


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Parts of 128 KiB, and tries that follow at once."""
    monkeypatch.setattr(transfer, "parts", lambda size: plan.parts(size, 128 * 1024))
    with stamina.set_testing(True, attempts=4):
        yield
