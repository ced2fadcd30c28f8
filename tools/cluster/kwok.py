"""The kwok lane: a real control plane as plain processes, with simulated nodes and Pods."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.binaries import binaries
from tools.cache import cache_root, file_lock
from tools.cluster import disk
from tools.cluster.errors import ClusterError, tail
from tools.cluster.options import Options
from tools.cluster.processes import find
from tools.cluster.volumes import prepare

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok-controller",
)

POLL_SECONDS = 0.5
FREE_GIB = 0.5
"""For etcd and logs, an audit log among them."""

_CONFIG = """\
apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokctlConfiguration
options:
  bindAddress: 127.0.0.1
"""

_AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


_SERVICES = "10.96.0.0/16"  # the default of the API server has room for 254 Services only


@dataclass(frozen=True)
class Home:
    """Where the control plane runs: on the machine itself, or with a node in its namespaces."""

    enter: tuple[str, ...] = ()
    """The command that runs another one there."""
    services: str = _SERVICES
    """Addresses of Services."""
    config: str = _CONFIG
    """What kwokctl reads."""


def problem(directory: Path, platform: str = sys.platform) -> str:
    """Say why simulated Pods cannot run on this machine; empty when nothing prevents it."""
    if platform != "linux":  # processes are known by what /proc tells of them
        return f"needs Linux and this is {platform}: use CLUSTER=kind with a container engine."
    return disk.lacks(directory, FREE_GIB)


def check(directory: Path) -> None:
    """Raise ClusterError when this lane cannot run here."""
    if found := problem(directory):
        raise ClusterError(f"CLUSTER=kwok {found}")


def create(name: str, directory: Path, options: Options, home: Home | None = None) -> None:
    """Create and start the cluster; raises ClusterError with the end of a log when it fails.

    Processes of a failed start are left to the caller, who knows which are the cluster's.
    """
    if any(character.isspace() for character in str(directory)):
        raise ClusterError(
            f"The cluster's folder is {directory}, and kwokctl takes none with a space: move the"
            " checkout to a path without."
        )
    home = home or Home()
    prepare()
    paths = binaries("kwok")
    log = directory / "kwokctl.log"
    arguments = _arguments(name, directory, options, home, paths)
    command = [*home.enter, str(paths["kwokctl"]), *arguments]
    environment = {**os.environ, "KWOK_WORKDIR": str(directory)}
    # Free ports are looked for, then taken: two that look at once would find the same ones.
    with file_lock(cache_root() / "ports.lock"), log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            reason = _watch(process, name, directory, options.start_seconds)
        finally:
            process.kill()
            process.wait()
    if reason:
        component = reason.split(maxsplit=1)[0]
        logs = logs_folder(name, directory)
        culprit = logs / f"{component if component in COMPONENTS else 'kube-apiserver'}.log"
        message = f"The cluster {name!r} did not start: {reason}."
        raise ClusterError("\n".join([message, tail(log, 3), tail(culprit)]))


def _watch(process: subprocess.Popen[bytes], name: str, directory: Path, seconds: float) -> str:
    """Wait for kwokctl; return why the start failed, or nothing when it did not.

    kwokctl itself waits for its whole time when a component has ended; that is noticed here.
    """
    deadline = time.monotonic() + seconds
    suspects: set[str] = set()
    while (code := process.poll()) is None:
        if time.monotonic() > deadline:
            return f"it was not ready after {seconds:.0f} s"
        dead = _ended(directory / "clusters" / name / "pids", directory)
        if dead & suspects:
            return f"{min(dead & suspects)} ended"
        suspects = dead
        time.sleep(POLL_SECONDS)
    return f"kwokctl ended with status {code}" if code else ""


def _ended(pids: Path, directory: Path) -> set[str]:
    """Return the components that have a pid file of kwokctl but no process."""
    running = {process.name for process in find(directory)}
    return {file.stem for file in pids.glob("*.pid")} - running


def logs_folder(name: str, directory: Path) -> Path:
    """Folder with one log for each component, and the audit log."""
    return directory / "clusters" / name / "logs"


def etcd_folder(name: str, directory: Path) -> Path:
    """Folder of etcd's data."""
    return directory / "clusters" / name / "etcd"


def _arguments(
    name: str, directory: Path, options: Options, home: Home, paths: dict[str, Path]
) -> list[str]:
    """Return the arguments of `kwokctl create cluster`; every binary absolute: no downloads."""
    config = directory / "kwokctl.yaml"
    config.write_text(home.config)
    arguments = ["create", "cluster", "--name", name, "--runtime", "binary"]
    arguments += ["--wait", f"{options.start_seconds:.0f}s"]
    arguments += ["--kubeconfig", str(directory / "kubeconfig")]
    for file in (str(config), *options.config_files):
        arguments += ["--config", file]
    for component in COMPONENTS:
        program = paths["kwok" if component == "kwok-controller" else component]
        arguments += [f"--{component}-binary", str(program)]
    if options.audit:
        policy = directory / "audit-policy.yaml"
        policy.write_text(_AUDIT_POLICY)
        arguments += ["--kube-audit-policy", str(policy)]
    if not options.qps_limits:
        arguments += ["--disable-qps-limits"]
    for extra in _extra_args(options, home.services):
        arguments += ["--extra-args", extra]
    return arguments


def _extra_args(options: Options, services: str) -> list[str]:
    """Return `component=flag=value` for the options that kwokctl has no flag for."""
    extra = [
        f"kube-controller-manager=horizontal-pod-autoscaler-sync-period={options.hpa_sync_period}",
        "kube-controller-manager=enable-hostpath-provisioner=true",  # the folders stay empty
        f"kube-controller-manager=service-cluster-ip-range={services}",
        f"kube-apiserver=service-cluster-ip-range={services}",
        # There is one of each: a leader that cannot renew its Lease would end for good.
        "kube-controller-manager=leader-elect=false",
        "kube-scheduler=leader-elect=false",
        # One file to the end: rotated at 100 MB, the log would lose what nobody has read yet.
        "kube-apiserver=audit-log-maxsize=0",
        *options.extra_args,
    ]
    return _ordered(extra if options.durable else [*extra, "etcd=unsafe-no-fsync=true"])


def _ordered(extra: list[str]) -> list[str]:
    """Put the first flag of each component before all others: kwokctl 0.8 panics otherwise."""
    first: dict[str, str] = {}
    others = [flag for flag in extra if first.setdefault(flag.partition("=")[0], flag) != flag]
    return [*first.values(), *others]
