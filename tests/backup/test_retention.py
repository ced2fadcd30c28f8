"""Retention rather keeps one too many: for any history of backups and any jump of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_backup.retention import Kept, decide

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def history(
    count: int, every: timedelta = DAY, end: datetime = NOW, verified: bool = True
) -> list[Kept]:
    """Regular backups up to ``end``, oldest first."""
    times = (end - every * number for number in reversed(range(count)))
    return [Kept(f"{when.isoformat()}", when, verified) for when in times]


any_kept = st.lists(
    st.builds(
        Kept,
        st.uuids().map(str),
        st.integers(-100 * 24, 10 * 24).map(lambda hours: NOW + hours * HOUR),
        st.booleans(),
    ),
    max_size=60,
)
rules = st.tuples(st.integers(1, 60), st.integers(1, 10))


def test_daily_backups_older_than_the_days_go() -> None:
    backups = history(40)
    removed = decide(backups, NOW + HOUR, days=30, minimum=3).remove
    assert removed == tuple(one.id for one in backups[:10])


@pytest.mark.parametrize(
    ("every", "kept"),
    [(timedelta(hours=1), 720), (DAY, 30), (timedelta(days=7), 5), (timedelta(days=31), 3)],
)
def test_any_regular_schedule_is_pruned(every: timedelta, kept: int) -> None:
    backups = history(800, every)
    removed = decide(backups, NOW + HOUR, days=30, minimum=3).remove
    assert removed == tuple(one.id for one in backups[:-kept])


@given(any_kept, rules, st.integers(-50 * 24, 50 * 24))
def test_what_is_never_removed(
    backups: list[Kept], given_rules: tuple[int, int], hours: int
) -> None:
    days, minimum = given_rules
    now = NOW + hours * HOUR
    removed = set(decide(backups, now, days, minimum).remove)
    left = [one for one in backups if one.id not in removed]
    assert len(left) >= min(minimum, len(backups))
    verified = [one for one in backups if one.verified]
    if removed:
        assert max(verified, key=lambda one: one.created) in left
    for one in backups:
        if one.id in removed:
            assert one.created < now - timedelta(days=days)


@given(rules)
def test_an_empty_listing_removes_nothing(given_rules: tuple[int, int]) -> None:
    assert decide([], NOW, *given_rules).remove == ()


@given(
    st.integers(1, 60),
    st.sampled_from([timedelta(hours=6), DAY, timedelta(days=7)]),
    rules,
    st.integers(-1000, 1000),
)
def test_a_jump_of_the_clock_since_the_last_backup_removes_nothing(
    count: int, every: timedelta, given_rules: tuple[int, int], days: int
) -> None:
    jump = timedelta(days=days)
    decision = decide(history(count, every), NOW + jump, *given_rules)
    if abs(jump) >= DAY:
        assert decision.remove == ()


@given(
    st.integers(1, 60),
    st.sampled_from([timedelta(hours=6), DAY, timedelta(days=7)]),
    rules,
    st.integers(1, 1000),
    st.data(),
)
def test_a_jump_between_backups_removes_nothing_for_a_while(
    count: int, every: timedelta, given_rules: tuple[int, int], days: int, data: st.DataObject
) -> None:
    jump, (_, minimum) = 2 * max(every, DAY) + timedelta(days=days), given_rules
    after = data.draw(st.integers(1, minimum))
    now = NOW + every * after + jump
    backups = history(count, every) + history(after, every, now)
    assert decide(backups, now, *given_rules).remove == ()


def test_after_a_jump_pruning_goes_on_once_there_are_enough_new_ones() -> None:
    before = history(40, end=NOW - 300 * DAY)
    for count, removed in ((1, 0), (3, 0), (4, 37 + 3)):
        decision = decide([*before, *history(count)], NOW, days=30, minimum=3)
        assert len(decision.remove) == removed
        assert (decision.why_not is None) == bool(removed)
    assert "gap of 298 days" in str(decide([*before, *history(3)], NOW, 30, 3).why_not)


def test_nothing_goes_without_a_verified_one() -> None:
    decision = decide(history(40, verified=False), NOW, days=30, minimum=3)
    assert decision.remove == ()
    assert decision.why_not == "no backup was verified yet: run verify"


def test_nothing_goes_when_the_verified_one_is_old() -> None:
    backups = history(40, end=NOW - 2 * DAY) + history(2, verified=False)
    decision = decide(backups, NOW, days=30, minimum=3)
    assert decision.remove == ()
    assert decision.why_not == "the newest verified backup is not of the last 24 hours"


def test_a_backup_of_the_future_says_which_clock_to_look_at() -> None:
    decision = decide(history(40, end=NOW + 700 * DAY), NOW, days=30, minimum=3)
    assert decision.remove == ()
    assert decision.why_not == (
        "the newest verified backup is of 2028-01-30 02:00 UTC, and the store says that it is"
        " 2026-03-01 02:00: a clock was set wrong then, or is now; until that time is over nothing"
        " goes"
    )


@pytest.mark.parametrize(("days", "minimum"), [(0, 1), (1, 0), (-1, 3)])
def test_rules_that_would_keep_nothing_are_no_rules(days: int, minimum: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        decide(history(3), NOW, days, minimum)
