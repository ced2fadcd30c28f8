"""Numbers as people read them."""

from __future__ import annotations

from digital_human_operator.states import Progress

_GIB = 2**30


def progress_text(progress: Progress | None) -> str:
    """How far a fetch is, in steps that do not change faster than anybody reads them."""
    if progress is None or progress.bytes is None:
        return "the weights are being fetched"
    fetched = stepped_bytes(progress) or 0
    if not progress.total:
        return f"{fetched / _GIB:.1f} GiB of the weights are fetched"
    text = f"{fetched / _GIB:.1f} of {progress.total / _GIB:.1f} GiB of the weights are fetched"
    left = stepped_seconds(progress)
    if left is None:
        return text
    minutes = left // 60
    return f"{text}, about {minutes} {'minute' if minutes == 1 else 'minutes'} left"


def size(count: int) -> str:
    """Bytes for a person."""
    number = float(count)
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.2f} GiB"


def no_pod(kind: str, name: str) -> str:
    """Of a workload that has no Pod: its controller tells why in events, and nowhere else."""
    see = f"kubectl describe {kind.lower()} {name}"
    return f"{kind} {name} has no Pod yet; if that lasts, `{see}` says why"


def stepped_bytes(progress: Progress) -> int | None:
    """Bytes in steps of a hundredth of all, or of a GiB when the total is not known."""
    if progress.bytes is None:
        return None
    if not progress.total:
        return progress.bytes // _GIB * _GIB
    percent = min(progress.bytes, progress.total) * 100 // progress.total
    return progress.total * percent // 100


def stepped_seconds(progress: Progress) -> int | None:
    """Seconds left, up to the next whole minute."""
    if progress.seconds_left is None:
        return None
    return max(1, -(-progress.seconds_left // 60)) * 60
