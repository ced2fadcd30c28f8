"""The face stage: every sample has its frame, whatever happens to the faces."""

import asyncio
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.frames import (
    SHAPE_INDEX,
    SHAPES,
    FaceOptions,
    Samples,
    Weights,
    frame_sample,
)
from digital_human_runtime.stages import FaceStage, frames_before
from tests.runtime.support import EnergyFace, EnergyStream

RATE = 16_000
MARK = SHAPE_INDEX["browInnerUp"]
JAW = SHAPE_INDEX["jawOpen"]


def loud(samples: int) -> Samples:
    """Sound that opens the jaw."""
    return np.full(samples, 6000, np.int16)


def a_stage(*faces: EnergyFace, rate: int = RATE) -> FaceStage:
    """A stage with these faces."""
    return FaceStage(faces, sample_rate=rate, options=FaceOptions(), push_seconds=1.0)


async def perform(stage: FaceStage, pieces: list[int]) -> Weights:
    """All frames of loud sound that comes in pieces of these lengths."""
    return await perform_sound(stage, [loud(piece) for piece in pieces])


async def perform_sound(stage: FaceStage, pieces: Sequence[Samples]) -> Weights:
    """All frames of sound that comes in pieces."""
    frames = [await stage.push(piece) for piece in pieces]
    frames.append(await stage.finish())
    await stage.close()
    return np.concatenate(frames)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("rate", "fps"), [(16_000, 30), (22_050, 60), (22_050, 30), (44_100, 60), (24_000, 25)]
)
@pytest.mark.parametrize("seconds", [5.0, 0.001, 1.2345])
async def test_samples_give_their_number_of_frames(rate: int, fps: int, seconds: float) -> None:
    samples = round(seconds * rate)
    odd = [samples // 7] * 7 + [samples % 7]
    weights = await perform(a_stage(EnergyFace(fps=fps), rate=rate), odd)
    assert len(weights) == math.ceil(samples * fps / rate)


async def test_exactly_five_seconds_are_150_frames() -> None:
    assert len(await perform(a_stage(EnergyFace()), [RATE] * 5 + [0])) == 150


@given(
    st.integers(1, 200_000),
    st.sampled_from([8000, 16_000, 22_050, 44_100, 48_000]),
    st.sampled_from([24, 25, 30, 60]),
)
def test_frames_before_a_sample(sample: int, rate: int, fps: int) -> None:
    count = frames_before(sample, rate, fps)
    assert frame_sample(count, rate, fps) >= sample
    assert count == 0 or frame_sample(count - 1, rate, fps) < sample


@pytest.mark.looptime
@pytest.mark.parametrize("fail_at", [1, 1600, 7999, 8000, 16_000, 24_000])
@pytest.mark.parametrize("hang", [False, True])
async def test_the_second_face_goes_on_within_the_clause(fail_at: int, hang: bool) -> None:
    first, second = EnergyFace(fail_at=fail_at, hang=hang, mark=0.25), EnergyFace(mark=0.75)
    stage = a_stage(first, second)
    weights = await perform(stage, [1600] * 15)
    assert len(weights) == 45
    assert stage.failovers == 1
    assert weights[-1, MARK] == pytest.approx(0.75)
    assert np.abs(np.diff(weights[3:, MARK])).max() < 0.2  # no jump
    assert weights[5:, JAW].min() > 0.3  # nor a gap in its movement
    assert first.streams.open == second.streams.open == 0
    if fail_at == 16_000:
        assert weights[10, MARK] == pytest.approx(0.25)


async def test_a_face_that_cannot_be_opened_is_passed_over() -> None:
    stage = a_stage(EnergyFace(fail_open=True), EnergyFace(mark=0.75))
    await stage.open()
    weights = await perform(stage, [1600] * 10)
    assert weights[-1, MARK] == pytest.approx(0.75)
    assert stage.failovers == 1


async def test_without_any_face_the_human_comes_to_rest() -> None:
    stage = a_stage(EnergyFace(fail_at=16_000), EnergyFace(fail_at=3_000))
    weights = await perform(stage, [1600] * 20)
    assert len(weights) == 60
    assert weights[20, JAW] > 0.3
    assert not weights[-20:].any()
    assert np.abs(np.diff(weights[:, JAW])[2:]).max() < 0.25


async def test_no_face_at_all() -> None:
    weights = await perform(a_stage(EnergyFace(fail_open=True)), [1600] * 4)
    assert weights.shape == (12, len(SHAPES))
    assert not weights.any()


class Odd(EnergyStream):
    """A stream that gives what it likes."""

    gives: Weights = np.zeros((1, 3), np.float32)

    async def push(self, samples: Samples) -> Weights:
        """Give it."""
        return self.gives


class OddFace(EnergyFace):
    """Opens odd streams."""

    gives: Weights = np.zeros((1, 3), np.float32)

    async def open(self, *, sample_rate: int, options: FaceOptions) -> EnergyStream:
        """Begin one."""
        self.streams.__enter__()
        stream = Odd(self, sample_rate)
        stream.gives = self.gives
        return stream


@pytest.mark.parametrize(
    "gives",
    [
        np.zeros((1, 3), np.float32),
        np.zeros(52, np.float32),
        np.full((1, 52), np.nan, np.float32),
    ],
)
async def test_what_are_no_weights_is_a_failure(gives: Weights) -> None:
    odd = OddFace()
    odd.gives = gives
    stage = a_stage(odd, EnergyFace(mark=0.75))
    weights = await perform(stage, [1600] * 10)
    assert stage.failovers == 1
    assert weights[-1, MARK] == pytest.approx(0.75)


async def test_weights_are_put_into_range_and_number() -> None:
    odd = OddFace()
    odd.gives = np.full((50, 52), 7.0, np.float32)
    weights = await perform(a_stage(odd), [1600] * 2)
    assert weights.shape == (6, 52)
    assert weights.max() == 1.0


@pytest.mark.parametrize("rest", [0.2, 0.15, 0.5])
async def test_the_face_eases_to_neutral(rest: float) -> None:
    stage = a_stage(EnergyFace())
    frames = [await stage.push(loud(16_123))]
    stage.rest(rest)
    frames.append(await stage.push(loud(int(rest * RATE))))
    frames.append(await stage.finish())
    jaw = np.concatenate(frames)[:, JAW]
    spoken = math.ceil(16_123 * 30 / RATE)
    assert jaw[spoken - 1] > 0.5
    assert (np.diff(jaw[spoken - 1 :]) <= 0).all()
    assert jaw[-1] == 0.0


async def test_closing_twice_and_in_the_middle() -> None:
    face = EnergyFace()
    stage = a_stage(face)
    await stage.open()
    await stage.push(loud(1600))
    await stage.close()
    await stage.close()
    assert face.streams.open == 0


@pytest.mark.looptime
async def test_a_face_that_hangs_in_close_does_not_hold_the_turn() -> None:
    class Clinging(EnergyStream):
        async def close(self) -> None:
            await asyncio.Event().wait()

    class ClingingFace(EnergyFace):
        async def open(self, *, sample_rate: int, options: FaceOptions) -> EnergyStream:
            return Clinging(self, sample_rate)

    stage = a_stage(ClingingFace())
    await stage.open()
    async with asyncio.timeout(1.5):
        await stage.close()
