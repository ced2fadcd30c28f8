"""Turns at what the workers of a run share."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.turns import turn

SECONDS = 10.0
MOMENT = 0.2
"""Long enough for one who may come in to have come in."""


class Guest:
    """Somebody who comes, stays until he is told to go, and says that he is in."""

    def __init__(self, folder: Path, *, alone: bool) -> None:
        self.is_in = threading.Event()
        self._go = threading.Event()
        self._thread = threading.Thread(target=self._stay, args=(folder, alone), daemon=True)
        self._thread.start()

    def _stay(self, folder: Path, alone: bool) -> None:
        with turn(folder, "stage", alone=alone):
            self.is_in.set()
            self._go.wait(SECONDS)

    def leave(self) -> None:
        self._go.set()

    def gone(self) -> None:
        self._thread.join(SECONDS)


Comes = Callable[[bool], Guest]


@pytest.fixture
def comes(tmp_path: Path) -> Iterator[Comes]:
    guests: list[Guest] = []

    def one(alone: bool) -> Guest:
        guests.append(Guest(tmp_path, alone=alone))
        return guests[-1]

    yield one
    for guest in guests:
        guest.leave()
    for guest in guests:
        guest.gone()


def test_many_share_it(comes: Comes) -> None:
    guests = [comes(False) for _ in range(3)]
    assert all(guest.is_in.wait(SECONDS) for guest in guests)


def test_one_who_is_alone_waits_for_those_who_are_in(comes: Comes) -> None:
    first = comes(False)
    assert first.is_in.wait(SECONDS)
    alone = comes(True)
    assert not alone.is_in.wait(MOMENT)
    first.leave()
    assert alone.is_in.wait(SECONDS)


def test_nobody_comes_in_while_one_is_alone(comes: Comes) -> None:
    alone = comes(True)
    assert alone.is_in.wait(SECONDS)
    others = [comes(False), comes(True)]
    assert not any(other.is_in.wait(MOMENT) for other in others)
    alone.leave()
    assert any(other.is_in.wait(SECONDS) for other in others)


def test_one_who_is_alone_waits_for_those_who_come_meanwhile_too(comes: Comes) -> None:
    first = comes(False)
    assert first.is_in.wait(SECONDS)
    alone = comes(True)
    assert not alone.is_in.wait(MOMENT)
    late = comes(False)
    assert late.is_in.wait(SECONDS)
    first.leave()
    assert not alone.is_in.wait(MOMENT)
    late.leave()
    assert alone.is_in.wait(SECONDS)
