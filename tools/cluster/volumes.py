"""The folders behind the volumes of the kwok lane, which the provisioner puts below /tmp.

Its folder is one for the whole machine and made for its first user alone; a cluster that goes away
takes its own folders along.
"""

import mmap
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.cluster.errors import ClusterError

BASE = Path("/tmp/hostpath_pv")  # noqa: S108 - fixed in kube-controller-manager
PROVISIONER = "kubernetes.io/host-path"
_PROVISIONED = "pv.kubernetes.io/provisioned-by"
_KEY = b"/registry/persistentvolumes/"
"""How the key of a PersistentVolume begins in etcd; the object follows it."""
_VOLUME_BYTES = 16384
"""How much of what follows is looked at; such an object has less than two thousand bytes."""


def _field(number: int, text: bytes, length: int) -> bytes:
    """Return the expression for a text of a protocol buffer: its field, length and bytes."""
    return re.escape(bytes([number << 3 | 2, length])) + text


_VOLUME = re.compile(
    _field(1, re.escape(_PROVISIONED.encode()), len(_PROVISIONED))
    + _field(2, re.escape(PROVISIONER.encode()), len(PROVISIONER))
    + b".*?"
    + _field(1, re.escape(f"{BASE}/".encode()) + b"(?P<name>[0-9a-f-]{36})", len(f"{BASE}/") + 36),
    re.DOTALL,
)
"""The provisioner's annotation, and behind it ``hostPath.path``, as the API server stores them."""


def prepare(base: Path = BASE) -> None:
    """Have the folder open to every user, like /tmp; raises ClusterError when it cannot be used."""
    base.mkdir(exist_ok=True)
    if base.stat().st_uid == os.geteuid():
        base.chmod(0o1777)
    elif not os.access(base, os.W_OK | os.X_OK):
        raise ClusterError(
            f"Volumes need {base}, which is another user's ({base.owner()}) and closed: let them"
            f" run `chmod 1777 {base}`, or remove it."
        )


def folders(found: Iterable[Mapping[str, Any]], base: Path = BASE) -> list[Path]:
    """Return the folders of those PersistentVolumes that the provisioner made."""
    paths = []
    for volume in found:
        annotations = volume["metadata"].get("annotations") or {}
        path = Path(volume["spec"].get("hostPath", {}).get("path", ""))
        own = annotations.get(_PROVISIONED) == PROVISIONER
        if own and path.parent == base and path.name != "..":
            paths.append(path)
    return paths


def stored(data: Path) -> list[Path]:
    """Return the folders of those PersistentVolumes that are, or were, in the files of an etcd.

    For a cluster that cannot be asked any more. ``data`` is etcd's folder; none is an empty one.
    """
    files = [*data.glob("member/snap/db"), *data.glob("member/wal/*.wal")]
    names = {name for file in files if file.stat().st_size for name in _names(file)}
    return [BASE / name for name in sorted(names)]


def _names(file: Path) -> Iterator[str]:
    """Find what the folders are called in one file, which may be larger than memory."""
    with file.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = text.find(_KEY)
        while at >= 0:
            begin = at + len(_KEY)
            at = text.find(_KEY, begin)
            end = begin + _VOLUME_BYTES
            if found := _VOLUME.search(text[begin : end if at < 0 else min(end, at)]):
                yield found["name"].decode()


def remove(paths: Iterable[Path]) -> None:
    """Remove the folders; one that is a link, or is not there, is left as it is."""
    for path in paths:
        if not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
