"""Running our own kubectl against one kubeconfig."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.binaries import binary
from tools.cluster.errors import ClusterError


@dataclass(frozen=True)
class Kubectl:
    """A callable kubectl: `kubectl("get", "pods", "-A")` returns what it prints."""

    kubeconfig: Path
    timeout_seconds: float = 60.0

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl; raises ClusterError with its message when it fails or takes too long."""
        result = self.run(*arguments, stdin=stdin)
        if result.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return status, output and errors, whatever they are."""
        command = [str(binary("kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]
        try:
            return subprocess.run(
                command,
                input=stdin if stdin is not None else "",
                capture_output=True,
                text=True,
                timeout=self.timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            words = " ".join(arguments)
            raise ClusterError(
                f"kubectl {words} took over {self.timeout_seconds:.0f} s."
            ) from error

    def json(self, *arguments: str) -> Any:
        """Run kubectl with `-o json` and return the parsed answer."""
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects on the server side, as one list."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self("apply", "--server-side", "-f", "-", stdin=json.dumps(document))

    def wait_established(self, *crds: str, seconds: float = 30.0) -> None:
        """
        Wait until CustomResourceDefinitions (none named: all) are served.

        `kubectl wait` fails on one that is so new that it has no conditions yet, so it is asked
        again until the deadline.
        """
        names = [f"crd/{name}" for name in crds] or ["crd", "--all"]
        deadline = time.monotonic() + seconds
        while True:
            command = ("wait", "--for=condition=Established", "--timeout=5s", *names)
            result = self.run(*command)
            if result.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"kubectl {' '.join(command)}: {result.stderr.strip()}")
            time.sleep(0.1)
