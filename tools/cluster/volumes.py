"""The folders behind the volumes of the kwok lane, which the provisioner puts below /tmp.

Its folder is one for the whole machine and made for its first user alone; a cluster that goes away
takes its own folders along.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.cluster.errors import ClusterError

BASE = Path("/tmp/hostpath_pv")  # noqa: S108 - fixed in kube-controller-manager
PROVISIONER = "kubernetes.io/host-path"


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
        own = annotations.get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        if own and path.parent == base and path.name != "..":
            paths.append(path)
    return paths


def remove(paths: Iterable[Path]) -> None:
    """Remove the folders; one that is a link, or is not there, is left as it is."""
    for path in paths:
        if not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
