"""
`digital-human-doctor`, or `digital-human-runtime doctor`.

Looks at this machine, at the settings and, where one runs, at a human.

`digital-human-runtime doctor` is the same. Exit codes: 0 nothing is bad, 1 something is, 2 wrong
arguments, 130 interrupted.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from digital_human_runtime.loadtest import arguments

from .configured import configured
from .findings import Finding
from .human import Addresses, human
from .machine import devices, machine

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
STYLES = {"ok": "green", "note": "yellow", "bad": "red"}


@app.command()
def run(
    url: Annotated[str | None, typer.Option(help="HTTP address of a running human.")] = None,
    health: Annotated[str, typer.Option(help="Its probe port.")] = "http://127.0.0.1:9090",
    grpc: Annotated[str, typer.Option(help="Its gRPC port.")] = "127.0.0.1:50051",
    key_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the API key.")
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
) -> None:
    """Say what is wrong and what to do."""
    arguments.style(output)
    where = None
    if url is not None:
        where = Addresses(
            arguments.address(url, "--url"),
            arguments.address(health, "--health"),
            arguments.host_and_port(grpc, "--grpc"),
            arguments.key(key_file),
        )
    found = [*machine(), *configured(os.environ, gpus=bool(devices()))]
    if where is not None:
        found += asyncio.run(_asked(where))
    if output == "json":
        print(json.dumps([dataclasses.asdict(one) for one in found], indent=2))
    else:
        _show(found)
    sys.exit(1 if any(one.verdict == "bad" for one in found) else 0)


async def _asked(where: Addresses) -> list[Finding]:
    return [finding async for finding in human(where)]


def _show(found: list[Finding]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 100)
    table = Table(box=None, show_header=False)
    for one in found:
        text = escape(f"{one.detail.rstrip('.')}. {one.cure}" if one.cure else one.detail)
        table.add_row(f"[{STYLES[one.verdict]}]{one.verdict}[/]", one.name, text)
    console.print(table)


def main() -> None:
    """Run the command; ends the process with its exit code."""
    app()


if __name__ == "__main__":
    main()
