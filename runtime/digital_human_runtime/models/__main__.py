"""
`digital-human-models fetch | verify | list`: weights on a volume.

Exit codes: 0 done, 1 failed (another try may help), 2 wrong arguments, 3 refused, 4 damaged, 130
interrupted; each but 0 with one sentence on stderr.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from . import manifest
from .errors import DamagedError, ModelsError, WrongError
from .job import JobNote
from .progress import Bar, Lines, Report
from .sources import open_source
from .store import ModelStore, claim, damages
from .transfer import Transfer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _style(value: str) -> str:
    if value not in {"text", "json"}:
        raise typer.BadParameter(f"{value} is neither text nor json")
    return value


Json = Annotated[str, typer.Option("--output", "-o", callback=_style, help="text or json.")]


@app.command()
def fetch(  # noqa: PLR0917 - typer makes options of them
    source: Annotated[
        str,
        typer.Option(
            "--from", help="s3://bucket/prefix, hf://owner/name, https://... or a folder."
        ),
    ],
    into: Annotated[Path, typer.Option(help="Folder of the model; blobs are kept beside it.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub.")] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Address of an S3-compatible store, or of a mirror of the hub."),
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of the bucket.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Parts at the same time.")] = 8,
    progress_job: Annotated[
        str | None, typer.Option(help="namespace/name of the Job to note the progress on.")
    ] = None,
    output: Json = "text",
) -> None:
    """Fetch a model: safetensors only, resumable, checked; credentials are in the environment."""
    folder = into.resolve()
    store = ModelStore(folder.parent)
    report = _report(progress_job)
    opened = open_source(source, revision=revision, endpoint=endpoint, region=region)
    try:
        claim(folder)
        with store.locked(), _retries_told(report):
            outcome = Transfer(opened, store, report, workers).run(folder, revision)
    finally:
        opened.close()
    made = outcome.manifest
    facts = {
        "event": "fetched",
        "source": made.source,
        "folder": str(folder),
        "files": len(made.files),
        "bytes": made.size,
        "fetchedBytes": outcome.fetched_bytes,
    }
    print(json.dumps(facts) if output == "json" else _sentence(facts))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of a model.")],
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove what is damaged, so that a fetch brings it.")
    ] = False,
    output: Json = "text",
) -> None:
    """Read every file again and compare it with its digest."""
    made = manifest.read(_there(folder))
    if made is None:
        raise ModelsError(f"{folder} holds no whole model: fetch it.")
    found = list(damages(folder, made))
    told = [sentence for _, sentence in found]
    if output == "json":
        print(json.dumps({"folder": str(folder), "ok": not found, "damages": told}))
    else:
        for sentence in told:
            print(sentence)
    if found:
        many = f"{len(found)} of {len(made.files)} files are not what they were"
        if not remove:
            raise DamagedError(f"{many}: run verify --remove, and fetch the model again.")
        store = ModelStore(folder.resolve().parent)
        with store.locked():
            for entry, _ in found:
                store.remove(folder, entry)
        raise DamagedError(f"{many} and were removed: fetch the model again.")
    if output == "text":
        print(f"{len(made.files)} files are what they were.")


@app.command(name="list")
def list_models(
    root: Annotated[Path, typer.Argument(help="Folder that holds models.")], output: Json = "text"
) -> None:
    """List the models below a folder."""
    damaged: list[DamagedError] = []
    rows = [
        {
            "folder": str(folder.relative_to(root)),
            "source": made.source,
            "revision": made.revision,
            "files": len(made.files),
            "bytes": made.size,
        }
        for folder, made in ModelStore(_there(root)).models(damaged)
    ]
    print(json.dumps(rows)) if output == "json" else _table(rows)
    if damaged:
        raise DamagedError(" ".join(map(str, damaged)))


def _table(rows: Sequence[Mapping[str, object]]) -> None:
    table = Table("FOLDER", "SOURCE", "REVISION", "FILES", "SIZE", box=None)
    for row in rows:
        size = f"{int(str(row['bytes'])) / 2**30:.2f} GiB"
        table.add_row(
            str(row["folder"]),
            str(row["source"]),
            str(row["revision"] or "-"),
            str(row["files"]),
            size,
        )
    Console(width=None if sys.stdout.isatty() else 100).print(table)


@app.command()
def prune(root: Annotated[Path, typer.Argument(help="Folder that holds models.")]) -> None:
    """Remove files that no model of the folder uses any more."""
    store = ModelStore(_there(root))
    with store.locked():
        freed = store.prune()
    print(f"{freed / 2**30:.2f} GiB were freed.")


def _there(folder: Path) -> Path:
    if not folder.is_dir():
        raise WrongError(f"The folder {folder} does not exist.")
    return folder


@contextmanager
def _retries_told(report: Report) -> Iterator[None]:
    """Tell of each try that failed in the words of the report."""

    def tell(details: RetryDetails) -> None:
        report.again(str(details.caused_by), details.wait_for)

    set_on_retry_hooks([tell])
    try:
        yield
    finally:
        set_on_retry_hooks(None)


def _report(job: str | None) -> Report:
    if job is not None and not all(job.partition("/")):
        raise WrongError(f"--progress-job {job} is not namespace/name of a Job.")
    if sys.stderr.isatty():
        return Bar()
    return Lines(tell=JobNote(job).tell if job else None)


def _sentence(facts: dict[str, object]) -> str:
    size, new = int(str(facts["bytes"])), int(str(facts["fetchedBytes"]))
    return (
        f"{facts['files']} files of {size / 2**30:.2f} GiB are in {facts['folder']};"
        f" {new / 2**30:.2f} GiB were fetched now."
    )


def main() -> None:
    """Run the command; a failure is one sentence."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        app()
    except ModelsError as error:
        print(str(error), file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"{error}: try again, what has arrived is kept.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
