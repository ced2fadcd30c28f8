"""`python -m tools.images build [IMAGE ...]`, and `clean`."""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tools import trouble
from tools.cache import cache_root
from tools.images import table
from tools.images.build import OUT, Choice
from tools.images.build import build as build_images
from tools.images.buildah import Buildah
from tools.images.errors import ImageError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
MEGABYTE = 10**6


@app.command()
def build(  # noqa: PLR0917 - options of a command, never given by position
    names: Annotated[
        list[str] | None, typer.Argument(envvar="IMAGES", help="Images, or all.")
    ] = None,
    engine: Annotated[str, typer.Option(envvar="IMAGE_ENGINE", help="docker or buildah.")] = "",
    base: Annotated[str, typer.Option(envvar="IMAGE_BASE", help="Image to start from.")] = "",
    redis: Annotated[
        str, typer.Option(envvar="IMAGE_REDIS", help="Image with Redis for the backup tool.")
    ] = "",
    fresh_base: Annotated[
        bool, typer.Option("--fresh-base", help="Make the base of Debian packages anew.")
    ] = False,
    epoch: Annotated[
        int, typer.Option(envvar="SOURCE_DATE_EPOCH", help="Time of everything in the images.")
    ] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = OUT,
) -> None:
    """Build images into build/images; without names: all but the GPU runtime."""
    with expected():
        choice = Choice(engine, base, redis, fresh_base, epoch)
        for known in build_images(table.chosen(names or ()), choice, out.absolute()):
            show(Console(width=None if sys.stdout.isatty() else 120), known, out)


@app.command()
def clean() -> None:
    """Remove what building images keeps in the user's cache, and what it left in build/images."""
    with expected():
        Buildah().remove()
        for folder in (cache_root() / "images", OUT):
            if folder.is_dir():
                shutil.rmtree(folder)


def show(console: Console, known: dict[str, Any], out: Path) -> None:
    """Print what a person wants to know of a new image."""
    console.print(
        f"[bold]{known['name']}[/bold]  {known['reference']}  in {known['seconds']:.1f} s by"
        f" {known['engine']}",
        highlight=False,
    )
    console.print(f"  {known['digest']}", highlight=False)
    for layer in known["layers"]:
        _row(console, layer, layer["step"][:72])
    _row(console, known, "in all")
    console.print(f"  {out / known['archive']}, {known['sbom']}", highlight=False)


def _row(console: Console, sizes: dict[str, Any], text: str) -> None:
    small, large = sizes["compressed"] / MEGABYTE, sizes["uncompressed"] / MEGABYTE
    console.print(
        f"  {small:8.1f} MB  {large:8.1f} MB unpacked  {text}", highlight=False, markup=False
    )


@contextmanager
def expected() -> Iterator[None]:
    """Tell expected errors in one sentence, without a traceback."""
    try:
        yield
    except ImageError as error:
        _tell(str(error), "red")
        raise typer.Exit(1) from error
    except OSError as error:
        _tell(trouble.unwritable(error) or str(error), "red")
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        _tell("Stopped; nothing half-built is left.", "")
        raise typer.Exit(130) from interrupt


def _tell(text: str, style: str) -> None:
    console = Console(stderr=True)
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command; it is ended by SIGTERM as by Ctrl-C, in order."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    app()


if __name__ == "__main__":
    main()
