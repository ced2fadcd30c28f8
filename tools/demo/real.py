"""The face of the demo where Pods are real: a human that is talked to through its Service."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from tools import deploy, forward, runtime_process
from tools.cluster import Cluster, ClusterError
from tools.demo.face import HUMAN, FaceError, apply

NAMESPACE = "live"
READY_SECONDS = 180
ANSWER_SECONDS = 30.0


def up(cluster: Cluster, record: Path, tell: deploy.Tell = lambda _line: None) -> str:
    """Apply the human unless it is there, wait until it is Ready; returns where it talks."""
    deploy.namespace(cluster, NAMESPACE, deploy.REAL)
    apply(cluster, NAMESPACE, tell)
    wait = ("wait", "--for=condition=Ready", f"dh/{HUMAN}", "-n", NAMESPACE)
    found = cluster.kubectl.run(*wait, f"--timeout={READY_SECONDS}s")
    if found.returncode:
        pods = deploy.why(cluster, NAMESPACE)
        raise FaceError(f"{HUMAN} is not Ready after {READY_SECONDS} s\n{pods}")
    return _reached(cluster, record)


def _reached(cluster: Cluster, record: Path) -> str:
    """Lead an address of this machine to the Service, and wait for an answer."""
    path = "jsonpath={.spec.clusterIP}"
    service = cluster.kubectl("get", "service", HUMAN, "-n", NAMESPACE, "-o", path).strip()
    forward.stop(record)
    port = runtime_process.free("127.0.0.1", runtime_process.PORTS["HTTP"])
    try:
        forward.start(record, port, f"{service}:80")
    except ClusterError as error:
        raise FaceError(str(error)) from error
    address = f"http://localhost:{port}/"
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(address, timeout=2).close()
            return address
        time.sleep(0.1)
    forward.stop(record)
    raise FaceError(f"the Service of {HUMAN} did not answer within {ANSWER_SECONDS:.0f} s")
