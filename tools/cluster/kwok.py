"""The kwok lane: a real control plane as plain processes, with simulated nodes and Pods."""

import os
import subprocess
from pathlib import Path

from tools.binaries import binaries
from tools.cache import cache_root, file_lock
from tools.cluster.errors import ClusterError, tail
from tools.cluster.options import Options

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok-controller",
)

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


def create(name: str, directory: Path, options: Options) -> None:
    """Create and start the cluster; raises ClusterError with the end of a log when it fails."""
    paths = binaries("kwok")
    log = directory / "kwokctl.log"
    command = [str(paths["kwokctl"]), *_arguments(name, directory, options, paths)]
    environment = {**os.environ, "KWOK_WORKDIR": str(directory)}
    # Free ports are looked for, then taken: two that look at once would find the same ones.
    with file_lock(cache_root() / "ports.lock"), log.open("wb") as sink:
        try:
            code = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=options.start_seconds + 10,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    if code:
        logs = [tail(log, 5), tail(logs_folder(name, directory) / "kube-apiserver.log")]
        raise ClusterError("\n".join([f"The cluster {name!r} did not start.", *logs]))


def logs_folder(name: str, directory: Path) -> Path:
    """Folder with one log for each component, and the audit log."""
    return directory / "clusters" / name / "logs"


def _arguments(name: str, directory: Path, options: Options, paths: dict[str, Path]) -> list[str]:
    """Return the arguments of `kwokctl create cluster`; every binary absolute: no downloads."""
    config = directory / "kwokctl.yaml"
    config.write_text(_CONFIG)
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
    for extra in _extra_args(options):
        arguments += ["--extra-args", extra]
    return arguments


def _extra_args(options: Options) -> list[str]:
    """Return `component=flag=value` for the options that kwokctl has no flag for."""
    period = f"horizontal-pod-autoscaler-sync-period={options.hpa_sync_period}"
    extra = [f"kube-controller-manager={period}", *options.extra_args]
    return extra if options.durable else [*extra, "etcd=unsafe-no-fsync=true"]
