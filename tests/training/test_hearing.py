import numpy as np
import pytest

from digital_human_runtime.engines.face.features import BANDS, FLOOR, LogMel
from digital_human_runtime.engines.face.mouth import OUTPUTS
from digital_human_training import noise
from digital_human_training.augment import Augment, Chances

SILENCE = 10 * np.log10(FLOOR)


def test_noise_is_as_loud_as_asked_below_the_spoken_parts() -> None:
    random = np.random.default_rng(0)
    times = np.arange(22050) / 22050
    speech = (8000 * np.sin(2 * np.pi * 300 * times) * (times > 0.5)).astype(np.int16)
    heard = noise.mixed(speech, 20, random, 22050).astype(float) - speech
    level = 20 * np.log10(np.sqrt(np.mean(heard**2)) / (8000 / np.sqrt(2)))
    assert level == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize("colour", noise.COLOURS)
def test_every_colour_is_at_minus_twenty_decibels(colour: str) -> None:
    made = noise.coloured(colour, 22050, 22050, np.random.default_rng(1)).astype(float) / 32768
    assert 20 * np.log10(np.sqrt(np.mean(made**2))) == pytest.approx(-20, abs=1.0)


def test_noise_added_to_powers_is_noise_added_to_sound() -> None:
    random = np.random.default_rng(2)
    loud = noise.coloured("pink", 22050 * 2, 22050, random)
    speech = np.roll(noise.coloured("white", 22050 * 2, 22050, random), 7)
    sum_of_sounds = 10 ** (LogMel(22050).push(loud // 2 + speech // 2) / 10)
    powers = [10 ** (LogMel(22050).push(sound // 2) / 10) for sound in (loud, speech)]
    sum_of_powers = powers[0] + powers[1]
    ratio = np.log10(sum_of_sounds.mean(axis=0) / sum_of_powers.mean(axis=0)) * 10
    assert np.abs(ratio).max() < 1.0


def test_what_is_muted_shuts_its_mouth() -> None:
    random = np.random.default_rng(3)
    augment = Augment(noise.pool(random, seconds=2.0), random, Chances(muted=1.0))
    mouth = np.full((4, 50, len(OUTPUTS)), 0.5, np.float32)
    visemes = np.full((4, 50), 3)
    features = augment(np.full((4, 50, BANDS), 1e-3, np.float32), mouth, visemes)
    assert features.shape == (4, 50, BANDS)
    assert features.dtype == np.float32
    assert not mouth.any()
    assert not visemes.any()
    assert features.mean() < -45


def test_without_noise_silence_stays_silence_and_gain_moves_all_bands() -> None:
    random = np.random.default_rng(4)
    chances = Chances(muted=0.0, noise=0.0, band_limit=0.0, room=0.0)
    augment = Augment(noise.pool(random, seconds=2.0), random, chances)
    power = np.zeros((2, 50, BANDS), np.float32)
    power[:, 25:] = 1e-3
    features = augment(
        power, np.zeros((2, 50, len(OUTPUTS)), np.float32), np.zeros((2, 50), np.int64)
    )
    assert features[:, :25].max() == pytest.approx(SILENCE, abs=1e-3)
    assert (features[:, 25:] > SILENCE + 10).all()
    assert np.ptp(features[:, 25:], axis=1).max() < 1e-4


def test_a_room_fills_the_silence_behind_a_sound_and_not_before_it() -> None:
    random = np.random.default_rng(5)
    chances = Chances(muted=0.0, noise=0.0, band_limit=0.0, room=1.0)
    augment = Augment(noise.pool(random, seconds=2.0), random, chances)
    power = np.zeros((3, 50, BANDS), np.float32)
    power[:, 20:25] = 1e-2
    features = augment(
        power, np.zeros((3, 50, len(OUTPUTS)), np.float32), np.zeros((3, 50), np.int64)
    )
    assert features[:, :20].max() == pytest.approx(SILENCE, abs=1e-3)
    behind = features[:, 25:29].mean(axis=(1, 2))
    assert (behind > SILENCE + 3).all()
    assert (behind < features[:, 20:25].mean(axis=(1, 2))).all()
