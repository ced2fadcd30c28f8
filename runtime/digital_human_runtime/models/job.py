"""Tells the operator how far a fetch is: an annotation on the Job that this process runs in."""

from __future__ import annotations

import json
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ANNOTATION = "aiqtoolkit.io/fetch-progress"
EVERY_SECONDS = 10.0

log = logging.getLogger(__name__)


def annotation(done: int, total: int, left: float | None) -> str:
    """The value of the annotation: bytes, total and, once it is known, secondsLeft."""
    words = {"bytes": done, "total": total}
    return json.dumps(words if left is None else words | {"secondsLeft": round(left)})


class JobNote:
    """
    Patches the annotation at most every ten seconds, from the thread that reports.

    The fetch never fails because of it: what the API server says is logged once.
    """

    def __init__(self, job: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._namespace, _, self._name = job.partition("/")
        self._clock = clock
        self._next = clock()
        self._lock = threading.Lock()
        self._told = False

    def tell(self, done: int, total: int, left: float | None) -> None:
        """Note the progress, unless that was done a moment ago."""
        with self._lock:
            if self._clock() < self._next and done < total:
                return
            self._next = self._clock() + EVERY_SECONDS
        try:
            self._patch(annotation(done, total, left))
        except (OSError, httpx2.HTTPError) as error:
            if not self._told:
                self._told = True
                log.warning("the progress cannot be noted on the Job: %s", error)

    def _patch(self, value: str) -> None:
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        host = f"[{host}]" if ":" in host else host
        address = (
            f"https://{host}:{port}/apis/batch/v1/namespaces/{self._namespace}/jobs/{self._name}"
        )
        token = (ACCOUNT / "token").read_text(encoding="ascii").strip()
        trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        answer = httpx2.patch(
            address,
            json={"metadata": {"annotations": {ANNOTATION: value}}},
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/merge-patch+json",
            },
            timeout=5.0,
            verify=trust,
        )
        answer.raise_for_status()
