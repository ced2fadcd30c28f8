"""Asking a real API server whether it takes an object, without keeping it."""

import json
from itertools import count
from pathlib import Path
from typing import Any

from digital_human_operator.api.kinds import KINDS
from digital_human_operator.api.v1alpha1 import GROUP, VERSION
from kubernetes import client, config

JsonObject = dict[str, Any]
PLURALS = {kind.kind: kind.plural for kind in KINDS}


class Server:
    """One namespace of an API server."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        connection = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        self.namespace = namespace
        self.objects = client.CustomObjectsApi(connection)
        self._names = (f"sample-{n}" for n in count())

    def _where(self, kind: str) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, PLURALS[kind]

    def manifest(self, kind: str, spec: JsonObject, name: str | None = None) -> JsonObject:
        """An object of ours."""
        metadata = {"name": name or next(self._names)}
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": kind,
            "metadata": metadata,
            "spec": spec,
        }

    def refusal(self, kind: str, spec: JsonObject, name: str | None = None) -> list[str]:
        """What the server says against creating such an object: a sentence for each cause."""
        try:
            self.objects.create_namespaced_custom_object(
                *self._where(kind),
                self.manifest(kind, spec, name),
                dry_run="All",
                field_validation="Strict",
            )
        except client.ApiException as error:
            return _causes(error)
        return []

    def create(self, kind: str, spec: JsonObject, name: str | None = None) -> JsonObject:
        """Really create an object."""
        body = self.manifest(kind, spec, name)
        found: Any = self.objects.create_namespaced_custom_object(*self._where(kind), body)
        return dict(found)

    def change_refusal(self, kind: str, old: JsonObject, new: JsonObject) -> list[str]:
        """What the server says against the change of ``old`` into ``new``, whatever its status."""
        live = self.create(kind, old)
        name = live["metadata"]["name"]
        try:
            change = [{"op": "replace", "path": "/spec", "value": new}]
            self.objects.patch_namespaced_custom_object(
                *self._where(kind),
                name,
                change,
                dry_run="All",
                _content_type="application/json-patch+json",
            )
        except client.ApiException as error:
            return _causes(error)
        finally:
            self.objects.delete_namespaced_custom_object(*self._where(kind), name)
        return []


def _causes(error: client.ApiException) -> list[str]:
    if error.status not in (400, 422):
        raise error
    status = json.loads(error.body or "{}")
    causes = (status.get("details") or {}).get("causes") or []
    return [f"{c.get('field')}: {c.get('message')}" for c in causes] or [status["message"]]
