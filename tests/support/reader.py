"""Reading objects of a cluster without a kubectl each time.

A test that waits asks many times; a process of kubectl costs some 85 ms of a core, a request over
an open connection 1 ms.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import urllib3

from tools.cluster.errors import ClusterError

JsonObject = dict[str, Any]
Place = tuple[str, str, bool]
"""Path of a kind's group and version, its plural, and whether it lives in namespaces."""
SECONDS = 20.0
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Reader:
    """Reads with the rights of a kubeconfig; kinds are named as kubectl names them."""

    def __init__(self, kubeconfig: Path) -> None:
        # Imported here: the environment of the wire tests has none of it.
        from kubernetes.client import Configuration  # noqa: PLC0415
        from kubernetes.config import load_kube_config  # noqa: PLC0415

        found = Configuration()
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig), client_configuration=found
        )
        self._server = str(found.host)
        self._places: dict[str, Place] = {}
        self._pool = urllib3.PoolManager(
            ca_certs=found.ssl_ca_cert,
            cert_file=found.cert_file,
            key_file=found.key_file,
            timeout=SECONDS,
            retries=False,
        )

    def get(self, kind: str, name: str, namespace: str) -> JsonObject:
        """One object; an empty one when there is none, or nobody answers."""
        try:
            answer = self._ask(f"{self._path(kind, namespace)}/{name}")
        except ClusterError:
            return {}
        return _shown(_object(answer)) if answer.status == 200 else {}

    def items(self, kinds: str, namespace: str, selector: str = "") -> list[JsonObject]:
        """All objects of some kinds; raises ClusterError when the server does not tell."""
        return [
            found
            for kind in kinds.split(",")
            for found in self._items(self._path(kind, namespace), selector)
        ]

    def _items(self, path: str, selector: str) -> list[JsonObject]:
        answer = self._ask(path, {"labelSelector": selector} if selector else {})
        if answer.status != 200:
            raise ClusterError(f"GET {path}: {answer.data.decode(errors='replace')[:500]}")
        found = _object(answer)
        kind = found["kind"].removesuffix("List")
        # A list does not say of each of its objects what it is.
        is_a = {"apiVersion": found["apiVersion"], "kind": kind}
        return [_shown(is_a | one) for one in found["items"]]

    def _path(self, kind: str, namespace: str) -> str:
        word = kind.lower()
        if word not in self._places:
            self._places = self._discovered()
        if word not in self._places:
            raise ClusterError(f"The server knows no {kind}.")
        group, plural, namespaced = self._places[word]
        return f"{group}/namespaces/{namespace}/{plural}" if namespaced else f"{group}/{plural}"

    def _discovered(self) -> dict[str, Place]:
        found: dict[str, Place] = {}
        for root in ("/api", "/apis"):
            for group in _object(self._ask(root, accept=_DISCOVERY))["items"]:
                name = group["metadata"].get("name", "")
                version = group["versions"][0]
                where = "/".join(part for part in (root, name, version["version"]) if part)
                for kind in version.get("resources", ()):
                    place = where, kind["resource"], kind["scope"] == "Namespaced"
                    for word in _words(kind, name):
                        found.setdefault(word, place)
        return found

    def _ask(
        self, path: str, fields: dict[str, str] | None = None, accept: str = "application/json"
    ) -> urllib3.BaseHTTPResponse:
        url, headers = self._server + path, {"Accept": accept}
        try:
            return self._pool.request("GET", url, fields=fields, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(f"GET {path}: {error}") from error


def reader(kubeconfig: Path) -> Reader:
    """The reader of a cluster, whose connection all tests of a process share."""
    return _reader(kubeconfig, kubeconfig.stat().st_mtime)


@cache
def _reader(kubeconfig: Path, _changed: float) -> Reader:
    return Reader(kubeconfig)  # a new one for a new cluster of the same name


def _words(kind: JsonObject, group: str) -> list[str]:
    """What kubectl takes for a kind."""
    plural = kind["resource"]
    names = (plural, f"{plural}.{group}", kind.get("singularResource"), *kind.get("shortNames", ()))
    return [name for name in names if name]


def _shown(found: JsonObject) -> JsonObject:
    """An object without what kubectl shows only when it is asked for it."""
    found["metadata"].pop("managedFields", None)
    return found


def _object(answer: urllib3.BaseHTTPResponse) -> JsonObject:
    found: JsonObject = json.loads(answer.data)
    return found
