"""The catalogue of language models: the numbers that their memory follows from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from digital_human_operator.api.v1alpha1.mind import TransformersEngine


@dataclass(frozen=True)
class Model:
    """Size and attention shape, as in the model's own config.json."""

    parameters: float
    """All parameters, also of experts that are not active."""
    layers: int
    kv_heads: int
    head_dim: int

    @property
    def kv_bytes_per_token(self) -> int:
        """Key and value of one token in all layers, in 16 bits."""
        return 2 * self.layers * self.kv_heads * self.head_dim * 2


_LLAMA_8B = Model(8.030e9, 32, 8, 128)
_LLAMA_70B = Model(70.554e9, 80, 8, 128)

MODELS = {
    "llama3:8b": _LLAMA_8B,
    "llama3:70b": _LLAMA_70B,
    "llama3.1:8b": _LLAMA_8B,
    "llama3.1:70b": _LLAMA_70B,
    "llama3.1:405b": Model(405.853e9, 126, 8, 128),
    "llama3.2:1b": Model(1.236e9, 16, 8, 64),
    "llama3.2:3b": Model(3.213e9, 28, 8, 128),
    "llama3.3:70b": _LLAMA_70B,
    "mistral:7b": Model(7.248e9, 32, 8, 128),
    "mistral-nemo:12b": Model(12.248e9, 40, 8, 128),
    "mixtral:8x7b": Model(46.703e9, 32, 8, 128),
    "mixtral:8x22b": Model(140.630e9, 56, 8, 128),
    "qwen2.5:0.5b": Model(0.494e9, 24, 2, 64),
    "qwen2.5:1.5b": Model(1.544e9, 28, 2, 128),
    "qwen2.5:3b": Model(3.086e9, 36, 2, 128),
    "qwen2.5:7b": Model(7.616e9, 28, 4, 128),
    "qwen2.5:14b": Model(14.770e9, 48, 8, 128),
    "qwen2.5:32b": Model(32.764e9, 64, 8, 128),
    "qwen2.5:72b": Model(72.706e9, 80, 8, 128),
    "gemma2:2b": Model(2.614e9, 26, 4, 256),
    "gemma2:9b": Model(9.242e9, 42, 8, 256),
    "gemma2:27b": Model(27.227e9, 46, 16, 128),
    "phi3:mini": Model(3.821e9, 32, 32, 96),
    "phi3:medium": Model(13.960e9, 40, 10, 128),
    "phi4:14b": Model(14.660e9, 40, 10, 128),
    "tinyllama:1.1b": Model(1.100e9, 22, 4, 64),
}
"""By the short name that people use; all layers count as if they attended to everything."""

_SPELLINGS = (
    (r"(?:meta-)?llama-?(3(?:\.[123])?)[-:]([0-9]+b)", r"llama\1:\2"),
    (r"mistral-nemo(?:-[a-z]+)?[-:](?:2407|12b)", r"mistral-nemo:12b"),
    (r"mi(s|x)tral[-:]((?:8x)?[0-9]+b)", r"mi\1tral:\2"),
    (r"qwen-?2\.5[-:]([0-9.]+b)", r"qwen2.5:\1"),
    (r"gemma-?2[-:]([0-9]+b)", r"gemma2:\1"),
    (r"phi-?3[-:](mini|medium)", r"phi3:\1"),
    (r"phi-?4(?::14b)?", r"phi4:14b"),
    (r"tinyllama[-:]1\.1b", r"tinyllama:1.1b"),
)


def find(engine: TransformersEngine) -> Model | None:
    """The numbers of the engine's model: its own, or those of the catalogue."""
    given = engine.architecture
    if given is not None:
        parameters = given.parameters_billions * 1e9
        return Model(parameters, given.layers, given.kv_heads, given.head_dim)
    return MODELS.get(_short(engine.model))


def _short(name: str) -> str:
    """The catalogue's spelling: ``meta-llama/Meta-Llama-3-70B-Instruct`` is ``llama3:70b``."""
    bare = name.lower().rpartition("/")[2]
    for pattern, short in _SPELLINGS:
        # A suffix such as -instruct or -q4_0 names another training or file of the same shape.
        found = re.fullmatch(rf"({pattern})(?:[-_.].*)?", bare)
        if found is not None:
            return re.sub(pattern, short, found.group(1))
    return bare
