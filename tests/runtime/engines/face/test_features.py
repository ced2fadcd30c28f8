import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_human_runtime.engines.face.features import BANDS, FLOOR, LogMel, band_edges

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 144000]


def tones(rate: int, seconds: float = 1.0) -> np.ndarray:
    """The same sound at any rate: slow sweeps below 4 kHz."""
    times = np.arange(int(rate * seconds)) / rate
    sound = sum(
        np.sin(2 * np.pi * (start * times + 300 * times**2)) for start in (150, 700, 1900, 3000)
    )
    return np.asarray(sound * 3000, dtype=np.int16)


@pytest.mark.parametrize("rate", RATES)
def test_a_second_has_a_hundred_frames_once_its_end_is_heard(rate: int) -> None:
    hearing = LogMel(rate)
    first = hearing.push(tones(rate))
    rest = hearing.push(np.zeros(round(0.02 * rate), np.int16))
    assert first.shape == (99, BANDS)
    assert first.dtype == np.float32
    assert len(rest) == 2


@settings(deadline=None, max_examples=40)
@given(
    rate=st.sampled_from(RATES),
    lengths=st.lists(st.integers(0, 5000), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
def test_any_split_gives_exactly_the_same(rate: int, lengths: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    sound = (random.normal(size=sum(lengths)) * 3000).astype(np.int16)
    hearing, at, parts = LogMel(rate), 0, []
    for length in lengths:
        parts.append(hearing.push(sound[at : at + length]))
        at += length
    np.testing.assert_array_equal(np.concatenate(parts), LogMel(rate).push(sound))


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100, 48000, 144000])
def test_rates_agree_on_the_same_sound(rate: int) -> None:
    here, there = LogMel(rate).push(tones(rate)), LogMel(32000).push(tones(32000))
    audible = np.maximum(here, there)[5:99] > -45
    assert np.abs(here[5:99] - there[5:99])[audible].max() < 2.0
    assert np.abs(here[5:99] - there[5:99])[audible].mean() < 0.4


def test_silence_is_the_floor_and_bands_beyond_the_rate_are_too() -> None:
    floor = 10 * np.log10(FLOOR)
    assert LogMel(16000).push(np.zeros(1600, np.int16)).max() == pytest.approx(floor, abs=1e-4)
    high = band_edges()[:-2] > 4000
    assert LogMel(8000).push(tones(8000))[:, high].max() == pytest.approx(floor, abs=1e-4)


def test_a_full_scale_tone_is_loudest_in_its_band() -> None:
    times = np.arange(16000) / 16000
    sound = (32767 * np.sin(2 * np.pi * 1000 * times)).astype(np.int16)
    frame = LogMel(16000).push(sound)[50]
    peak = int(frame.argmax())
    assert band_edges()[peak] < 1000 < band_edges()[peak + 2]
    assert 10 * np.log10(np.sum(10 ** (frame / 10))) == pytest.approx(-3.0, abs=0.3)
