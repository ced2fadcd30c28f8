"""
`digital-human-loadtest`: load on a running human, with figures that can be compared.

Exit codes: 0 every try succeeded, 1 some failed (a sentence on stderr says how), 2 wrong arguments,
130 interrupted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import arguments
from .conversation import Target
from .figures import Outcome, summary
from .load import QUESTIONS, chats, conversations

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(  # noqa: PLR0917 - typer makes options of them
    url: Annotated[str, typer.Option(help="The human's HTTP address.")] = "http://127.0.0.1:8000",
    websocket: Annotated[
        str | None, typer.Option(help="Its WebSocket, if not /ws of the HTTP address.")
    ] = None,
    conversations_: Annotated[
        int, typer.Option("--conversations", min=0, max=2000, help="Conversations at once.")
    ] = 10,
    turns: Annotated[int, typer.Option(min=1, max=1000, help="Questions in each.")] = 2,
    pace: Annotated[
        float, typer.Option(min=0, max=10, help="Seconds to hear a second; 0: do not wait.")
    ] = 1.0,
    ramp: Annotated[float, typer.Option(min=0, max=3600, help="Seconds to start them in.")] = 2.0,
    chat_requests: Annotated[
        int, typer.Option("--chat", min=0, max=1_000_000, help="Chat requests, after that.")
    ] = 0,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Chats at once.")] = 16,
    timeout: Annotated[float, typer.Option(min=1, max=600, help="Seconds for one answer.")] = 60.0,
    key_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the API key.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="One question on each line.")
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
) -> None:
    """Hold conversations and send chats, and say how that went."""
    arguments.style(output)
    if not conversations_ and not chat_requests:
        raise typer.BadParameter("nothing is to be done: give --conversations or --chat.")
    target = Target(arguments.address(url, "--url"), None, arguments.key(key_file), timeout)
    if websocket is not None:
        target.websocket = arguments.address(websocket, "--websocket", arguments.SOCKET)
    asked = arguments.questions(questions) or QUESTIONS
    found: dict[str, dict[str, object]] = {}
    if conversations_:
        talk = partial(conversations, target, count=conversations_, turns=turns, pace=pace)
        talk = partial(talk, ramp=ramp, questions=asked)
        found["conversations"] = _counted("conversations", conversations_ * turns, talk)
    if chat_requests:
        chat = partial(chats, target, requests=chat_requests, concurrency=concurrency)
        found["chats"] = _counted("chats", chat_requests, partial(chat, questions=asked))
    print(json.dumps(found, indent=2)) if output == "json" else _show(found)
    failed = [_failed(name, figures, url) for name, figures in found.items() if figures["failed"]]
    for sentence in failed:
        print(sentence, file=sys.stderr)
    sys.exit(1 if failed else 0)


def _failed(name: str, figures: dict[str, object], url: str) -> str:
    """What did not succeed and why, in a sentence."""
    said = f"{figures['failed']} of {figures['tries']} tries of {name} failed at {url}: "
    said += _cell(figures["faults"])
    if "ConnectError" in str(figures["faults"]):
        said += " (nobody answers there: start a human with make talk, or name one with --url)"
    return f"{said}."


def _counted(
    name: str, total: int, work: Callable[..., Coroutine[None, None, float]]
) -> dict[str, object]:
    """Do the work with progress on stderr; return its figures."""
    outcomes: list[Outcome] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(name, total=total, visible=console.is_terminal)

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            progress.advance(task)
            if not console.is_terminal and len(outcomes) % max(1, total // 10) == 0:
                print(f"{name}: {len(outcomes)} of {total}", file=sys.stderr, flush=True)

        seconds = asyncio.run(work(done=done))
    return summary(outcomes, seconds)


def _show(found: dict[str, dict[str, object]]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 100)
    for name, figures in found.items():
        table = Table(title=name, box=None, show_header=False, title_justify="left")
        for key, value in figures.items():
            table.add_row(key, _cell(value))
        console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
    return "-" if value is None else str(value)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
