"""
Jobs of backups where Pods are simulated: commands run as processes, Pods end with their words.

The Pods wait for a claim that is not there, so that nobody else ends them.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from digital_human_operator import names
from tests.support.operator import Place, human

_WHEN = "2026-03-01T12:00:00Z"
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def apply_with_key(place: Place, **spec: Any) -> None:
    """Make a human, and the Secret with the key of its backups; wait until it is Ready."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
    place.apply(secret | {"stringData": {"backup": KEY}}, human(**spec))
    place.wait_condition("Ready", "True", seconds=90)


def back_up(place: Place, folder: Path, name: str = "nightly") -> None:
    """Ask for a backup of ada, and carry it out."""
    place.apply(human(name, digitalHuman="ada") | {"kind": "DigitalHumanBackup"})
    run = names.backup_run(name)
    end(place, run, carry_out(place, run, folder))
    place.kubectl("wait", f"dhb/{name}", "--for=condition=Ready", "--timeout=60s")


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


def at_work(place: Place, job: str, words: list[str]) -> None:
    """Let the Pod come, with the containers before at their end and the next one at work."""
    pod = _pod(place, job)
    ended, rest = _ended(pod, words, 0), _names(pod)[len(words) :]
    running = {"name": rest[0], "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    running["state"] = {"running": {"startedAt": _WHEN}}
    _put(place, pod, {"phase": "Pending"}, [*ended, running])


def end(place: Place, job: str, words: list[str], code: int = 0) -> None:
    """Let the Pod come, and end with these words, as a kubelet would say it."""
    pod = _pod(place, job)
    _put(place, pod, {"phase": "Failed" if code else "Succeeded"}, _ended(pod, words, code))


def _pod(place: Place, job: str) -> dict[str, Any]:
    selector = f"batch.kubernetes.io/job-name={job}"
    place.wait("the Pod", lambda: place.items("pods", selector), seconds=90)
    return place.items("pods", selector)[0]


def _names(pod: dict[str, Any]) -> list[str]:
    spec = pod["spec"]
    return [one["name"] for one in (*spec.get("initContainers", []), *spec["containers"])]


def _ended(pod: dict[str, Any], words: list[str], code: int) -> list[dict[str, Any]]:
    return [
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
                    "startedAt": _WHEN,
                    "finishedAt": _WHEN,
                }
            },
        }
        for number, (name, word) in enumerate(zip(_names(pod), words, strict=False))
    ]


def _put(
    place: Place, pod: dict[str, Any], status: dict[str, Any], said: list[dict[str, Any]]
) -> None:
    """Put into the Pod's status what is said of its containers."""
    first = len(pod["spec"].get("initContainers", []))
    if first:
        status["initContainerStatuses"] = said[:first]
    if said[first:]:
        status["containerStatuses"] = said[first:]
    name = pod["metadata"]["name"]
    patch = ("patch", "pod", name, "--subresource=status", "--type=merge", "-p")
    place.kubectl(*patch, json.dumps({"status": status}))
