"""The committed network, run by onnxruntime."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.engines.face.features import BANDS, Features
from digital_human_runtime.engines.face.mouth import OUTPUTS, Mouth
from digital_human_runtime.errors import EngineFault

from . import device

MODEL = Path(__file__).parent / "model" / "face.onnx"
CARD = MODEL.with_suffix(".json")
_FRAMES = 100
"""Most frames of one run: a long push of one stream does not keep the others waiting."""

State = NDArray[np.float32]
"""All that the network carries from one piece of a stream to the next, shape (n,)."""


@dataclass(slots=True)
class Work:
    """Features of one stream to be answered; ``state`` is moved on."""

    features: Features
    state: State
    answered: list[Mouth]


class Network:
    """Runs ready streams together, where its session does: on the processor or on a GPU."""

    def __init__(self, session: device.Session, look_ahead: int) -> None:
        self._session = session
        self._names = ["mouth", "state_out"]
        self.look_ahead = look_ahead
        """Frames of features after which the answer to a frame comes."""
        self._state_size = int(session.inputs[1].shape[1])

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where it runs now."""
        return self._session.device

    def begin(self) -> State:
        """The state at the beginning of a stream."""
        return np.zeros(self._state_size, dtype=np.float32)

    def run(self, works: list[Work]) -> None:
        """Answer all of ``works``; streams that have equally much to do are run in one go."""
        left = [work for work in works if len(work.features)]
        while left:
            frames = min(_FRAMES, *(len(work.features) for work in left), _FRAMES)
            mouths, states = self._session.run(
                self._names,
                {
                    "features": np.stack([work.features[:frames] for work in left]),
                    "state": np.stack([work.state for work in left]),
                },
            )
            for work, mouth, state in zip(left, mouths, states, strict=True):
                work.features = work.features[frames:]
                work.state = state
                work.answered.append(mouth)
            left = [work for work in left if len(work.features)]

    def warm(self) -> None:
        """Run the sizes that are usual, so that the first stream is as fast as any."""
        for streams in (1, 2, 8):
            works = [
                Work(np.full((30, BANDS), -80.0, np.float32), self.begin(), [])
                for _ in range(streams)
            ]
            self.run(works)


def load(model: Path = MODEL, wanted: device.Device = "auto") -> Network:
    """
    Load a model and the card beside it to the device that is wanted.

    Raises EngineFault when they are not what was committed, Refused where there is no such device.
    """
    try:
        raw = model.read_bytes()
        card = json.loads(model.with_suffix(".json").read_text())
    except (OSError, ValueError) as error:
        raise EngineFault(
            "The face network cannot be read: install the package again, or run make train-face."
        ) from error
    if hashlib.sha256(raw).hexdigest() != card["sha256"]:
        raise EngineFault("The face network is not the one of its card: install the package again.")
    if card["outputs"] != list(OUTPUTS) or card["bands"] != BANDS:
        raise EngineFault("The face network is of another version: run make train-face.")
    return Network(device.Session(raw, wanted), int(card["look_ahead"]))
