"""Weights: a Job fetches them from an object store into a volume, before any Pod of the human."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from safetensors.numpy import save

from tests.e2e.humans import Humans
from tools.cluster import Cluster
from tools.cluster.node import lane

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240, func_only=True)]
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": save({"w": np.ones((512, 512), np.float32)}),
    "tokenizer.json": b"{}",
}
PLAN = {
    "parametersBillions": 0.001,
    "layers": 2,
    "kvHeads": 2,
    "headDim": 32,
}


@pytest.fixture
def store(stage: Cluster, humans: Humans) -> Iterator[str]:
    """An S3-compatible store under a name of the cluster: a Service that leads to this machine."""
    host = lane.machine(stage.directory).place.machine_address
    server = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket="models")
    for name, data in FILES.items():
        client.put_object(Bucket="models", Key=f"tiny/{name}", Body=data)
    stage.kubectl.apply(*_way(humans.namespace, host, port), _secret(humans.namespace))
    # A name without a dot: the store takes what comes before one for a bucket.
    yield "http://store:9000"
    server.stop()


def _way(namespace: str, host: str, port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "store", "namespace": namespace},
        "spec": {"ports": [{"name": "s3", "port": 9000, "targetPort": port}]},
    }
    leads = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "store-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": "store"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "s3", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
    }
    return service, leads


def _secret(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "store", "namespace": namespace},
        "data": {name: base64.b64encode(key.encode()).decode() for name, key in KEYS.items()},
    }


def _verifier(humans: Humans, job: dict[str, Any]) -> dict[str, Any]:
    """A Pod that reads the volume as the runtime's Pods do, and checks every digest."""
    (fetch,) = job["spec"]["template"]["spec"]["containers"]
    folder = fetch["args"][fetch["args"].index("--into") + 1]
    spec = job["spec"]["template"]["spec"]
    container = {
        "name": "verify",
        "image": fetch["image"],
        "command": fetch["command"],
        "args": ["verify", folder],
        "securityContext": fetch["securityContext"],
        "volumeMounts": [{"name": "models", "mountPath": "/models", "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "verify", "namespace": humans.namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": spec["securityContext"],
            "containers": [container],
            "volumes": [volume for volume in spec["volumes"] if volume["name"] == "models"],
        },
    }


def test_weights_are_fetched_into_a_volume_before_any_pod(humans: Humans, store: str) -> None:
    source = {
        "objectStore": {"url": "s3://models/tiny", "endpoint": store, "credentialsSecret": "store"}
    }
    model = {"model": "tiny", "contextLength": 512, "maxNewTokens": 64, "architecture": PLAN}
    human = humans.example(replicas=1, llm={"transformers": model | {"source": source}})
    kubectl = humans.cluster.kubectl
    kubectl.apply(human)
    labels = "aiqtoolkit.io/name=ada,app.kubernetes.io/component=model-fetch"

    def job() -> dict[str, Any]:
        items = kubectl.json("get", "jobs", "-n", humans.namespace, "-l", labels)["items"]
        return dict(items[0]) if items else {}

    humans.until(lambda: bool(job()), "a Job for the weights")
    humans.until(lambda: job().get("status", {}).get("succeeded") == 1, "the weights", 90)
    assert humans.get("persistentvolumeclaim", "ada-models")["status"]["phase"] == "Bound"
    kubectl.apply(_verifier(humans, job()))
    wait = ("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/verify", "--timeout=60s")
    found = kubectl.run(*wait, "-n", humans.namespace)
    said = kubectl.run("logs", "verify", "-n", humans.namespace).stdout
    assert found.returncode == 0, said
    assert f"{len(FILES)} files are what they were." in said
    humans.until(lambda: bool(humans.pods()), "a Pod of the human")
    (pod,) = humans.pods()
    assert pod["metadata"]["creationTimestamp"] >= job()["status"]["completionTime"]
    claims = [volume.get("persistentVolumeClaim", {}) for volume in pod["spec"]["volumes"]]
    assert "ada-models" in [claim.get("claimName") for claim in claims]
