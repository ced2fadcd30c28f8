"""
The canonical form in which wanted and live objects are compared.

The API server does not store what it is sent: it rewrites quantities, drops empty containers and
fills in defaults. ``normalise`` undoes the first two, so that for a manifest that obeys the rules
below::

    normalise(project(answer of apply(manifest))) == normalise(manifest)

A manifest that breaks a rule is still applied correctly; it merely looks different from its live
form, which costs one apply without effect per change of the object. The rules for who renders
manifests were found against a real API server (tests/kube/test_roundtrip_cluster.py):

1. Leave out zero values (0, false, "") of fields that Go does not keep behind a pointer: a
   probe's ``initialDelaySeconds``, ``minReadySeconds``, ``publishNotReadyAddresses``, ``readOnly``
   of a mount, ``hostNetwork``, ``subPath``, ``medium``, an environment variable's ``value``, an
   Ingress ``host``. Kept are ``replicas``, ``suspend``, ``optional``, ``backoffLimit``,
   ``successfulJobsHistoryLimit``, ``automountServiceAccountToken``,
   ``allowPrivilegeEscalation``, ``stabilizationWindowSeconds``.
2. Leave keys out instead of giving null: ``policyTypes: null`` is owned, and then defaulted.
3. Give no empty struct that has defaults: ``strategy: {}``, ``rollingUpdate: {}``. Harmless are
   ``emptyDir: {}``, ``podSelector: {}``, ``securityContext: {}``, ``resources: {}``.
4. Spell out the defaults inside what is owned as a whole: ``apiVersion: v1`` of a ``fieldRef``,
   ``divisor`` of a ``resourceFieldRef``, ``expirationSeconds`` of a projected
   ``serviceAccountToken``, ``protocol`` of a NetworkPolicy port, ``volumeMode`` in
   ``volumeClaimTemplates`` (their ``status`` is taken care of here), ``apiGroup`` of a User or
   Group in a RoleBinding.
5. Base64 of Secrets without line breaks, in ``data``, never in ``stringData``.
"""

from __future__ import annotations

import functools
import re
from decimal import ROUND_CEILING, Decimal
from hashlib import blake2b
from typing import Any

import msgspec

# Every value below these keys is a quantity.
_QUANTITY_MAPS = frozenset(
    {"requests", "limits", "capacity", "allocatable", "hard", "used", "overhead", "default"}
    | {"defaultRequest", "max", "min", "maxLimitRequestRatio"}
)
# The value of these keys is a quantity; ``value`` only as (HPA metric) ``target: {value: ...}``.
_QUANTITY_KEYS = frozenset({"sizeLimit", "averageValue", "divisor"})
# Go maps with omitempty: the only empty containers, besides lists, that the API server drops.
# It keeps an empty struct (``emptyDir: {}``, ``podSelector: {}``), and there it has a meaning.
_DROPPED_WHEN_EMPTY = frozenset(
    {"labels", "annotations", "matchLabels", "nodeSelector", "data", "binaryData", "requests"}
    | {"limits", "parameters", "hard", "volumeAttributes", "options"}
)
_IDENTITY = frozenset({"apiVersion", "kind", "status"})
_SERVER_METADATA = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "managedFields", "creationTimestamp"}
    | {"generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"}
)
_QUANTITY = re.compile(r"([+-]?[0-9.]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
_POWERS = (-9, -6, -3, 3, 6, 9, 12, 15, 18)
_SUFFIX: dict[str | None, Decimal] = {
    None: Decimal(1),
    **{s: Decimal(10) ** e for s, e in zip("numkMGTPE", _POWERS, strict=True)},
    **{f"{s}i": Decimal(1024) ** (i + 1) for i, s in enumerate("KMGTPE")},
}
_encode = msgspec.json.Encoder(order="deterministic").encode


def normalise(obj: dict[str, Any]) -> dict[str, Any]:
    """``obj`` without its identity, server-side metadata and status, in canonical form; a copy."""
    result = {k: v for k, v in obj.items() if k not in _IDENTITY and k != "metadata"}
    metadata = obj.get("metadata") or {}
    result["metadata"] = {k: v for k, v in metadata.items() if k not in _SERVER_METADATA}
    normal = _map(result, "")
    if not normal.get("metadata"):
        normal.pop("metadata", None)
    return normal


def digest(normal: dict[str, Any]) -> bytes:
    """16 bytes that are equal for equal canonical objects."""
    return blake2b(_encode(normal), digest_size=16).digest()


def _map(value: dict[str, Any], key: str) -> dict[str, Any]:
    """The canonical form of the map below ``key``; this is half the work of a reconcile."""
    if key in _QUANTITY_MAPS:
        return {k: _quantity(v) for k, v in value.items() if v is not None}
    result: dict[str, Any] = {}
    for k, item in value.items():
        kind = type(item)
        normal = item
        if kind is dict:
            normal = _map(item, k)
            if not normal and k in _DROPPED_WHEN_EMPTY:
                continue
        elif kind is list:
            if not item:
                continue
            normal = _list(item, k)
        elif item is None:
            continue
        elif k in _QUANTITY_KEYS or (k == "value" and key == "target"):
            normal = _quantity(item)
        elif kind is float and item.is_integer():
            normal = int(item)
        result[k] = normal
    return result


def _list(value: list[Any], key: str) -> list[Any]:
    if key == "volumeClaimTemplates":
        # Owned whole, and the API server adds its own fields to it.
        value = [{k: v for k, v in item.items() if k not in _IDENTITY} for item in value]
    return [_element(item) for item in value]


def _element(item: Any) -> Any:
    kind = type(item)
    if kind is dict:
        return _map(item, "")
    if kind is list:
        return _list(item, "")
    return int(item) if kind is float and item.is_integer() else item


def _quantity(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return canonical_quantity(value)
    if kind is int or kind is float:
        return canonical_quantity(str(value))
    return _element(value)


@functools.lru_cache(maxsize=4096)
def canonical_quantity(text: str) -> str:
    """
    The quantity in billionths: ``1000m`` and ``1`` are both ``1000000000n``.

    Like the API server it rounds up to billionths; what is no quantity is returned as it is.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return text
    number, suffix = match.groups()
    try:
        amount = Decimal(number)
        factor = _SUFFIX.get(suffix)
        if factor is None:
            factor = Decimal(f"1{suffix}")
    except ArithmeticError:
        return text
    billionths = (amount * factor * 10**9).to_integral_value(ROUND_CEILING)
    return f"{int(billionths)}n"
