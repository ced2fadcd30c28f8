"""The handle of one local cluster: bring it up, look at it, take all of it down."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tools.cache import ROOT, file_lock
from tools.cluster import kind, kwok, processes, volumes
from tools.cluster.errors import ClusterError, tail
from tools.cluster.kubectl import Kubectl
from tools.cluster.node import lane as node
from tools.cluster.options import Options

CLUSTERS = ROOT / "build" / "cluster"
LANES = ("kwok", "kind", "node")
READY_SECONDS = 60.0
_COMPONENTS = {"kwok": kwok.COMPONENTS, "node": node.COMPONENTS, "kind": ()}
"""The processes of each lane that must be there."""
_PORT_TAKEN = "address already in use"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")

STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": volumes.PROVISIONER,
    "allowVolumeExpansion": True,
}
"""The default class: kube-controller-manager binds its claims to empty folders below /tmp."""
RUNTIME_CLASS = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "nvidia"},
    "handler": "nvidia",
}
"""What NVIDIA's GPU operator adds to a cluster."""


@dataclass(frozen=True)
class Status:
    """What is there of a cluster."""

    state: str
    """`running`, `broken` (some of it is gone) or `absent`."""
    lane: str = ""
    running: tuple[processes.Process, ...] = ()
    missing: tuple[str, ...] = ()
    """Components that should run and do not."""


class Cluster:
    """One cluster, known by its name; everything of it lives in one folder."""

    def __init__(self, name: str = "demo", lane: str = "kwok", root: Path = CLUSTERS) -> None:
        if not _NAME.fullmatch(name):
            raise ClusterError(f"{name!r} is no cluster name: up to 30 of a-z, 0-9 and dashes.")
        if lane not in LANES:
            raise ClusterError(f"{lane!r} is no kind of cluster: choose one of {', '.join(LANES)}.")
        self.name = name
        self.lane = lane
        self.directory = root.resolve() / name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, readable by its owner only."""
        return self.directory / "kubeconfig"

    @property
    def logs(self) -> Path:
        """Folder with one log per component of the control plane (kwok and node lanes)."""
        return kwok.logs_folder(self.name, self.directory)

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: one JSON object per request (kwok and node lanes)."""
        return self.logs / "audit.log"

    @property
    def kubectl(self) -> Kubectl:
        """Our kubectl, as the administrator."""
        return Kubectl(self.kubeconfig)

    def up(
        self, options: Options | None = None, *, fresh: bool = False, owner: int | None = None
    ) -> Self:
        """Bring the cluster up and wait until it serves.

        One that already runs with the same options is kept, unless `fresh`. `owner` is the pid
        of the process it is for: `reap` removes the cluster after that process is gone.
        """
        options = options or Options()
        with self._locked():
            if not fresh and self._runs_with(options):
                return self
            check(self.lane, self.directory)  # before there is less than there was
            self._remove()
            self._create(options, owner)
        return self

    def kept(self, options: Options | None = None) -> bool:
        """Whether `up` with these options would keep what runs."""
        return self._runs_with(options or Options())

    def down(self) -> None:
        """Stop every process of the cluster and remove its folder; nothing to do is fine."""
        with self._locked():
            self._remove()

    def status(self) -> Status:
        """Look at the cluster's processes (kwok, node) or its record (kind)."""
        recorded = self._record()
        running = tuple(processes.owned(self.directory, self._pids))
        if not recorded:
            return Status("broken" if running else "absent", running=running)
        if recorded["lane"] == "kind":
            return Status("running", lane="kind")
        lane = recorded["lane"]
        names = {process.name for process in running}
        missing = tuple(name for name in _COMPONENTS[lane] if name not in names)
        return Status("broken" if missing else "running", lane, running, missing)

    @property
    def _pids(self) -> Path:
        return self.directory / "pids.json"

    @property
    def _lane_file(self) -> Path:
        """Says from the first moment on what has to be removed."""
        return self.directory / "lane"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the cluster's lock, which lies beside its folder and so survives it."""
        with file_lock(self.directory.parent / f".{self.name}.lock"):
            yield

    def _record(self) -> dict[str, Any]:
        """Return what was written when the cluster was complete; empty when it never was."""
        return _read_json(self.directory / "cluster.json")

    def _runs_with(self, options: Options) -> bool:
        """Say whether the cluster runs, serves and was created with these options."""
        recorded = self._record()
        same = recorded.get("lane") == self.lane
        same = same and recorded.get("options") == json.loads(json.dumps(asdict(options)))
        if not same or self.status().state != "running":
            return False
        return Kubectl(self.kubeconfig, 10).run("get", "--raw", "/readyz").returncode == 0

    def _create(self, options: Options, owner: int | None) -> None:
        """Create the cluster in an empty folder; what a failed start leaves is taken down."""
        self.directory.mkdir(parents=True, mode=0o700)
        self._lane_file.write_text(self.lane)
        owner_process = processes.inspect(owner) if owner else None
        if owner_process:
            processes.save(self.directory / "owner.json", [owner_process])
        try:
            self._start(options)
            self._save_processes()
            self.kubeconfig.chmod(0o600)
            self._wait_until_served()
        except BaseException:
            self._remove()
            raise
        if self.lane != "kind":
            self.kubectl.apply(STORAGE_CLASS, RUNTIME_CLASS)
        record = {"name": self.name, "lane": self.lane, "options": asdict(options)}
        (self.directory / "cluster.json").write_text(json.dumps(record, indent=2) + "\n")

    def _save_processes(self) -> None:
        """Record what runs; a component that cannot be found could never be stopped."""
        found = processes.find(self.directory)
        processes.save(self._pids, found)
        missing = set(_COMPONENTS[self.lane]) - {process.name for process in found}
        if missing:
            raise ClusterError(
                f"The cluster {self.name!r} started without {', '.join(sorted(missing))} in"
                f" {self.directory}."
            )

    def _start(self, options: Options) -> None:
        """Start the lane; once more when another program took a port that had been free."""
        if self.lane == "kind":
            kind.create(self.name, self.directory, options)
            return
        if self.lane == "node":
            node.create(self.name, self.directory, options)
            return
        try:
            kwok.create(self.name, self.directory, options)
        except ClusterError as error:
            if _PORT_TAKEN not in str(error):
                raise
            processes.stop(processes.find(self.directory))
            shutil.rmtree(self.directory / "clusters")
            kwok.create(self.name, self.directory, options)

    def _wait_until_served(self) -> None:
        """Wait for the default ServiceAccount: before it exists no Pod can be created."""
        deadline = time.monotonic() + READY_SECONDS
        while self.kubectl.run("get", "serviceaccount", "default").returncode:
            if time.monotonic() > deadline:
                log = tail(self.logs / "kube-controller-manager.log")
                raise ClusterError(
                    f"The cluster {self.name!r} has no ServiceAccount after {READY_SECONDS:.0f} s."
                    f"\n{log}"
                )
            time.sleep(0.1)

    def _remove(self) -> None:
        """Stop what runs from the folder, then remove it.

        kwokctl is not asked: it signals whatever process has the pid in its file, and after a
        reboot that is a stranger.
        """
        if not self.directory.exists():
            return
        if kind.was_begun(self.directory):
            kind.destroy(self.name, self.directory)
        is_node = _read_lane(self._lane_file) == "node"
        if is_node:
            node.check_rights(self.name)
        # Those of a node are in the cluster's own folder.
        folders = [] if is_node else self._asked_folders()
        left = processes.stop(processes.owned(self.directory, self._pids))
        if left:
            pids = ", ".join(f"{process.name} ({process.pid})" for process in left)
            raise ClusterError(f"These processes of the cluster {self.name!r} do not end: {pids}.")
        if folders is None:
            folders = volumes.stored(kwok.etcd_folder(self.name, self.directory))
        volumes.remove(folders)
        if is_node:
            node.destroy(self.directory)
        shutil.rmtree(self.directory)

    def _asked_folders(self) -> list[Path] | None:
        """Ask for the folders behind its volumes; None when it cannot answer any more."""
        names = {process.name for process in processes.owned(self.directory, self._pids)}
        if "kube-apiserver" not in names or not self.kubeconfig.exists():
            return None
        try:
            return volumes.folders(Kubectl(self.kubeconfig, 5).json("get", "pv")["items"])
        except ClusterError:
            return None


def check(lane: str, directory: Path) -> None:
    """Raise ClusterError when this machine cannot run a kind of cluster."""
    match lane:
        case "kind":
            kind.engine()
        case "node":
            node.check(directory)
        case _:
            kwok.check(directory)


def reap(root: Path = CLUSTERS) -> list[str]:
    """Take down every cluster whose owner is gone (a test run that was killed); return names."""
    names = []
    for file in sorted(root.glob("*/owner.json")):
        owners = processes.load(file)
        if owners and not any(processes.is_running(owner) for owner in owners):
            Cluster(file.parent.name, root=root).down()
            names.append(file.parent.name)
    return names


def _read_lane(path: Path) -> str:
    """Read the lane that a cluster was begun with; empty when it never was."""
    return path.read_text() if path.exists() else ""


def _read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an absent or broken file is an empty one."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
