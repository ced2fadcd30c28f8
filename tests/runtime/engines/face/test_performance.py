import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from digital_human_runtime.engines.face.embedded import EmbeddedFace
from digital_human_runtime.engines.face.embedded.batching import Batching
from digital_human_runtime.engines.face.embedded.network import MODEL, Network, Work, load
from digital_human_runtime.engines.face.embedded.performance import Performance
from digital_human_runtime.engines.face.features import BANDS
from digital_human_runtime.errors import BadInput, EngineFault
from digital_human_runtime.frames import FaceOptions, Samples, Weights

from .conformance import CLOSE, JAW, MOUTH, vowels


@pytest.fixture(scope="module")
def network() -> Network:
    return load()


def performed(network: Network, sound: Samples, *, rate: int = 16000, fps: int = 30) -> Weights:
    performance = Performance(network, sample_rate=rate, fps=fps, options=FaceOptions())
    works = [performance.hear(sound)]
    network.run(works)
    made = performance.settle(works[0])
    works = [performance.end()]
    network.run(works)
    return np.concatenate((made, performance.settle(works[0])))


def test_streams_run_together_are_answered_as_if_alone(network: Network) -> None:
    random = np.random.default_rng(0)
    features = [
        (random.normal(size=(count, BANDS)) * 10 - 50).astype(np.float32)
        for count in (3, 0, 130, 10, 10)
    ]
    together = [Work(part, network.begin(), []) for part in features]
    network.run(together)
    for part, work in zip(features, together, strict=True):
        alone = Work(part, network.begin(), [])
        network.run([alone])
        assert sum(map(len, work.answered)) == len(part)
        np.testing.assert_allclose(work.state, alone.state, atol=1e-5)
        if len(part):
            np.testing.assert_allclose(
                np.concatenate(work.answered), np.concatenate(alone.answered), atol=1e-5
            )


def test_thirty_and_sixty_frames_a_second_show_the_same(network: Network) -> None:
    sound = vowels(16000, 2.0)
    slow, fast = (performed(network, sound, fps=fps) for fps in (30, 60))
    np.testing.assert_allclose(fast[::2][:-5], slow[:-5], atol=1e-4)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_the_sample_rate_hardly_matters(network: Network, rate: int) -> None:
    one, other = (
        performed(network, vowels(16000, 2.0)),
        performed(network, vowels(rate, 2.0), rate=rate),
    )
    assert len(one) == len(other)
    assert np.abs(one[:, JAW] - other[:, JAW]).mean() < 0.05


def test_frames_come_about_a_tenth_of_a_second_after_their_sound(network: Network) -> None:
    performance = Performance(network, sample_rate=16000, fps=60, options=FaceOptions())
    work = performance.hear(vowels(16000, 1.0))
    network.run([work])
    assert 50 <= len(performance.settle(work)) <= 54


def test_digital_silence_shuts_whatever_the_network_thinks(network: Network) -> None:
    sound = np.concatenate((vowels(16000, 1.1), np.zeros(16000, np.int16), vowels(16000, 1.0)))
    made = performed(network, sound)
    quiet = made[int(1.45 * 30) : int(1.95 * 30)]
    assert quiet[:, MOUTH].max() < 0.02


def test_a_room_without_speech_leaves_the_mouth_shut(network: Network) -> None:
    room = (np.random.default_rng(0).normal(size=48000) * 60).astype(np.int16)
    made = performed(network, room)
    assert (made[10:, JAW] - made[10:, CLOSE]).max() < 0.05


def test_the_mouth_does_not_jump(network: Network) -> None:
    made = performed(network, vowels(16000, 3.0), fps=60)
    assert np.abs(np.diff(made[:, JAW])).max() < 0.25


async def test_a_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    face = EmbeddedFace(model=tmp_path / "face.onnx")
    with pytest.raises(EngineFault, match="cannot be read"):
        await face.start()
    check = face.check()
    assert not check.ok
    assert "cannot be read" in check.detail


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"sha256": "0"}, "not the one of its card"), ({"bands": 64}, "another version")],
)
def test_a_model_that_was_changed_is_refused(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    told = json.loads(MODEL.with_suffix(".json").read_text())
    (tmp_path / "face.onnx").write_bytes(MODEL.read_bytes())
    (tmp_path / "face.json").write_text(json.dumps(told | change))
    with pytest.raises(EngineFault, match=sentence):
        load(tmp_path / "face.onnx")


@pytest.mark.parametrize("fps", [0, 101, -30])
def test_an_impossible_frame_rate_is_refused(fps: int) -> None:
    with pytest.raises(BadInput, match="fps"):
        EmbeddedFace(fps=fps)


async def test_a_face_that_is_not_started_says_so() -> None:
    face = EmbeddedFace()
    assert face.check().detail == "not started"
    with pytest.raises(EngineFault, match="not started"):
        await face.open(sample_rate=16000, options=FaceOptions())


async def test_streams_of_a_closed_face_fail_instead_of_hanging() -> None:
    face = EmbeddedFace()
    await face.start()
    stream = await face.open(sample_rate=16000, options=FaceOptions())
    pushing = asyncio.create_task(stream.push(vowels(16000, 30.0)))
    await asyncio.sleep(0)
    await face.close()
    async with asyncio.timeout(10):
        with pytest.raises(EngineFault):
            await pushing
        with pytest.raises(EngineFault, match="stopped"):
            await stream.push(vowels(16000, 0.1))


@pytest.mark.parametrize("sound", [np.zeros(10, np.float32), np.zeros((2, 10), np.int16)])
async def test_sound_of_another_kind_is_refused(sound: Samples) -> None:
    face = EmbeddedFace()
    await face.start()
    stream = await face.open(sample_rate=16000, options=FaceOptions())
    with pytest.raises(BadInput, match="16 bits"):
        await stream.push(sound)
    await face.close()


class Counting:
    """A network that counts how many streams were run at once."""

    look_ahead = 10

    def __init__(self, network: Network, broken: bool = False) -> None:
        self._network, self._broken = network, broken
        self.together: list[int] = []

    def begin(self) -> np.ndarray:
        return self._network.begin()

    def run(self, works: list[Work]) -> None:
        self.together.append(len(works))
        if self._broken:
            raise RuntimeError("out of memory")
        self._network.run(works)


async def pushed(counting: Counting, streams: int, **limits: int) -> list[Weights | BaseException]:
    batching = Batching(counting, **limits)  # type: ignore[arg-type] # a stand-in
    performances = [
        Performance(counting, sample_rate=16000, fps=30, options=FaceOptions())  # type: ignore[arg-type]
        for _ in range(streams)
    ]
    try:
        return await asyncio.gather(
            *(batching.submit(p, vowels(16000, 0.5), ends=False) for p in performances),
            return_exceptions=True,
        )
    finally:
        await batching.close()
        await batching.close()


async def test_what_is_ready_is_run_together(network: Network) -> None:
    counting = Counting(network)
    made = await pushed(counting, 20)
    assert sum(counting.together) == 20
    assert max(counting.together) >= 10
    assert {len(weights) for weights in made if isinstance(weights, np.ndarray)} == {12}


async def test_a_full_queue_makes_pushes_wait_and_loses_none(network: Network) -> None:
    counting = Counting(network)
    made = await pushed(counting, 30, room=2, together=4)
    assert len([weights for weights in made if isinstance(weights, np.ndarray)]) == 30
    assert max(counting.together) <= 4


async def test_a_broken_network_fails_its_streams_and_says_no_more_than_its_kind(
    network: Network,
) -> None:
    made = await pushed(Counting(network, broken=True), 3)
    assert all(isinstance(fault, EngineFault) for fault in made)
    assert "out of memory" not in str(made[0])
    assert "RuntimeError" in str(made[0])


class Broken(Performance):
    """A stream that has lost its way."""

    def settle(self, work: Work) -> Weights:
        raise IndexError("at 0x1")


async def test_the_fault_of_one_stream_is_that_streams_alone(network: Network) -> None:
    options = FaceOptions()
    batching = Batching(network)
    made = await asyncio.gather(
        *(
            batching.submit(
                kind(network, sample_rate=16000, fps=30, options=options),
                vowels(16000, 0.5),
                ends=False,
            )
            for kind in (Performance, Broken, Performance)
        ),
        return_exceptions=True,
    )
    assert isinstance(made[1], EngineFault)
    assert [len(weights) for weights in (made[0], made[2]) if isinstance(weights, np.ndarray)] == [
        *(12, 12)
    ]
    assert batching.alive
    await batching.close()


async def test_pushes_that_wait_for_room_fail_when_the_face_closes(network: Network) -> None:
    batching = Batching(network, room=1, together=1)
    pushes = [
        asyncio.create_task(
            batching.submit(
                Performance(network, sample_rate=16000, fps=30, options=FaceOptions()),
                vowels(16000, 20.0),
                ends=False,
            )
        )
        for _ in range(6)
    ]
    await asyncio.sleep(0)
    await batching.close()
    async with asyncio.timeout(10):
        made = await asyncio.gather(*pushes, return_exceptions=True)
    assert all(isinstance(fault, EngineFault) for fault in made)
