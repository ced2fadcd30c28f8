"""The real voice and face through the pipeline: lips are closed when p, b and m sound."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from digital_human_runtime.engines.face.embedded import EmbeddedFace
from digital_human_runtime.engines.voice.espeak.voice import EspeakVoice
from digital_human_runtime.frames import SHAPE_INDEX
from digital_human_runtime.pipeline import Engines
from tests.runtime.pipeline.listener import Figures, Listener, a_turn
from tests.runtime.support import ScriptedModel

ANSWER = (
    "My mom baked a pumpkin pie, and Bob put it by my bed. Maybe Pam will pick up a map of the "
    "park. But Peter's puppy bumped a bumble bee, poor boy!"
)


@pytest.fixture
async def real() -> AsyncIterator[Engines]:
    """eSpeak NG and the embedded network."""
    found = Engines(ScriptedModel(ANSWER), EspeakVoice(), EmbeddedFace())
    try:
        await found.voice.start()
        await found.face.start()
        yield found
    finally:
        await found.face.close()
        await found.voice.close()


async def test_lips_close_in_every_clause(real: Engines) -> None:
    listener, figures = Listener(), Figures()
    ended = await a_turn(real, listener, observer=figures).run()
    assert (ended.reason, ended.heard) == ("complete", ANSWER)
    assert (figures.turns[0].skew_samples, figures.turns[0].face_failovers) == (0, 0)
    weights, rate, fps = listener.weights, real.voice.sample_rate, real.face.fps
    closed = (weights[:, SHAPE_INDEX["mouthClose"]] > 0.5 * weights[:, SHAPE_INDEX["jawOpen"]]) & (
        weights[:, SHAPE_INDEX["jawOpen"]] < 0.3
    )
    assert closed.mean() < 0.5  # open for most of the time: hitting a closure is no chance
    assert len(listener.captions) >= 3
    for caption in listener.captions:
        moments = await closures(real, caption.text)
        first, last = (moments + caption.first_sample).T
        hits = [
            closed[int(a * fps / rate) : int(np.ceil(b * fps / rate)) + 1].any()
            for a, b in zip(first, last, strict=True)
        ]
        assert len(hits) >= 3
        assert np.mean(hits) >= 0.75, (caption.text, hits)


async def closures(real: Engines, text: str) -> np.ndarray:
    """When the lips are closed in a text: first and last samples of p, b and m, shape (n, 2)."""
    found = [
        (phoneme.first_sample, phoneme.last_sample)
        async for speech in real.voice.speak(text, voice="")
        for phoneme in speech.phonemes
        if phoneme.symbol in {"p", "b", "m"}
    ]
    return np.array(found)
