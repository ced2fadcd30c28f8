"""The Job that fetches weights calls the tool of the runtime's image as that takes it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from digital_human_operator.render import children
from digital_human_runtime import settings
from digital_human_runtime.models.__main__ import app
from digital_human_runtime.settings.settings import LocalModel
from tests.support.arguments import given
from tests.support.builders import IMAGES, a_design, a_human
from tools.cache import ROOT

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.yaml"))
STORE = {
    "url": "s3://models/llama3-8b",
    "revision": "2",
    "endpoint": "https://minio.example:9000",
    "region": "eu-central-1",
    "credentialsSecret": "s3",
}


def _human_with(source: dict[str, Any]) -> list[dict[str, Any]]:
    human = a_human({"llm": {"transformers": {"model": "llama3:8b", "source": source}}})
    return [child.manifest for child in children(human, a_design(human))]


def _from_golden() -> dict[str, list[dict[str, Any]]]:
    found = {path.stem: list(yaml.safe_load_all(path.read_text())) for path in GOLDEN}
    return {name: m for name, m in found.items() if any(one["kind"] == "Job" for one in m)}


HUMANS = _from_golden() | {
    "object store": _human_with({"objectStore": STORE}),
    "bucket alone": _human_with({"objectStore": {"url": "s3://models"}}),
    "mirror": _human_with(
        {"huggingFace": {"repository": "a/b", "endpoint": "https://hub.example", "revision": "c0"}}
    ),
}
each_human = pytest.mark.parametrize("made", HUMANS.values(), ids=HUMANS)


def _container(made: list[dict[str, Any]]) -> dict[str, Any]:
    (job,) = (m for m in made if m["kind"] == "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return dict(container)


def _parsed(made: list[dict[str, Any]]) -> dict[str, Any]:
    """What the tool understands; an argument that it does not know is an error."""
    name, *arguments = _container(made)["args"]
    return given(app, name, arguments)


def test_some_examples_fetch() -> None:
    assert len(_from_golden()) >= 3


@each_human
def test_the_tool_takes_the_arguments(made: list[dict[str, Any]]) -> None:
    (job,) = (m for m in made if m["kind"] == "Job")
    found = _parsed(made)
    metadata = job["metadata"]
    assert found["progress_job"] == f"{metadata['namespace']}/{metadata['name']}"
    assert found["source"].startswith(("s3://", "hf://"))


@each_human
def test_the_tool_is_in_the_image(made: list[dict[str, Any]]) -> None:
    container = _container(made)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    (command,) = container["command"]
    assert scripts[command] == "digital_human_runtime.models.__main__:main"
    assert container["image"] == IMAGES.runtime


@each_human
def test_the_runtime_looks_where_the_weights_go(made: list[dict[str, Any]], tmp_path: Path) -> None:
    (config,) = (m for m in made if m["kind"] == "ConfigMap" and "runtime.json" in m["data"])
    file = tmp_path / "runtime.json"
    file.write_text(config["data"]["runtime.json"])
    name = json.loads(file.read_text())["llm"]["transformers"]["model"]
    found = settings.load({"DIGITAL_HUMAN_CONFIG": str(file), "MODEL_NAME": name}).model
    assert isinstance(found, LocalModel)
    assert found.directory == _parsed(made)["into"]


def test_all_that_the_source_says_is_passed() -> None:
    found = _parsed(HUMANS["object store"])
    assert (found["source"], found["revision"]) == (STORE["url"], STORE["revision"])
    assert (found["endpoint"], found["region"]) == (STORE["endpoint"], STORE["region"])
    mirror = _parsed(HUMANS["mirror"])
    assert (mirror["source"], mirror["revision"]) == ("hf://a/b", "c0")
    assert mirror["endpoint"] == "https://hub.example"


NODES: dict[str, Any] = {
    "gpu": {"profile": "a100-80gb", "platform": "gke"},
    "placement": {
        "nodeSelector": {"topology.kubernetes.io/zone": "a"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    },
}
DEDICATED = {"key": "dedicated", "operator": "Exists"}


def _pods(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Kind of the workload -> its Pod."""
    source = {"huggingFace": {"repository": "a/b"}}
    model = {"llm": {"transformers": {"model": "llama3:8b", "source": source}}}
    human = a_human(NODES | model | spec)
    made = (child.manifest for child in children(human, a_design(human)))
    return {
        m["kind"]: m["spec"].get("jobTemplate", m)["spec"]["template"]["spec"]
        for m in made
        if m["kind"] in {"Deployment", "StatefulSet", "Job", "CronJob"}
    }


def test_with_a_volume_of_one_zone_the_fetch_runs_where_the_runtime_can_follow() -> None:
    pods = _pods({})
    for field in ("nodeSelector", "tolerations"):
        assert pods["Job"][field] == pods["Deployment"][field]
    assert not any("gpu" in key for key in pods["Job"]["containers"][0]["resources"]["limits"])


def test_with_a_volume_of_all_nodes_the_fetch_needs_no_gpu_node() -> None:
    job = _pods({"storage": {"models": {"accessMode": "ReadWriteMany"}}})["Job"]
    assert "nodeSelector" not in job
    assert job["tolerations"] == [DEDICATED]


def test_every_pod_puts_up_with_the_taints_that_the_user_names() -> None:
    pods = _pods(
        {
            "sessions": {"store": {"redis": {"managed": {}}}},
            "backup": {"schedule": "@daily", "destination": {"s3": {"bucket": "backups"}}},
        }
    )
    assert set(pods) == {"Deployment", "StatefulSet", "Job", "CronJob"}
    assert all(DEDICATED in pod["tolerations"] for pod in pods.values())
