"""The operator as a process of this machine, with the rights that the chart gives it."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tools.binaries import binary
from tools.cache import ROOT
from tools.cluster import Cluster, ClusterError, processes
from tools.cluster.errors import tail
from tools.cluster.tokens import service_account_kubeconfig
from tools.ports import free_port

CHART = ROOT / "charts" / "digital-human-operator"
NAMESPACE = "digital-human-system"
RELEASE = "digital-human-operator"
READY_SECONDS = 60.0
_PREFIX = "DIGITAL_HUMAN_OPERATOR_"


def install_chart(
    cluster: Cluster,
    *,
    namespace: str = NAMESPACE,
    values: Mapping[str, str] | None = None,
    seconds: int = 60,
) -> None:
    """
    Install or upgrade the chart with Helm and wait until it stands; raises ClusterError.

    Without Pods, since the operator runs outside the cluster, and for the whole cluster, unless
    ``values`` says otherwise.
    """
    settings = {"scope": "cluster", "replicas": "0", "podDisruptionBudget.enabled": "false"}
    settings |= dict(values or {})
    command = [str(binary("helm3")), "--kubeconfig", str(cluster.kubeconfig)]
    command += ["upgrade", "--install", RELEASE, str(CHART)]
    command += [
        "--namespace",
        namespace,
        "--create-namespace",
        "--wait",
        "--timeout",
        f"{seconds}s",
    ]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    if result.returncode:
        raise ClusterError(f"helm could not install the chart: {result.stderr.strip()}")


class OperatorProcess:
    """One operator, in a folder of its own: kubeconfig, log, recorded pid."""

    def __init__(
        self,
        cluster: Cluster,
        directory: Path,
        *,
        name: str = "operator",
        namespace: str = NAMESPACE,
        settings: Mapping[str, str] | None = None,
        admin: bool = False,
    ) -> None:
        self.cluster = cluster
        self.directory = directory
        self.name = name
        self.namespace = namespace
        self.settings = dict(settings or {})
        self.admin = admin
        self.port = free_port()
        self.pid: int | None = None

    @property
    def log(self) -> Path:
        """What it says."""
        return self.directory / f"{self.name}.log"

    @property
    def record(self) -> Path:
        """Its pid and start time, for stopping it later and after a crash."""
        return self.directory / f"{self.name}.pid.json"

    @property
    def url(self) -> str:
        """Where it answers: /metrics, /healthz, /readyz."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it and return the seconds until it was ready; raises ClusterError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._command(),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
            )
        self.pid = process.pid
        recorded = processes.started(process.pid)
        if recorded:
            processes.save(self.record, [recorded])
        while not self.ready():
            if process.poll() is not None:
                raise ClusterError(f"The operator ended while it started.\n{tail(self.log)}")
            if time.monotonic() - began > READY_SECONDS:
                self.stop()
                raise ClusterError(
                    f"The operator was not ready after {READY_SECONDS:.0f} s.\n{tail(self.log)}"
                )
            time.sleep(0.02)
        return time.monotonic() - began

    def ready(self) -> bool:
        """Whether its stores are complete."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def metrics(self) -> str:
        """Its metrics as Prometheus text."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:  # noqa: S310
            text: str = answer.read().decode()
            return text

    def signal(self, number: int) -> None:
        """Send a signal to it, if it still is the process that was recorded."""
        for recorded in processes.load(self.record):
            if processes.is_running(recorded):
                os.kill(recorded.pid, number)

    def running(self) -> bool:
        """Whether the recorded process still runs."""
        return any(processes.is_running(recorded) for recorded in processes.load(self.record))

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Stop it by its recorded pid; nothing to stop is fine."""
        left = processes.stop(processes.load(self.record), grace_seconds)
        if left:
            raise ClusterError(f"The operator (pid {left[0].pid}) does not end.")
        self.record.unlink(missing_ok=True)
        self._reap()

    def _reap(self) -> None:
        if self.pid is not None:
            try:
                os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self.pid = None

    def _command(self) -> list[str]:
        kubeconfig = self.cluster.kubeconfig
        if not self.admin:
            kubeconfig = service_account_kubeconfig(
                self.cluster.kubeconfig,
                self.namespace,
                RELEASE,
                self.directory / f"{self.name}.kubeconfig",
            )
        module = ["-m", "digital_human_operator", "--kubeconfig", str(kubeconfig)]
        return [sys.executable, *module]

    def _environment(self) -> dict[str, str]:
        settings = {
            "POD_NAMESPACE": self.namespace,
            "POD_NAME": f"{self.name}-{os.getpid()}-{self.port}",
            "METRICS_ADDRESS": f"127.0.0.1:{self.port}",
        }
        settings |= self.settings
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_PREFIX)}
        return inherited | {f"{_PREFIX}{k}": v for k, v in settings.items()}
