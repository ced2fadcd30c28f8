"""Checks of one turn's sound and face, as a viewer would notice them."""

from __future__ import annotations

import numpy as np

from .media import MediaFrame

OPEN = 0.08
"""A jaw that opens less is not seen to speak."""
LOUD = 0.02
"""Root mean square of speech against full scale; below it is silence."""
MOUTH_SHAPES = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDownLeft", "mouthStretchLeft")


class Lips:
    """Takes the media of one turn in order and notes what does not fit."""

    def __init__(self, sample_rate: int, fps: int, shapes: list[str]) -> None:
        self._rate, self._fps = sample_rate, fps
        self._columns = [shapes.index(name) for name in MOUTH_SHAPES if name in shapes]
        self._samples = self._frames = 0
        self._moved = self._loud = False
        self.marks: list[str] = []

    @property
    def samples(self) -> int:
        """Samples taken so far."""
        return self._samples

    def take(self, media: MediaFrame) -> None:
        """Check that this follows what came before, and that every sound has its face."""
        if media.first_sample != self._samples:
            self._mark("sound has a gap or an overlap")
        if len(media.weights) and media.first_frame != self._frames:
            self._mark("face frames have a gap or an overlap")
        self._samples = media.first_sample + len(media.samples)
        if len(media.weights):
            self._frames = media.first_frame + len(media.weights)
            self._moved |= bool(np.ptp(media.weights[:, self._columns], axis=0).max() > OPEN)
            self._moved |= bool(media.weights[:, self._columns].max() > 2 * OPEN)
        if len(media.samples):
            sound = media.samples.astype(np.float32) / 32768
            self._loud |= float(np.sqrt(np.mean(sound**2))) > LOUD
        if self._frames < self._needed():
            self._mark("sound came before its face")

    def end(self, samples: int) -> list[str]:
        """What was found, once ``samples`` of the turn were announced as all there are."""
        if samples != self._samples:
            self._mark("fewer samples came than were announced")
        if self._loud and not self._moved:
            self._mark("the mouth did not move while there was speech")
        return self.marks

    def _needed(self) -> int:
        """Frames whose sample has been sent: k such that round(k * rate / fps) < samples."""
        frame = int((self._samples - 1) * self._fps / self._rate)
        while round((frame + 1) * self._rate / self._fps) < self._samples:
            frame += 1
        return frame + 1 if self._samples else 0

    def _mark(self, sentence: str) -> None:
        if sentence not in self.marks:
            self.marks.append(sentence)
