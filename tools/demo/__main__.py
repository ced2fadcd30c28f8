"""`python -m tools.demo up|down|url|picture`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.binaries import BuildError
from tools.binaries.toolchain import ToolchainError
from tools.cluster import ClusterError
from tools.demo import stage
from tools.images.errors import ImageError
from tools.talk import TalkError
from tools.uv import UvError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Option(envvar="CLUSTER_NAME", help="Name of the cluster.")]
Lane = Annotated[
    str, typer.Option(envvar="CLUSTER", help="node, kwok or kind; empty: what works here.")
]

_EXPECTED = (
    ClusterError,
    BuildError,
    ImageError,
    ToolchainError,
    UvError,
    TalkError,
    stage.DemoError,
)


@app.command()
def up(name: Name = "demo", lane: Lane = "") -> None:
    """Start everything and watch the example become Ready; it is left running."""
    stage.up(Console(width=None if sys.stdout.isatty() else 100), name, lane)


@app.command()
def down(name: Name = "demo") -> None:
    """Stop the operator and the cluster, and remove everything of them."""
    stage.down(name)
    Console().print("The demo is gone.")


@app.command()
def url(name: Name = "demo") -> None:
    """Print where the face of the running demo talks, and nothing else."""
    typer.echo(stage.url(name))


@app.command()
def picture(path: Path, name: Name = "demo") -> None:
    """Draw the running demo as it is shown in the README (SVG)."""
    stage.draw(path, name)


def main() -> int:
    """Run the command; expected errors are one sentence, not a traceback."""
    try:
        app(standalone_mode=False)
    except _EXPECTED as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped; `make demo-down` removes what was started.")
        return 130
    except typer.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
