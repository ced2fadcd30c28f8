"""A connection that is dead although nobody closed it, as a reader lives it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Visitor, told, until
from .human import Human
from .relay import Relay

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Visit = Callable[..., Visitor]


def test_a_question_into_a_dead_line_is_not_waited_for_for_ever(
    visit: Visit, address: str, human: Human
) -> None:
    with Relay(address) as relay:
        visitor = visit(relay.address)
        visitor.state("ready")
        relay.cut()
        visitor.ask("Are you there?")
        visitor.state("thinking")
        visitor.has_shown("notice", "The connection was lost.")
        visitor.state("ready")
        assert human.hellos[1]["resume"] == {"session": "a-session", "token": "token-1"}
        assert human.of_type("say") == [], "it came through"
        assert visitor.page.inner_text("#offer span") == "Your last question was not answered."
        visitor.page.get_by_role("button", name="Ask again").click()
        visitor.state("speaking")
        assert [message["text"] for message in told(human, "say")] == ["Are you there?"]
        assert visitor.problems == []


def test_a_line_that_dies_while_it_speaks_is_taken_up_again(
    visit: Visit, address: str, human: Human
) -> None:
    human.seconds = 30
    with Relay(address) as relay:
        visitor = visit(relay.address)
        visitor.state("ready")
        visitor.ask("Tell me everything")
        visitor.state("speaking")
        relay.cut()
        human.interrupted = {"question": "Tell me everything", "heardSamples": 5000}
        until(lambda: len(human.hellos) == 2, "it does not connect again")
        visitor.state("ready")
        assert visitor.page.inner_text("#offer span") == "The last answer was cut off."


def test_a_line_on_which_nobody_speaks_stays(visit: Visit, address: str, human: Human) -> None:
    visitor = visit(address)
    visitor.state("ready")
    until(lambda: len(human.of_type("ping")) >= 3, "it does not ask")
    assert human.connections == 1
    assert visitor.hook("state") == "ready"
