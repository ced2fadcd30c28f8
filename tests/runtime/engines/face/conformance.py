"""
What every ``Face`` must do, whatever makes its frames.

A suite subclasses ``FaceConformance`` and gives it a started face by the fixture ``face``.
"""

import asyncio
import math
from collections.abc import Sequence

import numpy as np
import pytest

from digital_human_runtime.errors import RuntimeFault
from digital_human_runtime.frames import SHAPE_INDEX, SHAPES, FaceOptions, Samples, Weights
from digital_human_runtime.interfaces import Face, FaceStream

JAW, CLOSE = SHAPE_INDEX["jawOpen"], SHAPE_INDEX["mouthClose"]
MOUTH = [i for i, name in enumerate(SHAPES) if name.startswith(("jaw", "mouth", "tongue"))]


def vowels(rate: int, seconds: float) -> Samples:
    """Something like speech: a buzz through two resonances, on and off four times a second."""
    times = np.arange(int(rate * seconds)) / rate
    sound = np.zeros(len(times))
    for harmonic in range(1, 30):
        hertz = 120.0 * harmonic
        size = sum(1.0 / (1.0 + ((hertz - peak) / 90.0) ** 2) for peak in (700.0, 1200.0, 2600.0))
        sound += size * np.sin(2 * np.pi * hertz * times + harmonic)
    sound *= np.clip(np.sin(2 * np.pi * 2.0 * times), 0.0, None)
    return np.asarray(sound / np.abs(sound).max() * 14000, dtype=np.int16)


async def frames(stream: FaceStream, pieces: Sequence[Samples]) -> Weights:
    parts = [await stream.push(piece) for piece in pieces]
    return np.concatenate([*parts, await stream.finish()])


def split(samples: Samples, *lengths: int) -> list[Samples]:
    pieces, at, turn = [], 0, 0
    while at < len(samples):
        pieces.append(samples[at : at + lengths[turn % len(lengths)]])
        at += lengths[turn % len(lengths)]
        turn += 1
    return pieces


class FaceConformance:
    """The tests; ``exact`` says that the same sound gives the same weights in any pieces."""

    tolerance = 1e-3

    @pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100, 48000, 144000])
    async def test_five_seconds_have_exactly_five_seconds_of_frames(
        self, face: Face, rate: int
    ) -> None:
        stream = await face.open(sample_rate=rate, options=FaceOptions())
        made = await frames(stream, split(vowels(rate, 5.0), rate // 10))
        assert made.shape == (5 * face.fps, len(SHAPES))
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert made.min() >= 0.0
        assert made.max() <= 1.0

    @pytest.mark.parametrize("count", [1, 7, 159, 734, 735, 736, 11025, 22051, 33333])
    async def test_a_partial_frame_counts_as_one(self, face: Face, count: int) -> None:
        stream = await face.open(sample_rate=22050, options=FaceOptions())
        made = await frames(stream, split(vowels(22050, 2.0)[:count], 441))
        assert len(made) == math.ceil(count * face.fps / 22050)

    async def test_pieces_do_not_matter(self, face: Face) -> None:
        sound = vowels(22050, 2.3)
        whole = await frames(
            await face.open(sample_rate=22050, options=FaceOptions(seed=3)), [sound]
        )
        odd = await frames(
            await face.open(sample_rate=22050, options=FaceOptions(seed=3)),
            split(sound, 1, 4999, 13, 2205, 700),
        )
        assert odd.shape == whole.shape
        np.testing.assert_allclose(odd, whole, atol=self.tolerance)

    async def test_no_sound_gives_no_frames(self, face: Face) -> None:
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        nothing = np.zeros(0, np.int16)
        assert (await frames(stream, [nothing, nothing])).shape == (0, len(SHAPES))

    async def test_empty_pieces_change_nothing(self, face: Face) -> None:
        sound, nothing = vowels(16000, 1.0), np.zeros(0, np.int16)
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        made = await frames(stream, [nothing, sound[:8000], nothing, sound[8000:], nothing])
        assert len(made) == face.fps

    async def test_speech_moves_the_mouth_and_silence_shuts_it(self, face: Face) -> None:
        quiet = np.zeros(16000, np.int16)
        sound = np.concatenate((quiet, vowels(16000, 1.5), quiet))
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        made = await frames(stream, [sound])
        fps = face.fps
        assert made[fps : 5 * fps // 2, JAW].max() > 0.15
        assert np.ptp(made[fps : 5 * fps // 2, JAW]) > 0.1
        apart = made[:, JAW] - made[:, CLOSE]
        assert apart[: fps // 2].max() < 0.05
        assert apart[-fps // 2 :].max() < 0.05

    async def test_lips_never_go_through_each_other(self, face: Face) -> None:
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        made = await frames(stream, [vowels(16000, 1.0)])
        assert (made[:, CLOSE] <= made[:, JAW] + 1e-6).all()

    async def test_the_face_is_neutral_at_the_end(self, face: Face) -> None:
        options = FaceOptions(emotions={"joy": 1.0}, blend=0.0)
        stream = await face.open(sample_rate=16000, options=options)
        sound = vowels(16000, 2.13)
        made = await frames(stream, [sound])
        assert made[-1, MOUTH].max() < 0.05

    async def test_streams_do_not_know_of_each_other(self, face: Face) -> None:
        loud, quiet = vowels(16000, 1.0), np.zeros(16000, np.int16)
        alone = await frames(await face.open(sample_rate=16000, options=FaceOptions()), [loud])
        one, other = [await face.open(sample_rate=16000, options=FaceOptions()) for _ in range(2)]
        together, still = await asyncio.gather(
            frames(one, split(loud, 1600)), frames(other, split(quiet, 1600))
        )
        np.testing.assert_allclose(together, alone, atol=self.tolerance)
        assert still[:, JAW].max() < 0.05

    async def test_finish_twice_gives_nothing_more(self, face: Face) -> None:
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        await frames(stream, [vowels(16000, 0.5)])
        assert len(await stream.finish()) == 0

    async def test_push_after_the_end_is_refused(self, face: Face) -> None:
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        await frames(stream, [vowels(16000, 0.2)])
        with pytest.raises(RuntimeFault, match="ended"):
            await stream.push(vowels(16000, 0.2))

    async def test_close_at_any_time_and_twice(self, face: Face) -> None:
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        await stream.push(vowels(16000, 0.3))
        await stream.close()
        await stream.close()
        assert len(await stream.finish()) == 0
        assert face.check().ok

    async def test_a_cancelled_push_leaves_other_streams_alone(self, face: Face) -> None:
        left, kept = [await face.open(sample_rate=16000, options=FaceOptions()) for _ in range(2)]
        task = asyncio.create_task(frames(left, split(vowels(16000, 20.0), 16000)))
        await asyncio.sleep(0)
        task.cancel()
        made = await frames(kept, split(vowels(16000, 1.0), 1600))
        await asyncio.gather(task, return_exceptions=True)
        await left.close()
        assert len(made) == face.fps

    async def test_an_impossible_rate_is_refused_by_name(self, face: Face) -> None:
        with pytest.raises(RuntimeFault, match="sample_rate"):
            await face.open(sample_rate=0, options=FaceOptions())

    async def test_an_unknown_emotion_is_refused_by_name(self, face: Face) -> None:
        with pytest.raises(RuntimeFault, match="boredom"):
            await face.open(sample_rate=16000, options=FaceOptions(emotions={"boredom": 1.0}))

    async def test_feeling_is_taken_in_the_middle(self, face: Face) -> None:
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        await stream.push(vowels(16000, 0.5))
        await stream.feel({"joy": 0.9}, 8000)
        with pytest.raises(RuntimeFault, match="boredom"):
            await stream.feel({"boredom": 1.0}, 8000)
        made = await frames(stream, [vowels(16000, 0.5)])
        assert len(made) > 0

    async def test_closing_the_face_twice_is_fine(self, face: Face) -> None:
        await face.close()
        await face.close()
        assert not face.check().ok
