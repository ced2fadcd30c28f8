"""The page of commands names every option, and every status that the commands tell of."""

import re

import pytest
import typer
from typer.main import get_command

from digital_human_runtime.doctor import __main__ as doctor
from digital_human_runtime.loadtest import __main__ as loadtest
from digital_human_runtime.models import __main__ as models
from tools.cache import ROOT

PAGE = ROOT / "docs" / "reference" / "commands.md"
COMMANDS = {
    "digital-human-doctor": doctor,
    "digital-human-loadtest": loadtest,
    "digital-human-models": models,
}


def section(name: str) -> str:
    """What the page says of a command."""
    return PAGE.read_text().split(f"\n## {name}\n")[1].split("\n## ")[0]


def options(app: typer.Typer) -> set[str]:
    """Long options of a command and of those below it."""
    found = get_command(app)
    every = [found, *getattr(found, "commands", {}).values()]
    return {
        option
        for one in every
        for parameter in one.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_page(name: str) -> None:
    told = set(re.findall(r"--[a-z-]+", section(name)))
    assert options(COMMANDS[name].app) - told == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_status_is_on_the_page(name: str) -> None:
    told = COMMANDS[name].__doc__ or ""
    statuses = re.findall(r"\b(\d+) \w", told.split("Exit codes:")[1])
    assert statuses
    for status in statuses:
        assert f"\n| {status} |" in section(name)
