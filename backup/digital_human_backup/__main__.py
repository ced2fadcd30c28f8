"""
`digital-human-backup create | list | verify | restore | objects | prune | erase`.

Exit codes: 0 done, 1 failed (another try may help), 2 wrong arguments, 3 refused, 4 damaged.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
from importlib import import_module
from types import FrameType

import typer

from .errors import BackupError
from .memory import give_back_large_blocks

VERBS = {
    "create": "create",
    "list": "list_backups",
    "verify": "verify",
    "restore": "restore",
    "objects": "objects",
    "prune": "prune",
    "erase": "erase",
}
"""Each verb has a module of its own; this is the function in it."""
_ABOUT = "Backups of digital humans: consistent, encrypted, and proven by reading them back."


def application(*verbs: str) -> typer.Typer:
    """
    The command with these verbs; with all when none is named.

    The others are not even loaded, for that takes its time at every start.
    """
    app = typer.Typer(
        add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=_ABOUT
    )
    app.callback()(_group)
    for verb in verbs or VERBS:
        module = import_module(f".verbs.{verb}", __package__)
        app.command(name=verb)(getattr(module, VERBS[verb]))
    return app


def _group() -> None:
    """Make a verb a word of the command also where it is the only one."""


def main() -> None:
    """Run the command; a failure is one sentence."""
    gc.set_threshold(100_000)  # loading libraries leaves nothing to collect
    give_back_large_blocks()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, _stop)
    try:
        command = application(*(word for word in sys.argv[1:2] if word in VERBS))
        gc.freeze()  # what is loaded stays
        command()
    except BackupError as error:
        print(str(error), file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"{error}: try again.", file=sys.stderr)
        sys.exit(1)
    finally:
        gc.freeze()  # the process ends: nothing is gained by looking through all of it again


def _stop(number: int, _frame: FrameType | None) -> None:
    """End as on any failure: locks and scratch folders are removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
