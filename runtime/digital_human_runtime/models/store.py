"""
The volume: content-addressed blobs, and folders of models whose files are links to them.

Layout below a root: ``.blobs/<2 hex>/<sha256>`` holds every file once, ``.partial/`` what is under
way, any other folder is a model with its manifest. Two revisions of a model share what is the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open

from . import manifest
from .errors import DamagedError, ModelsError, RefusedError, WrongError
from .manifest import Entry, Manifest
from .plan import Part, RemoteFile

BLOCK = 1 << 20
PUBLISHING = f".{manifest.NAME}.publishing"
"""In the folder of a model that is not whole yet, or not any more."""


def sha256(path: Path) -> str:
    """Digest of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_safetensors(path: Path, name: str) -> None:
    """Refuse a file, by its name in the model, whose header does not fit its length: it was cut."""
    try:
        with safe_open(str(path), framework="np") as tensors:
            tensors.keys()
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{name} is no whole safetensors file: {error}.") from error


def checked(path: Path, file: RemoteFile) -> str:
    """The digest of a fetched file, held to what its source promises and to its format."""
    digest = sha256(path)
    if file.sha256 is not None and digest != file.sha256:
        raise DamagedError(
            f"{file.path} has the digest {digest[:12]}..., its source promises"
            f" {file.sha256[:12]}...: fetch it again."
        )
    if file.path.endswith(".safetensors"):
        check_safetensors(path, file.path)
    return digest


class Partial:
    """A file under way: its bytes, and a journal of the parts that are on disk."""

    def __init__(self, folder: Path, key: str, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{key}.data"
        self._journal = folder / f"{key}.parts"
        self._lock = threading.Lock()
        if not self.path.exists():
            self._journal.unlink(missing_ok=True)
        with self.path.open("ab"):
            pass
        os.truncate(self.path, size)
        self.done = self._read()

    def write(self, part: Part, at: int, block: bytes) -> None:
        """Put a block of a part where it belongs."""
        with self.path.open("r+b") as file:
            file.seek(part.start + at)
            file.write(block)

    def finish(self, part: Part) -> None:
        """Note that a part is whole, once its bytes would survive a power cut."""
        handle = os.open(self.path, os.O_RDWR)
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)
        with self._lock:
            with self._journal.open("a", encoding="ascii") as file:
                file.write(f"{part.start} {part.end}\n")
            self.done.add(part)

    def discard(self) -> None:
        """Forget everything: the bytes are not what they should be."""
        self.path.unlink(missing_ok=True)
        self._journal.unlink(missing_ok=True)

    def _read(self) -> set[Part]:
        """Parts noted before; a line cut off by a power cut does not count."""
        if not self._journal.exists():
            return set()
        lines = self._journal.read_text(encoding="ascii").split("\n")[:-1]
        return {Part(*map(int, line.split())) for line in lines if len(line.split()) == 2}


class ModelStore:
    """One root on a volume."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / ".blobs"
        self._partials = root / ".partial"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process writes a root at a time; another one is told so."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ModelsError(
                    f"Another fetch writes to {self.root}: wait until it has ended."
                ) from error
            yield

    def blob(self, digest: str) -> Path:
        """Where the content with this digest is, or would be."""
        return self._blobs / digest[:2] / digest

    def has(self, digest: str, size: int) -> bool:
        """Whether the content is here, as far as its length tells."""
        path = self.blob(digest)
        return path.exists() and path.stat().st_size == size

    def partial(self, source: str, file: RemoteFile) -> Partial:
        """The file under way: where an earlier try left off, if the source still has that one."""
        words = f"{source}\0{file.path}\0{file.version}\0{file.size}".encode()
        return Partial(self._partials, hashlib.sha256(words).hexdigest()[:32], file.size)

    def accept(self, partial: Partial, file: RemoteFile) -> Entry:
        """Make a blob of a whole file; DamagedError when it is not what it should be."""
        try:
            digest = checked(partial.path, file)
        except DamagedError:
            partial.discard()
            raise
        blob = self.blob(digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        partial.path.chmod(0o444)
        partial.path.replace(blob)
        manifest.sync_folder(blob.parent)
        partial.discard()
        return Entry(file.path, file.size, digest, file.version)

    def publish(self, folder: Path, made: Manifest) -> None:
        """
        Link all files into the folder, remove what is no part of it, write the manifest last.

        Raises RefusedError when the folder holds somebody else's files.
        """
        claim(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PUBLISHING).touch()
        (folder / manifest.NAME).unlink(missing_ok=True)
        for entry in made.files:
            _link(self.blob(entry.sha256), folder / entry.path)
        wanted = {folder / entry.path for entry in made.files}
        for path in folder.rglob("*"):
            if not path.is_dir() and path not in wanted and path != folder / PUBLISHING:
                path.unlink()
        manifest.write(folder, made)
        (folder / PUBLISHING).unlink()

    def room_for(self, size: int) -> None:
        """Refuse a fetch that would fill the volume, before the first byte."""
        free = shutil.disk_usage(self.root).free
        if size > free:
            raise ModelsError(
                f"{size / 2**30:.1f} GiB are to be fetched and {self.root} has"
                f" {free / 2**30:.1f} GiB left: enlarge the volume (spec.storage.models.size)."
            )

    def models(self, damaged: list[DamagedError] | None = None) -> Iterator[tuple[Path, Manifest]]:
        """
        Every model of the root, with its manifest.

        A manifest that cannot be read is added to ``damaged``, or raised where that is None.
        """
        for path in sorted(self.root.rglob(manifest.NAME)):
            if any(part.startswith(".") for part in path.parent.relative_to(self.root).parts):
                continue
            try:
                found = manifest.read(path.parent)
            except DamagedError as error:
                if damaged is None:
                    raise
                damaged.append(error)
            else:
                if found is not None:
                    yield path.parent, found

    def remove(self, folder: Path, entry: Entry) -> None:
        """Remove a file of a model with its content, so that a fetch brings it again."""
        (folder / PUBLISHING).touch()
        (folder / manifest.NAME).unlink(missing_ok=True)
        (folder / entry.path).unlink(missing_ok=True)
        self.blob(entry.sha256).unlink(missing_ok=True)

    def prune(self) -> int:
        """Remove blobs that no model of the root uses; return the bytes that were freed."""
        used = {entry.sha256 for _, made in self.models() for entry in made.files}
        freed = 0
        for path in self._blobs.rglob("*"):
            if path.is_file() and path.name not in used:
                freed += path.stat().st_size
                path.unlink()
        return freed


def claim(folder: Path) -> None:
    """
    Raise unless a model may be published into a folder, for then only its files stay there.

    It may be new, empty, a model of ours, or one whose publication was cut off.
    """
    if folder.exists() and not folder.is_dir():
        raise WrongError(f"{folder} is a file: name a folder for the model.")
    if (folder / manifest.NAME).exists() or (folder / PUBLISHING).exists():
        return
    other = next(iter(sorted(folder.iterdir())), None) if folder.exists() else None
    if other is not None:
        raise RefusedError(
            f"{folder} holds {other.name}, which is no part of a model: name an empty folder."
        )


def damages(folder: Path, made: Manifest) -> Iterator[tuple[Entry, str]]:
    """Read every file of a model again; each that is not what it was, with a sentence."""
    for entry in made.files:
        path = folder / entry.path
        if not path.exists():
            yield entry, f"{entry.path} is missing."
        elif path.stat().st_size != entry.size or sha256(path) != entry.sha256:
            yield entry, f"{entry.path} is damaged."


def _link(blob: Path, path: Path) -> None:
    """A hard link; where the volume has none (some network shares), a relative symbolic one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        path.hardlink_to(blob)
    except OSError:
        path.symlink_to(os.path.relpath(blob, path.parent))
