"""
`digital-human-backup create | list | verify | restore | objects | prune | erase`.

Exit codes: 0 done, 1 failed (another try may help), 2 wrong arguments, 3 refused, 4 damaged.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
from types import FrameType

import typer

from .errors import BackupError
from .verbs.create import create
from .verbs.erase import erase
from .verbs.list import list_backups
from .verbs.objects import objects
from .verbs.prune import prune
from .verbs.restore import restore
from .verbs.verify import verify

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Backups of digital humans: consistent, encrypted, and proven by reading them back.",
)
app.command(name="create")(create)
app.command(name="list")(list_backups)
app.command(name="verify")(verify)
app.command(name="restore")(restore)
app.command(name="objects")(objects)
app.command(name="prune")(prune)
app.command(name="erase")(erase)


def main() -> None:
    """Run the command; a failure is one sentence."""
    gc.set_threshold(100_000)  # loading libraries leaves nothing to collect
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except BackupError as error:
        print(str(error), file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"{error}: try again.", file=sys.stderr)
        sys.exit(1)


def _stop(number: int, _frame: FrameType | None) -> None:
    """End as on any failure: locks and scratch folders are removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
