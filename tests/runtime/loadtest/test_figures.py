"""Figures of a load test, and the checks of lips that they rest on."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.frames import SHAPES, frame_sample
from digital_human_runtime.loadtest import media
from digital_human_runtime.loadtest.figures import Outcome, percentile, summary
from digital_human_runtime.loadtest.lips import Lips

RATE, FPS = 22050, 30
JAW = SHAPES.index("jawOpen")


def frame(
    first_sample: int, samples: int, first_frame: int, frames: int, *, jaw: float = 0.0
) -> media.MediaFrame:
    weights = np.zeros((frames, len(SHAPES)), np.float32)
    weights[::2, JAW] = jaw
    sound = (8000 * np.sin(np.arange(samples) / 5)).astype(np.int16)
    return media.MediaFrame(1, first_sample, sound, first_frame, weights)


def lips() -> Lips:
    return Lips(RATE, FPS, list(SHAPES))


def test_percentiles_are_nearest_ranks() -> None:
    values = [float(v) for v in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.95) == 95
    assert percentile(values, 1.0) == 100
    assert percentile([3.0], 0.01) == 3
    assert percentile([], 0.5) is None


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-9


def test_the_summary_counts_failures_by_what_they_said() -> None:
    found = summary(
        [Outcome(True, 0.2, first_audio=0.05), Outcome(False, 1.0, "busy")], wall_seconds=2.0
    )
    assert found["successPercent"] == 50.0
    assert found["perSecond"] == 1.0
    assert found["faults"] == {"busy": 1}
    assert found["firstAudioMs"] == dict.fromkeys(("p50", "p90", "p95", "p99", "max"), 50.0)


def test_moving_lips_with_sound_are_fine() -> None:
    seen = lips()
    seen.take(frame(0, 2205, 0, 3, jaw=0.4))
    seen.take(frame(2205, 2205, 3, 3, jaw=0.4))
    assert seen.end(4410) == []


@pytest.mark.parametrize(
    ("pieces", "end", "mark"),
    [
        ([frame(0, 2205, 0, 3, jaw=0.4), frame(2210, 10, 3, 1)], 2220, "sound has a gap"),
        ([frame(0, 2205, 0, 3, jaw=0.4), frame(2205, 10, 4, 1)], 2215, "face frames have a gap"),
        ([frame(0, 2205, 0, 3)], 2205, "the mouth did not move"),
        ([frame(0, 2205, 0, 2, jaw=0.4)], 2205, "sound came before its face"),
        ([frame(0, 2205, 0, 3, jaw=0.4)], 9999, "fewer samples"),
    ],
)
def test_what_does_not_fit_is_marked(pieces: list[media.MediaFrame], end: int, mark: str) -> None:
    seen = lips()
    for piece in pieces:
        seen.take(piece)
    assert any(mark in found for found in seen.end(end))


@given(st.integers(1, 60_000), st.sampled_from([16000, 22050, 24000, 44100, 48000]))
def test_frames_needed_are_those_whose_sample_was_sent(samples: int, rate: int) -> None:
    seen = Lips(rate, FPS, list(SHAPES))
    seen._samples = samples
    needed = seen._needed()
    assert frame_sample(needed - 1, rate, FPS) < samples <= frame_sample(needed, rate, FPS)


def packed(samples: list[int], weights: list[list[int]]) -> bytes:
    header = struct.pack("<BBHIQIIII", 1, 1, 2, 7, 100, len(samples), 3, len(weights), 0)
    sound = np.array(samples, "<i2").tobytes()
    return header + sound + bytes(v for row in weights for v in row)


def test_a_media_frame_is_read_as_the_protocol_says() -> None:
    found = media.read(packed([1, -2, 3], [[0, 255], [51, 102]]))
    assert (found.turn, found.first_sample, found.first_frame) == (7, 100, 3)
    assert found.samples.tolist() == [1, -2, 3]
    assert found.weights == pytest.approx(np.array([[0, 1], [0.2, 0.4]]))


@pytest.mark.parametrize("broken", [b"", packed([1], [[1, 2]])[:-1], b"\2" + packed([1], [])[1:]])
def test_anything_else_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"media frame|are not|do not hold"):
        media.read(broken)
