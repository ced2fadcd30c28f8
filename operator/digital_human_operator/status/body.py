"""The status as it is applied to the API server."""

from __future__ import annotations

from typing import Any

from digital_human_operator.api.base import ApiModel
from digital_human_operator.api.v1alpha1 import GROUP, VERSION


def to_apply(
    namespace: str, name: str, uid: str, status: ApiModel, kind: str = "DigitalHuman"
) -> dict[str, Any]:
    """
    The body of a server-side apply of the status subresource.

    With the uid, so that a new object of the same name is never told about an old one. What is not
    known is left out: the API server then removes what was applied before.
    """
    told = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name, "uid": uid},
        "status": {key: value for key, value in told.items() if value not in ([], {})},
    }
