"""`python -m tools.binaries kwok helm3`: build lanes or tools and print where the binaries are."""

from typing import Annotated

import typer

from tools.binaries.build import BuildError, ensure
from tools.binaries.specs import LANES, TOOLS
from tools.binaries.toolchain import ToolchainError


def main(
    names: Annotated[list[str], typer.Argument(help="Lanes or tools to build.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not print the paths.")] = False,
) -> None:
    """Build what is missing and print one `name path` line for each binary."""
    tools = [tool for name in names for tool in LANES.get(name, (name,))]
    unknown = [name for name in tools if name not in TOOLS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join([*LANES, *TOOLS])}")
    try:
        for name in dict.fromkeys(tools):
            folder = ensure(TOOLS[name])
            for command, _ in () if quiet else TOOLS[name].commands:
                typer.echo(f"{command} {folder / command}")
    except (BuildError, ToolchainError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
