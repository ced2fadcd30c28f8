"""
What every model of the API is made of: the base class, the shared scalar types, and CEL rules.

The text under each field is its documentation: the generator turns it into ``kubectl explain``.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

QUANTITY = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$"
DURATION = r"^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h))+$"
PERCENT = r"^(0|[1-9][0-9]?|100)%$"
NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
TIME_ZONE = (
    r"^((Etc/)?GMT[+-]?[0-9]{1,2}"
    r"|[A-Z][A-Za-z0-9_]*(-[A-Za-z]+)*(/[A-Z][A-Za-z0-9_]*(-[A-Za-z]+)*){0,2})$"
)
"""Names of the IANA data base; CronJobs know neither Local nor abbreviations such as UTC+1."""
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


def form(pattern: str, sentence: str, *, also: str | None = None, **more: Any) -> Any:
    """
    The field of a text of one form; ``sentence`` says which, to whoever writes another.

    pydantic checks the pattern, the API server the rule: of a bare pattern it would only say that
    the text does not match it. ``also`` is CEL for what a pattern cannot say.
    """
    matches = f"self.matches(r'{pattern}')"
    rule = cel(f"{matches} && {also}" if also else matches, sentence)
    return Field(pattern=pattern, json_schema_extra=rules(rule), **more)


def list_map(*keys: str) -> dict[str, Any]:
    """A list whose items are identified by ``keys``: two appliers can own different items."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


LIST_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
LIST_ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}


def union(*members: str) -> dict[str, Any]:
    """The rule that exactly one of the optional ``members`` is given."""
    count = " + ".join(f"(has(self.{member}) ? 1 : 0)" for member in members)
    return cel(f"{count} == 1", f"exactly one of {', '.join(members)} must be given")


def _cron_field(number: str, names: str = "[*?]") -> str:
    """A regular expression of one cron field whose numbers match ``number``."""
    one = rf"({names}|{number}(-{number})?)(/[1-9][0-9]?)?"
    return rf"{one}(,{one})*"


_CRON_FIELDS = " +".join(
    (
        _cron_field("[0-5]?[0-9]"),
        _cron_field("([01]?[0-9]|2[0-3])"),
        _cron_field("(0?[1-9]|[12][0-9]|3[01])"),
        _cron_field("(0?[1-9]|1[0-2]|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"),
        _cron_field("([0-6]|(?i:sun|mon|tue|wed|thu|fri|sat))"),
    )
)
CRON = rf"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{_CRON_FIELDS})$"
"""What a CronJob takes; 7 for Sunday and @every are not portable between its versions."""

LABEL_KEY = r"^([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"


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
            "maxLength": 32,
            "minimum": 0,
            **rules(
                cel(
                    "isQuantity(string(self)) && !quantity(string(self)).isLessThan(quantity('0'))",
                    "must be an amount such as 500m, 8 or 64Gi",
                )
            ),
        }
    ),
]
"""A Kubernetes quantity, kept exactly as the user wrote it: ``8``, ``500m``, ``64Gi``."""

IntOrPercent = Annotated[
    Annotated[int, Field(strict=True, ge=0, le=1000)]
    | Annotated[str, Field(pattern=PERCENT, max_length=4)],
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 4,
            "minimum": 0,
            "maximum": 1000,
            **rules(
                cel(
                    f"type(self) == int || string(self).matches(r'{PERCENT}')",
                    'must be a number of Pods such as 2, or a share of them such as "50%"',
                )
            ),
        }
    ),
]
"""A number of Pods or a percentage of them: ``2`` or ``"50%"``."""

Duration = Annotated[
    str,
    form(
        DURATION,
        "must be a length of time such as 30s, 10m or 1h30m",
        max_length=24,
        examples=["30s"],
    ),
]
"""A length of time such as ``30s``, ``10m`` or ``1h30m``."""

CronSchedule = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        examples=["0 2 * * *"],
        json_schema_extra=rules(
            cel(
                f"self.matches(r'{CRON}')",
                "must be five cron fields such as 0 2 * * * (Sunday is 0), or a shorthand such as"
                " @daily",
            )
        ),
    ),
]
"""Five cron fields or one of the ``@daily`` shorthands."""

TimeZone = Annotated[
    str,
    form(
        TIME_ZONE,
        "must be a time zone such as UTC or Europe/Berlin",
        also="self != 'Local'",
        max_length=64,
        examples=["Europe/Berlin"],
    ),
]
"""A name of the IANA time zone data base."""

ObjectName = Annotated[
    str,
    form(
        NAME,
        "must be the name of an object: lower-case letters, digits, - and ., with a letter or digit"
        " at both ends",
        min_length=1,
        max_length=253,
    ),
]
"""The name of an object in the same namespace."""

NamespaceName = Annotated[
    str,
    form(
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be the name of a namespace: lower-case letters, digits and -, with a letter or digit"
        " at both ends",
        min_length=1,
        max_length=63,
    ),
]
"""The name of a namespace."""

SecretKey = Annotated[
    str,
    form(
        r"^[-._a-zA-Z0-9]+$",
        "must be a key of letters, digits, -, _ and .",
        min_length=1,
        max_length=253,
    ),
]
"""One key of a Secret or ConfigMap."""

ImageReference = Annotated[
    str,
    form(
        r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?$",
        "must be an image such as registry.example.com/name:tag or, better, name@sha256:<digest>",
        max_length=512,
        examples=["registry.example.com/digital-human@sha256:<digest>"],
    ),
]
"""A container image, best by digest."""

StringMap = Annotated[
    dict[
        Annotated[str, Field(max_length=317)],
        Annotated[str, Field(max_length=1024)],
    ],
    Field(max_length=64),
]
"""Labels, annotations or selectors: at most 64 pairs."""


def label_rules(field: str) -> tuple[dict[str, Any], ...]:
    """Rules of a map of labels: what the API server would refuse on the Pods and objects."""
    return (
        key_rule(field),
        cel(
            f"!has(self.{field}) || self.{field}.all(k, self.{field}[k].matches('{LABEL_VALUE}'))",
            f"each value of {field} must be at most 63 letters, digits, -, _ and .,"
            " and start and end with a letter or digit",
            path=f".{field}",
        ),
    )


def key_rule(field: str) -> dict[str, Any]:
    """The rule that the keys of a map are label or annotation keys."""
    return cel(
        f"!has(self.{field}) || self.{field}.all(k, k.size() <= 317 && k.matches('{LABEL_KEY}'))",
        f"each key of {field} must be a name of at most 63 letters, digits, -, _ and .,"
        " optionally after a domain and /",
        path=f".{field}",
    )


def no_duration(field: str) -> str:
    """CEL: the text has another form, which its own rule says; comparing it would be an error."""
    return f"!self.{field}.matches(r'{DURATION}')"


def at_least(field: str, shortest: str, longest: str | None = None) -> dict[str, Any]:
    """The rule that a duration lies between ``shortest`` and ``longest``."""
    lower = f"{no_duration(field)} || duration(self.{field}) >= duration('{shortest}')"
    if longest is None:
        return cel(lower, f"{field} must be at least {shortest}", path=f".{field}")
    return cel(
        f"{lower} && duration(self.{field}) <= duration('{longest}')",
        f"{field} must be between {shortest} and {longest}",
        path=f".{field}",
    )


def positive_quantity(field: str) -> dict[str, Any]:
    """The rule that a size is more than 0."""
    return cel(
        f"!isQuantity(string(self.{field}))"
        f" || quantity(string(self.{field})).compareTo(quantity('0')) != 0",
        f"{field} must be more than 0",
        path=f".{field}",
    )


def grows(field: str) -> dict[str, Any]:
    """The rule that the size of a volume does not shrink."""
    return cel(
        f"!isQuantity(string(self.{field})) || !isQuantity(string(oldSelf.{field}))"
        f" || quantity(string(self.{field})).compareTo(quantity(string(oldSelf.{field}))) >= 0",
        f"{field} cannot shrink: a volume only grows",
        path=f".{field}",
    )


def keeps(field: str, instead: str) -> dict[str, Any]:
    """The rule that an amount stays what it is, however it is written."""
    return cel(
        f"!isQuantity(string(self.{field})) || !isQuantity(string(oldSelf.{field}))"
        f" || quantity(string(self.{field})).compareTo(quantity(string(oldSelf.{field}))) == 0",
        f"{field} cannot be changed: {instead}",
        path=f".{field}",
    )


class LocalObjectRef(ApiModel):
    """An object of the same namespace, by name."""

    name: ObjectName
    """Name of the object."""


class SecretKeyRef(ApiModel):
    """One key of a Secret of this namespace. Its value never appears in status, logs or events."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey
    """Key within the Secret."""


class Empty(ApiModel):
    """Has no settings: its presence chooses it."""
