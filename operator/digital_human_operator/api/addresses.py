"""Addresses and networks of the API: their forms, and where no Pod may be sent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from digital_human_operator.api.base import cel, form

_LABEL = "[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?"
_NAME = rf"{_LABEL}([.]{_LABEL})*[.]?"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_GROUP = "[0-9A-Fa-f]{1,4}"
_GROUPS = f"{_GROUP}(:{_GROUP}){{0,6}}"
_IPV6 = (
    f"({_GROUP}(:{_GROUP}){{7}}"
    f"|({_GROUPS})?::(({_GROUP}:){{0,5}}[0-9]{{1,3}}([.][0-9]{{1,3}}){{3}}|{_GROUPS})?)"
)
_AFTER_SCHEME = rf"([^/?#@ ]*@)?({_NAME}|\[{_IPV6}\])(:{_PORT})?([/?#][!-~]*)?$"
HTTP = rf"^https?://{_AFTER_SCHEME}"
REDIS = rf"^rediss?://{_AFTER_SCHEME}"
HOST_PORT = rf"^{_NAME}:{_PORT}$"

_PARSES = "isURL(self)"
"""CEL: also every percent sign begins a byte."""
_PARTS = "a host name, at most a port of 1 to 65535, and no spaces"

_METADATA_HOST = (
    r"(169[.]254[.]|(100[.]100[.]100[.]200|168[.]63[.]129[.]16)([:/?#]|$)"
    r"|[[]fe[89ab][0-9a-f]:|[[]fd00:ec2:|[[]fd20:ce:|[[]::ffff:"
    r"|metadata([.]google[.]internal)?[.]?([:/?#]|$)|[0-9]+([:/?#]|$)|0x)"
)
"""Where clouds hand out credentials, also when the address is written as one number."""


METADATA = (
    "169.254.0.0/16",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "fe80::/10",
    "fd00:ec2::/32",
    "fd20:ce::/32",
)
"""Networks of those services: link-local, Alibaba's, Azure's wire server, AWS's and Google's."""


Url = Annotated[
    str,
    form(
        HTTP,
        f"must be an address that begins with http:// or https://, with {_PARTS}",
        also=_PARSES,
        max_length=2048,
        examples=["https://llm.example.com/v1"],
    ),
]
"""An http or https address."""

RedisUrl = Annotated[
    str,
    form(
        REDIS,
        f"must be an address that begins with redis:// or rediss://, with {_PARTS}",
        also=_PARSES,
        max_length=1024,
        examples=["rediss://redis.example:6380/0"],
    ),
]
"""The address of a Redis."""

HostPort = Annotated[
    str,
    form(
        HOST_PORT,
        "must be host:port, without a scheme, and with a port of 1 to 65535",
        max_length=261,
        examples=["a2f.example.com:50051"],
    ),
]
"""Host and port of a gRPC server."""

Cidr = Annotated[str, Field(max_length=43, examples=["10.0.0.0/8"])]
"""A network."""


def canonical(network: str) -> str:
    """CEL: ``network`` is written as the API server wants networks, without bits of a host."""
    return f"(isCIDR({network}) && string(cidr({network}).masked()) == {network})"


def network_rule() -> dict[str, Any]:
    """The rule that the optional field ``cidr`` is a network."""
    return cel(
        f"!has(self.cidr) || {canonical('self.cidr')}",
        "cidr must be a network such as 10.0.0.0/8, with no bits set after its length",
        path=".cidr",
    )


def safe_address(field: str, *, optional: bool = False) -> dict[str, Any]:
    """The rule that an address which the Pods will call is no metadata service."""
    absent = f"!has(self.{field}) || " if optional else ""
    return cel(
        f"{absent}!self.{field}.matches('(?i)^([a-z0-9]+://)?([^/]*@)?{_METADATA_HOST}')",
        f"{field} must not point at a link-local or cloud metadata address: use a host name",
        path=f".{field}",
    )


def url_rules(
    field: str = "url", *, optional: bool = False, instead: str = "a Secret"
) -> tuple[dict[str, Any], ...]:
    """Rules of an address that the Pods will call: no credentials in it, no metadata service."""
    absent = f"!has(self.{field}) || " if optional else ""
    return (
        cel(
            f"{absent}!self.{field}.matches('^[a-z0-9]+://[^/?#]*@')",
            f"{field} must not carry a user name or password: use {instead}",
            path=f".{field}",
        ),
        safe_address(field, optional=optional),
    )
