"""Every status that is ever written obeys kstatus: what Argo CD, Flux and kubectl wait rely on."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.kstatus import verdict, violations
from tests.support.operator import Place, human
from tools.binaries import binary

pytestmark = pytest.mark.cluster


@pytest.mark.timeout(240)
def test_every_version_conforms(place: Place, tmp_path: Path) -> None:
    with _versions(place, tmp_path) as versions:
        place.apply(human("ada"))
        place.wait_condition("Ready", "True")
        place.apply(human("ada", replicas=2))
        place.wait_condition("Ready", "True")
        model = {"transformers": {"model": "llama3:70b", "precision": "bf16"}}
        place.apply(human("ada", llm=model, gpu={"profile": "a100-40gb"}))
        place.wait_condition("Stalled", "True")
        place.apply(human("ada", mode="Suspended"))
        place.wait_condition("Ready", "False", reason="Suspended")
        place.apply(human("ada", mode="Paused"))
        place.wait_condition("Ready", "False", reason="Paused")
        place.apply(human("ada"))
        place.wait_condition("Ready", "True")
        place.kubectl("delete", "dh", "ada", "--timeout=30s")
        time.sleep(0.5)
        seen = versions()
    assert all("conditions" in one["status"] for one in seen)  # from its creation on
    judged = seen
    assert len(judged) >= 6
    for one in judged:
        if one["status"].get("observedGeneration") == one["metadata"]["generation"]:
            assert violations(one) == [], json.dumps(one["status"], indent=1)
        else:
            # The spec is newer than what status is about, or nobody has looked at it yet.
            assert verdict(one) == "InProgress"
    assert {verdict(one) for one in judged} >= {"InProgress", "Current", "Failed"}


@contextmanager
def _versions(place: Place, folder: Path) -> Iterator[Any]:
    """All versions of the namespace's humans from now on, as a watch delivers them."""
    file = folder / "versions.json"
    command = [str(binary("kubectl")), "--kubeconfig", str(place.cluster.kubeconfig)]
    command += ["-n", place.namespace, "get", "dh", "--watch", "-o", "jsonpath={@}{'\\n'}"]
    with file.open("wb") as output:
        watch = subprocess.Popen(command, stdout=output, stdin=subprocess.DEVNULL)
    try:
        yield lambda: [json.loads(line) for line in file.read_text().splitlines() if line]
    finally:
        watch.terminate()
        watch.wait(timeout=10)
