"""
What every model of the API is made of: the base class, the shared scalar types, and CEL rules.

The text under each field is its documentation: the generator turns it into ``kubectl explain``.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

QUANTITY = r"^([0-9]+(\.[0-9]+)?)([eE][+-]?[0-9]+|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
CRON = r"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|\S+( +\S+){4})$"
NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


class ApiModel(BaseModel):
    """
    One object of the API: camelCase on the wire, immutable in the process.

    Fields that this version does not know (a CRD newer than the operator) are kept in
    ``model_extra``, so that status can name them instead of ignoring them silently.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True
    )


def cel(rule: str, message: str, *, path: str | None = None) -> dict[str, Any]:
    """One CEL validation rule; ``message`` tells the user what to do, ``path`` names the field."""
    found = {"rule": rule, "message": message}
    return found | ({"fieldPath": path} if path else {})


def rules(*validations: dict[str, Any]) -> dict[str, Any]:
    """The schema extension that carries CEL rules, for ``json_schema_extra``."""
    return {"x-kubernetes-validations": list(validations)}


def validated(*validations: dict[str, Any]) -> ConfigDict:
    """The ``model_config`` of a model with CEL rules."""
    return ConfigDict(json_schema_extra=rules(*validations))


def list_map(*keys: str) -> dict[str, Any]:
    """A list whose items are identified by ``keys``: two appliers can own different items."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


LIST_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
LIST_ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}


def union(*members: str) -> dict[str, Any]:
    """The rule that exactly one of the optional ``members`` is given."""
    count = " + ".join(f"(has(self.{member}) ? 1 : 0)" for member in members)
    return cel(f"{count} == 1", f"exactly one of {', '.join(members)} must be given")


def _text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    BeforeValidator(_text),
    Field(pattern=QUANTITY, max_length=32),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY,
            "maxLength": 32,
        }
    ),
]
"""A Kubernetes quantity, kept exactly as the user wrote it: ``8``, ``500m``, ``64Gi``."""

IntOrPercent = Annotated[
    int | str,
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": r"^([0-9]+|[0-9]{1,2}%|100%)$",
            "maxLength": 10,
        }
    ),
]
"""A number of Pods or a percentage of them: ``2`` or ``"50%"``."""

Duration = Annotated[str, Field(pattern=DURATION, max_length=24, examples=["30s"])]
"""A length of time such as ``30s``, ``10m`` or ``1h30m``."""

CronSchedule = Annotated[str, Field(pattern=CRON, max_length=128, examples=["0 2 * * *"])]
"""Five cron fields or one of the ``@daily`` shorthands."""

TimeZone = Annotated[
    str,
    Field(pattern=r"^[A-Za-z]+[A-Za-z0-9_+/-]*$", max_length=64, examples=["Europe/Berlin"]),
]
"""A name of the IANA time zone data base."""

ObjectName = Annotated[str, Field(pattern=NAME, min_length=1, max_length=253)]
"""The name of an object in the same namespace."""

NamespaceName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)
]
"""The name of a namespace."""

SecretKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=253)]
"""One key of a Secret or ConfigMap."""

ImageReference = Annotated[
    str,
    Field(
        pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?$",
        max_length=512,
        examples=["registry.example.com/digital-human@sha256:<digest>"],
    ),
]
"""A container image, best by digest."""

Url = Annotated[
    str,
    Field(pattern=r"^https?://[^\s]+$", max_length=2048, examples=["https://llm.example.com/v1"]),
]
"""An http or https address."""

StringMap = Annotated[
    dict[
        Annotated[str, Field(max_length=317)],
        Annotated[str, Field(max_length=1024)],
    ],
    Field(max_length=64),
]
"""Labels, annotations or selectors: at most 64 pairs."""

def url_rules(field: str = "url") -> tuple[dict[str, Any], ...]:
    """Rules of an address that the Pods will call: no credentials in it, no metadata service."""
    return (
        cel(
            f"!self.{field}.matches('^[a-z0-9]+://[^/]*@')",
            f"{field} must not carry a user name or password: put them into a Secret and refer to it",
            path=f".{field}",
        ),
        cel(
            f"!self.{field}.matches('^[a-z0-9]+://(169[.]254[.]|.fe80:|metadata[.]google[.]internal)')",
            f"{field} must not point at a link-local or cloud metadata address",
            path=f".{field}",
        ),
    )


class LocalObjectRef(ApiModel):
    """An object of the same namespace, by name."""

    name: ObjectName
    """Name of the object."""


class SecretKeyRef(ApiModel):
    """One key of a Secret in the same namespace. Its value never appears in status, logs or events."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey
    """Key within the Secret."""


class Empty(ApiModel):
    """Has no settings: its presence chooses it."""
