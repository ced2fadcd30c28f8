"""`python -m tools.images build [IMAGE ...]`, and `clean`."""

import shutil
import signal
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from tools.cache import cache_root
from tools.images import engines, table
from tools.images.build import OUT, Choice
from tools.images.build import build as build_images
from tools.images.errors import ImageError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
MEGABYTE = 10**6


@app.command()
def build(
    names: Annotated[
        list[str] | None, typer.Argument(envvar="IMAGES", help="Images, or all.")
    ] = None,
    engine: Annotated[str, typer.Option(envvar="IMAGE_ENGINE", help="docker or buildah.")] = "",
    base: Annotated[str, typer.Option(envvar="IMAGE_BASE", help="Image to start from.")] = "",
    fresh_base: Annotated[
        bool, typer.Option("--fresh-base", help="Make the base of Debian packages anew.")
    ] = False,
    epoch: Annotated[
        int, typer.Option(envvar="SOURCE_DATE_EPOCH", help="Time of everything in the images.")
    ] = 0,
) -> None:
    """Build images into build/images; without names: the operator and the CPU runtime."""
    choice = Choice(engine, base, fresh_base, epoch)
    for known in build_images(table.chosen(names or ()), choice):
        show(Console(width=None if sys.stdout.isatty() else 120), known)


@app.command()
def clean() -> None:
    """Remove what building images keeps in the user's cache, and what it left in build/images."""
    for folder in (cache_root() / "images", OUT):
        if engines.Buildah().storage.is_relative_to(folder):
            engines.Buildah().remove()
        shutil.rmtree(folder, ignore_errors=True)


def show(console: Console, known: dict[str, Any]) -> None:
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
    console.print(f"  {(OUT / known['archive'])}, {known['sbom']}", highlight=False)


def _row(console: Console, sizes: dict[str, Any], text: str) -> None:
    small, large = sizes["compressed"] / MEGABYTE, sizes["uncompressed"] / MEGABYTE
    console.print(
        f"  {small:8.1f} MB  {large:8.1f} MB unpacked  {text}", highlight=False, markup=False
    )


def main() -> int:
    """Run the command; expected errors are one sentence, not a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        app(standalone_mode=False)
    except ImageError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False)
        return 1
    except OSError as error:
        Console(stderr=True).print(
            f"{error.filename or 'A file'} could not be written: {error.strerror}."
            " Make room, or make it yours, and try again.",
            style="red",
            markup=False,
            highlight=False,
        )
        return 1
    except (KeyboardInterrupt, typer.Abort):
        Console(stderr=True).print("Stopped; nothing half-built is left.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
