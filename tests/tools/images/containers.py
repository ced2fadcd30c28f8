"""Runs an image as a restricted Pod would: by runc, with a read-only root, as any user."""

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WHITEOUT = ".wh."


@dataclass(frozen=True)
class Image:
    """An archive of build/images, unpacked."""

    root: Path
    config: Mapping[str, Any]


def unpack(archive: Path, root: Path) -> Image:
    """Lay the layers of an OCI archive over each other in a folder."""
    with tarfile.open(archive) as outer:

        def blob(digest: str) -> Any:
            return outer.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")

        index = json.load(outer.extractfile("index.json"))  # type: ignore[arg-type]
        (entry,) = index["manifests"]
        manifest = json.load(blob(entry["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer["digest"]), mode="r:gz") as inner:
                inner.extractall(root, filter="fully_trusted")  # noqa: S202 - our own image
        assert not list(root.rglob(f"{WHITEOUT}*")), "a layer removes files: unpack must learn it"
        return Image(root, json.load(blob(manifest["config"]["digest"])))


def specification(
    image: Image,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    user: int,
    *,
    mounts: Mapping[str, Path],
    writable: Mapping[str, Path],
) -> dict[str, Any]:
    """Return runc's configuration: what restricted Pod security asks for, on the host's network."""
    config = image.config["config"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": user, "gid": user},
            "args": [*arguments],
            "env": [*config["Env"], *(f"{name}={value}" for name, value in environment.items())],
            "cwd": config["WorkingDir"],
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": str(image.root), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "mode=755"],
            },
            {
                "destination": "/tmp",  # noqa: S108 - the container's own
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "nodev", "mode=1777", "size=64m"],
            },
            *(
                {
                    "destination": inside,
                    "type": "bind",
                    "source": str(outside),
                    "options": ["rbind", "rw" if inside in writable else "ro"],
                }
                for inside, outside in {**mounts, **writable}.items()
            ),
        ],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}]},
    }


@contextmanager
def running(
    image: Image,
    folder: Path,
    arguments: Sequence[str] = (),
    *,
    program: str = "",
    environment: Mapping[str, str] | None = None,
    user: int = 65532,
    mounts: Mapping[str, Path] | None = None,
    writable: Mapping[str, Path] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an image; its output goes to `output` in the folder, and it is gone afterwards."""
    folder.mkdir(parents=True)
    command = [program] if program else image.config["config"]["Entrypoint"]
    words = [*command, *arguments]
    wanted = specification(
        image, words, environment or {}, user, mounts=mounts or {}, writable=writable or {}
    )
    (folder / "config.json").write_text(json.dumps(wanted))
    name = f"digital-human-test-{os.getpid()}-{folder.name}"
    runc = ["runc", "--root", str(folder / "runc")]
    with (folder / "output").open("wb") as sink:
        process = subprocess.Popen(
            [*runc, "run", "--bundle", str(folder), name],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
            subprocess.run([*runc, "delete", "--force", name], capture_output=True, check=False)


def output(
    image: Image,
    folder: Path,
    program: str,
    *arguments: str,
    user: int = 65532,
    mounts: Mapping[str, Path] | None = None,
    writable: Mapping[str, Path] | None = None,
    seconds: float = 60,
) -> tuple[int, str]:
    """Run a program of an image to its end; its exit status and what it said."""
    with running(
        image, folder, arguments, program=program, user=user, mounts=mounts, writable=writable
    ) as process:
        code = process.wait(seconds)
    return code, (folder / "output").read_text()
