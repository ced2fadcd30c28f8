"""The one error that this package raises, and the log lines that explain it."""

from pathlib import Path

TAIL_LINES = 12


class ClusterError(RuntimeError):
    """The cluster is not there or did not start; the first line of the message is a sentence."""


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log below its name, for the end of an error message."""
    if not path.exists():
        return f"{path} does not exist."
    last = path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"The end of {path}:", *last])
