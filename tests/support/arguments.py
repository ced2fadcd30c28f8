"""What the function of a command is called with, given the arguments that a Pod has."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import typer


def given(app: typer.Typer, verb: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The values by parameter; an error when the command does not take the arguments."""
    found: dict[str, Any] = {}
    (function,) = (
        one.callback
        for one in app.registered_commands
        if one.callback and (one.name or one.callback.__name__.replace("_", "-")) == verb
    )

    @functools.wraps(function)
    def noted(**values: Any) -> None:
        found.update(values)

    probe = typer.Typer()
    probe.command(name=verb)(noted)
    probe.callback()(_group)
    typer.main.get_command(probe).main([verb, *arguments], standalone_mode=False)
    return found


def _group() -> None:
    """Make a verb a word of the command also where it is the only one."""
