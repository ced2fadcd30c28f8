"""The manifest of a model: written last, it is what makes a folder a model that may be loaded."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import DamagedError

NAME = "digital-human-model.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the model."""

    path: str
    size: int
    sha256: str
    version: str = ""
    """The source's own word for this content, such as an ETag."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds and where it came from."""

    source: str
    revision: str | None
    files: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest in one step, so that it is there whole or not at all."""
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1, sort_keys=True)
    scratch = folder / f".{NAME}.{os.getpid()}"
    with scratch.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / NAME)
    sync_folder(folder)


def read(folder: Path) -> Manifest | None:
    """
    The manifest of a folder; None when it has none, for then it is no model yet.

    Raises DamagedError for one that cannot be read.
    """
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if found["format"] == FORMAT:
            files = tuple(Entry(**entry) for entry in found["files"])
            return Manifest(found["source"], found["revision"], files)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"{folder / NAME} cannot be read: fetch the model again.") from error
    raise DamagedError(
        f"{folder / NAME} has format {found['format']}, this program reads {FORMAT}:"
        " use the newer program."
    )


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
