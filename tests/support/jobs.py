"""
Jobs of backups where Pods are simulated: commands run as processes, Pods end with their words.

The Pods wait for a claim that is not there, so that nobody else ends them.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.operator import Place

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def carry_out(place: Place, job: str, folder: Path, store: str = "") -> list[str]:
    """Run the commands of a Job's containers one after the other; the last word of each."""
    place.wait("the Job", lambda: place.get("job", job))
    pod = place.get("job", job)["spec"]["template"]["spec"]
    config = folder / "config"
    for name in ("config", "backups", "scratch", "keys"):
        (folder / name).mkdir(exist_ok=True)
    objects = folder / "objects"
    objects.mkdir(exist_ok=True)
    mounted = {one["name"] for one in pod["volumes"]}
    if "objects" in mounted:
        for file, text in place.get("cm", "ada-objects")["data"].items():
            (objects / file).write_text(text)
    if "config" in mounted:
        text = place.kubectl("get", "cm", "ada-config", "-o", "yaml")
        (config / "config.yaml").write_text(text)
    (folder / "keys" / "key").write_text(KEY)
    paths = {
        "/config": str(config),
        "/objects": str(objects),
        "file:///backups": store or f"file://{folder / 'backups'}",
        "/scratch": str(folder / "scratch"),
        "/scratch/restored": str(folder / "scratch" / job),
        "/var/run/secrets/digital-human/encryption/key": str(folder / "keys" / "key"),
        "/dev/termination-log": str(folder / "word"),
    }
    words = []
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        assert container["command"] == ["digital-human-backup"]
        arguments = [paths.get(one, one) for one in container["args"]]
        done = subprocess.run(
            [sys.executable, "-m", "digital_human_backup", *arguments],
            capture_output=True,
            timeout=120,
            check=False,
        )
        words.append((folder / "word").read_text())
        if done.returncode:
            break
    return words


def end(place: Place, job: str, words: list[str], code: int = 0) -> None:
    """Let the Pod come, and end with these words, as a kubelet would say it."""
    selector = f"batch.kubernetes.io/job-name={job}"
    place.wait("the Pod", lambda: place.items("pods", selector), seconds=90)
    (pod,) = place.items("pods", selector)
    spec, when = pod["spec"], "2026-03-01T12:00:00Z"
    names = [one["name"] for one in (*spec.get("initContainers", []), *spec["containers"])]
    ended = [
        {
            "name": name,
            "image": "x",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {
                "terminated": {
                    "exitCode": code if number == len(words) - 1 else 0,
                    "message": word,
                    "startedAt": when,
                    "finishedAt": when,
                }
            },
        }
        for number, (name, word) in enumerate(zip(names, words, strict=False))
    ]
    first = len(spec.get("initContainers", []))
    status: dict[str, Any] = {"phase": "Failed" if code else "Succeeded"}
    if first:
        status["initContainerStatuses"] = ended[:first]
    if ended[first:]:
        status["containerStatuses"] = ended[first:]
    name = pod["metadata"]["name"]
    patch = ("patch", "pod", name, "--subresource=status", "--type=merge", "-p")
    place.kubectl(*patch, json.dumps({"status": status}))
