"""How two looks at a list that keeps its newest values become one list."""

from __future__ import annotations

from tools.bench.speech.browser import OVERLAP, unseen

KEPT = 40


def kept(count: int) -> list[float]:
    """What the page shows after so many values."""
    return [float(value) for value in range(count)][-KEPT:]


def test_looks_that_overlap_are_joined_without_gap_or_doubling() -> None:
    seen: list[float] = []
    for count in (0, 1, 5, 30, 30, 50, 78):
        seen += unseen(seen, kept(count))
    assert seen == [float(value) for value in range(78)]


def test_a_look_that_came_too_late_takes_all_there_is() -> None:
    seen = kept(10)
    assert list(unseen(seen, kept(200))) == kept(200)


def test_nothing_new_is_nothing() -> None:
    assert list(unseen(kept(100), kept(100))) == []
    assert list(unseen(kept(OVERLAP), kept(OVERLAP))) == []
