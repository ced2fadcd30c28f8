"""The face that needs no service: a small network on the processor, or on a GPU."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from digital_human_runtime.errors import BadInput, Conflict, EngineFault
from digital_human_runtime.frames import SHAPES, Check, FaceOptions, Samples, Weights

from .batching import Batching
from .device import Device
from .network import MODEL, Network, load
from .performance import Performance

RATES = (8000, 192000)
"""Sample rates that are taken, in hertz."""
_NOTHING = np.zeros(0, dtype=np.int16)


class EmbeddedFace:
    """A ``Face`` by the committed network; see docs/face-model-card.md for what it can do."""

    def __init__(self, *, fps: int = 30, model: Path = MODEL, device: Device = "auto") -> None:
        if not 1 <= fps <= 100:
            raise BadInput(f"fps: {fps} is not between 1 and 100; take 30 or 60.")
        self._fps = fps
        self._model = model
        self.device = device
        """What was asked for."""
        self._network: Network | None = None
        self._batching: Batching | None = None
        self._failure = ""

    @property
    def fps(self) -> int:
        """Frames for each second of sound."""
        return self._fps

    async def start(self) -> None:
        """
        Load and warm up, below a second on a processor.

        Raises EngineFault when the network cannot be loaded, Refused without the wanted device.
        """
        try:
            self._network = await asyncio.to_thread(_warmed, self._model, self.device)
        except EngineFault as error:
            self._failure = error.message
            raise
        self._failure = ""
        self._batching = Batching(self._network)

    async def close(self) -> None:
        """Stop; open streams fail. May be called twice."""
        batching, self._batching = self._batching, None
        if batching is not None:
            await batching.close()

    def check(self) -> Check:
        """Whether frames can be had."""
        if self._failure:
            return Check("face", ok=False, detail=self._failure)
        if self._network is None or self._batching is None or not self._batching.alive:
            return Check("face", ok=False, detail="not started")
        return Check("face", ok=True, detail=f"embedded network on {self._network.device}")

    async def open(self, *, sample_rate: int, options: FaceOptions) -> EmbeddedStream:
        """Begin a stream; BadInput names a rate or an emotion that cannot be taken."""
        if self._batching is None or self._network is None:
            raise EngineFault("The face is not started.")
        if not RATES[0] <= sample_rate <= RATES[1]:
            raise BadInput(
                f"sample_rate: {sample_rate} Hz is not taken; send {RATES[0]} to {RATES[1]} Hz."
            )
        performance = Performance(
            self._network, sample_rate=sample_rate, fps=self._fps, options=options
        )
        return EmbeddedStream(self._batching, performance)


class EmbeddedStream:
    """A ``FaceStream`` of the embedded face."""

    def __init__(self, batching: Batching, performance: Performance) -> None:
        self._batching = batching
        self._performance = performance
        self._turn = asyncio.Lock()  # a second push takes up where the first one ended
        self._finished = False
        self._closed = False

    async def push(self, samples: Samples) -> Weights:
        """Take sound; return the frames that are certain by now."""
        if self._finished or self._closed:
            raise Conflict("This face stream has ended; open another.")
        if samples.ndim != 1 or samples.dtype != np.int16:
            raise BadInput("samples: send mono PCM of 16 bits.")
        if not len(samples):
            return _none()
        async with self._turn:
            return await self._batching.submit(self._performance, samples, ends=False)

    async def feel(self, emotions: Mapping[str, float], at_sample: int) -> None:
        """Express these emotions from a sample on; BadInput names one that does not exist."""
        self._performance.feel(emotions, at_sample)

    async def finish(self) -> Weights:
        """Return the frames that are left; none when asked again or after ``close``."""
        if self._finished or self._closed:
            return _none()
        self._finished = True
        async with self._turn:
            return await self._batching.submit(self._performance, _NOTHING, ends=True)

    async def close(self) -> None:
        """Give up the stream; may be called at any time, and twice."""
        self._closed = True


def _none() -> Weights:
    return np.zeros((0, len(SHAPES)), dtype=np.float32)


def _warmed(model: Path, device: Device) -> Network:
    network = load(model, device)
    network.warm()
    return network
