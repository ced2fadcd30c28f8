"""Which piece of sound a frame has waited for."""

import pytest

from tools.bench.speech.streams import piece_of


@pytest.mark.parametrize("number", range(300))
def test_three_frames_belong_to_each_piece(number: int) -> None:
    assert piece_of(number / 30) == number // 3
