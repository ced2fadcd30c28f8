from typing import Any

import numpy as np
import pytest

from digital_human_runtime.engines.face import mouth
from digital_human_runtime.engines.face.compose import STRENGTHS, Composer
from digital_human_runtime.engines.face.emotions import TABLE, Mood, vector
from digital_human_runtime.engines.face.life import Life
from digital_human_runtime.engines.face.mouth import CLOSED, JAW, OUTPUT_INDEX, OUTPUTS
from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import EMOTIONS, SHAPE_INDEX, SHAPES, FaceOptions, Weights

OPEN, CLOSE = SHAPE_INDEX["jawOpen"], SHAPE_INDEX["mouthClose"]
SMILE, SQUINT = SHAPE_INDEX["mouthSmileLeft"], SHAPE_INDEX["cheekSquintLeft"]
BLINK = SHAPE_INDEX["eyeBlinkLeft"]


def composed(
    options: FaceOptions, *, jaw: float = 0.5, closed: float = 0.0, presence: float = 1.0
) -> Weights:
    moved = np.zeros((4, len(OUTPUTS)), np.float32)
    moved[:, JAW], moved[:, CLOSED] = jaw, closed
    mood = Mood(options, 30)
    return Composer(options, 30).compose(
        mouth.shapes(moved),
        mood.frames(0, 4),
        np.zeros((4, len(SHAPES)), np.float32),
        moved[:, CLOSED],
        np.full(4, presence, np.float32),
    )


def test_closed_lips_follow_the_jaw_and_do_not_part() -> None:
    said = np.zeros((1, len(OUTPUTS)), np.float32)
    said[0, [JAW, CLOSED]] = 0.3, 1.0
    said[0, OUTPUT_INDEX["mouthLowerDown"]] = 0.4
    weights = mouth.shapes(said)
    assert weights[0, CLOSE] == weights[0, OPEN] == pytest.approx(0.3)
    assert weights[0, SHAPE_INDEX["mouthLowerDownLeft"]] == 0.0
    assert mouth.closed(weights)[0] == 1.0


def test_both_sides_of_a_mouth_move_alike() -> None:
    said = np.random.default_rng(0).random((3, len(OUTPUTS))).astype(np.float32)
    weights = mouth.shapes(said)
    for name in SHAPES:
        if name.startswith("mouth") and name.endswith("Left") and name != "mouthLeft":
            other = name.removesuffix("Left") + "Right"
            np.testing.assert_array_equal(
                weights[:, SHAPE_INDEX[name]], weights[:, SHAPE_INDEX[other]]
            )


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_emotion_has_a_look_of_its_own(emotion: str) -> None:
    row = TABLE[EMOTIONS.index(emotion)]
    assert np.count_nonzero(row) >= 4
    assert row.max() <= 1.0
    others = np.delete(TABLE, EMOTIONS.index(emotion), axis=0)
    assert np.abs(others - row).max(axis=1).min() > 0.2


def test_emotions_outside_their_range_are_held_and_unknown_ones_refused() -> None:
    assert vector({"joy": 7.0, "anger": -1.0}).tolist() == [
        1.0 if name == "joy" else 0.0 for name in EMOTIONS
    ]
    with pytest.raises(BadInput, match="'bored'"):
        vector({"bored": 0.5})
    with pytest.raises(BadInput, match="joy"):
        vector({"joy": float("nan")})


def test_an_emotion_comes_within_its_transition_and_keeps_its_strength() -> None:
    mood = Mood(FaceOptions(emotion_strength=0.5, transition_seconds=1.0, blend=0.0), 30)
    mood.feel({"joy": 1.0}, 1.0)
    felt = mood.frames(0, 90)[:, SMILE]
    assert felt[:30].max() == 0.0
    assert 0.0 < felt[45] < felt[-1]
    assert felt[61] == felt[-1] == pytest.approx(0.5 * TABLE[EMOTIONS.index("joy"), SMILE])
    assert (np.diff(felt) >= 0).all()


def test_blending_slows_an_emotion_and_pieces_do_not_matter() -> None:
    def felt(blend: float, *pieces: int) -> Weights:
        mood, at, parts = Mood(FaceOptions(blend=blend), 30), 0, []
        mood.feel({"fear": 1.0}, 0.2)
        for piece in pieces:
            parts.append(mood.frames(at, piece))
            at += piece
        return np.concatenate(parts)

    np.testing.assert_array_equal(felt(0.9, 60), felt(0.9, 1, 9, 20, 30))
    assert felt(0.9, 60)[15].max() < felt(0.0, 60)[15].max()


def test_the_same_seed_lives_the_same_life_at_any_rate() -> None:
    slow = Life(4).frames(np.arange(900) / 30)
    fast = Life(4).frames(np.arange(1800) / 60)
    np.testing.assert_allclose(fast[::2], slow, atol=1e-6)
    assert np.abs(Life(5).frames(np.arange(900) / 30) - slow).max() > 0.5


def test_pieces_of_a_life_are_the_whole_of_it() -> None:
    times = np.arange(600) / 30
    life = Life(1)
    pieces = [life.frames(part) for part in np.split(times, [1, 7, 100, 460])]
    np.testing.assert_allclose(np.concatenate(pieces), Life(1).frames(times), atol=1e-6)


def test_a_face_blinks_and_looks_around_in_measure() -> None:
    weights = Life(2).frames(np.arange(60 * 60) / 60)
    blinks = np.count_nonzero(np.diff((weights[:, BLINK] > 0.5).astype(int)) == 1)
    assert 8 <= blinks <= 30
    gaze = weights[:, [i for i, name in enumerate(SHAPES) if "Look" in name]]
    assert 0.05 < gaze.max() < 0.4
    assert weights[:, BLINK].max() == pytest.approx(1.0, abs=0.1)
    other = np.ones(len(SHAPES), bool)
    other[[i for i, n in enumerate(SHAPES) if n.startswith(("eye", "brow"))]] = False
    assert not weights[:, other].any()


def test_options_apply_in_the_order_of_the_protocol() -> None:
    options = FaceOptions(
        strengths={"lowerFaceStrength": 0.5}, multipliers={"jawOpen": 2.0}, offsets={"jawOpen": 0.1}
    )
    assert composed(options)[0, OPEN] == pytest.approx(0.5 * 0.5 * 2.0 + 0.1)


def test_the_clamp_can_be_switched_off() -> None:
    options = FaceOptions(multipliers={"jawOpen": 3.0}, offsets={"mouthLeft": -0.5}, clamp=False)
    assert composed(options)[0, OPEN] == pytest.approx(1.5)
    assert composed(options)[0, SHAPE_INDEX["mouthLeft"]] == -0.5
    held = composed(FaceOptions(multipliers={"jawOpen": 3.0}, offsets={"mouthLeft": -0.5}))
    assert held.max() == 1.0
    assert held.min() == 0.0


@pytest.mark.parametrize(
    "options",
    [
        FaceOptions(multipliers={"mouthClose": 9.0}),
        FaceOptions(offsets={"mouthClose": 1.0}),
        FaceOptions(multipliers={"jawOpen": 0.1}),
        FaceOptions(emotions={"amazement": 1.0}, blend=0.0),
        FaceOptions(strengths={"lipOpenOffset": -0.2}),
    ],
)
def test_nothing_pushes_lips_through_each_other(options: FaceOptions) -> None:
    weights = composed(options, jaw=0.25, closed=1.0)
    assert (weights[:, CLOSE] <= weights[:, OPEN] + 1e-6).all()


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_no_emotion_opens_lips_that_are_closed(emotion: str) -> None:
    options = FaceOptions(emotions={emotion: 1.0}, emotion_strength=1.0)
    assert mouth.closed(composed(options, jaw=0.12, closed=1.0)).min() > 0.5


def test_presence_takes_all_but_life_away() -> None:
    options = FaceOptions(emotions={"joy": 1.0})
    assert composed(options)[0, SQUINT] > 0.2
    assert composed(options, presence=0.0).max() == 0.0


def test_strengths_have_effects_and_are_held_in_range() -> None:
    assert composed(FaceOptions(strengths={"eyelidOpenOffset": -0.5}))[0, BLINK] == 0.5
    assert composed(FaceOptions(strengths={"blinkOffset": 0.25}))[0, BLINK] == 0.25
    wide = composed(FaceOptions(strengths={"eyelidOpenOffset": 9.0}))
    assert wide[0, SHAPE_INDEX["eyeWideLeft"]] == 1.0
    assert composed(FaceOptions(strengths={"lipOpenOffset": 0.1}))[0, OPEN] == pytest.approx(0.6)
    smooth = composed(FaceOptions(strengths={"lowerFaceSmoothing": 0.1}))
    assert smooth[0, OPEN] == pytest.approx(0.5)
    composed(FaceOptions(strengths={"unknown": 1.0}))
    assert all(low <= default <= high for low, high, default in STRENGTHS.values())


@pytest.mark.parametrize("field", ["strengths", "multipliers", "offsets"])
def test_numbers_that_are_none_are_refused_by_name(field: str) -> None:
    wrong: dict[str, Any] = {field: {"jawOpen": float("inf")}}
    with pytest.raises(BadInput, match=f"{field}: jawOpen"):
        Composer(FaceOptions(**wrong), 30)
