"""`python -m tools.demo up|down|url|picture`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools import trouble
from tools.binaries import BuildError
from tools.binaries.toolchain import ToolchainError
from tools.cluster import ClusterError
from tools.demo import stage, view
from tools.images.errors import ImageError
from tools.talk import TalkError
from tools.uv import UvError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Option(envvar="CLUSTER_NAME", help="Name of the cluster.")]
Lane = Annotated[str, typer.Option(envvar="CLUSTER", help="node or kwok; empty: what works here.")]

INTERRUPTED = 130
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
    try:
        stage.up(Console(width=None if sys.stdout.isatty() else 100), name, lane)
    except KeyboardInterrupt as interrupt:
        _tell(f"Stopped. {view.again(name)}", "")
        raise typer.Exit(INTERRUPTED) from interrupt


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
        return int(app(standalone_mode=False) or 0)
    except _EXPECTED as error:
        _tell(str(error), "red")
        return 1
    except OSError as error:
        if not (why := trouble.unwritable(error)):
            raise
        _tell(why, "red")
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED


def _tell(text: str, style: str) -> None:
    console = Console(stderr=True)
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
