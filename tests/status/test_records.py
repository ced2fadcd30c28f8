"""Which DigitalHumanBackups of scheduled runs may go."""

import random

from digital_human_operator.status.records import FAILURES, MOST, Record, outlived

HERE, THERE = {"s3": {"bucket": "here"}}, {"s3": {"bucket": "there"}}


def made(day: int, place: object = HERE) -> Record:
    due = f"2026-{day // 28 + 1:02}-{day % 28 + 1:02}T02:00:00+00:00"
    number = f"2026{day // 28 + 1:02}{day % 28 + 1:02}"
    return Record(f"r{day}", due, place, f"{number}T020000Z-0123456789abcdef")


def failed(day: int) -> Record:
    return Record(f"f{day}", made(day).due, HERE)


def test_what_comes_before_the_oldest_in_the_store_goes() -> None:
    found = [made(day) for day in range(40)]
    random.Random(1).shuffle(found)
    gone = outlived(found, HERE, made(30).backup)
    assert sorted(gone) == sorted(f"r{day}" for day in range(30))


def test_nothing_goes_where_nothing_was_removed() -> None:
    found = [made(day) for day in range(40)]
    assert outlived(found, HERE, made(0).backup) == []
    assert outlived(found, HERE, "") == []
    assert outlived(found, HERE, "zzz") == []
    assert outlived([], HERE, made(0).backup) == []


def test_what_lies_elsewhere_is_not_judged() -> None:
    assert outlived([made(1, THERE), made(2, None)], HERE, made(30).backup) == []


def test_of_runs_without_a_backup_the_newest_stay() -> None:
    found = [failed(day) for day in range(FAILURES + 5)]
    random.Random(2).shuffle(found)
    assert sorted(outlived([made(1), *found], HERE, "")) == ["f0", "f1", "f2", "f3", "f4"]


def test_there_is_an_end_to_it_whatever_the_store_says() -> None:
    found = [Record(f"r{n:05}", f"{n:05}", HERE, made(1).backup) for n in range(MOST + 3)]
    assert outlived(found, HERE, "") == ["r00000", "r00001", "r00002"]
