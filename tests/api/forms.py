"""
Samples of the rules that say which form a text has: one rule, many fields.

What stands around a field is made from the schema, so that a new field has its samples at once.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from tests.api.schemas import JsonObject, nodes, schema

FORMS: dict[str, tuple[Any, Any]] = {
    "must be an amount": ("1500m", "2 GiB"),
    "must be a number of Pods": ("50%", "half"),
    "must be a length of time": ("1m", "45 seconds"),
    "must be a time zone": ("Europe/Berlin", "summer time"),
    "must be the name of an object": ("a.b-1", "My_Object"),
    "must be the name of a namespace": ("a-1", "My_Space"),
    "must be the name of a DigitalHuman": ("a-1", "1a"),
    "must be the id, the alias or the ARN": ("arn:aws:kms:eu:1:key/2-3_a.b", "my key"),
    "must be the name of a bucket": ("abc", "My Bucket"),
    "must be the name of a variable": ("A_1", "1A"),
    "must be a key of letters": ("a.b_C-1", "a b"),
    "must be an image": ("registry.example.com/a/b:1", "two words"),
    "must be an address that begins with http": ("https://a.example/v1", "ftp://a.example"),
    "must be an address that begins with redis": ("rediss://a:6380/0", "http://a:6380"),
    "must be a folder": ("a/b", "a b"),
    "must be a currency": ("EUR", "eur"),
    "must be a voice": ("en-us", "a b"),
    "must be a language": ("pt-BR", "Portuguese"),
    "must be a place such as s3": ("s3://abc/d", "abc/d"),
    "must be owner and name": ("a/b", "b"),
    "must be a branch": ("v1.0", "v 1"),
    "must be a model": ("llama3:8b", "llama 3"),
    "must be the id of a function": ("8a5f1c2e-0b7d", "my function"),
    "must be host:port": ("a.example:50051", "grpc://a.example:50051"),
    "must be a host name": ("ada.example.com", "ada example"),
    "must be five cron fields": ("0 2 * * *", "daily"),
}
"""Part of the message -> a value that is taken, and one that is not."""

MORE_REFUSED: dict[str, tuple[str, ...]] = {
    "must be a time zone": ("europe/berlin", "Local", "Europe/", "UTC+1", "../etc/passwd"),
    "must be an address that begins with http": (
        "http://host:99999/v1",
        "http://host:65536",
        "http://host:0/",
        "http://host:abc/v1",
        "http://host:/v1",
        "http://[zz]/v1",
        "http://[::1/v1",
        "http://[1:2]:80/",
        "http://a..b/",
        "http://-a/",
        "http://",
        "http://:80",
        "http://host/%zz",
    ),
    "must be an address that begins with redis": (
        "redis://h:99999",
        "redis://h:abc",
        "redis://[zz]:6379",
        "rediss://",
    ),
    "must be host:port": ("a:0", "a:65536", "a:99999", "a:b", "a", ":1", "a..b:1", "-a:1"),
}
"""More values that are not taken."""

MORE_ACCEPTED: dict[str, tuple[str, ...]] = {
    "must be a time zone": ("UTC", "Etc/GMT+12", "America/Port-au-Prince", "NZ-CHAT", "EST5EDT"),
    "must be an address that begins with http": (
        "http://host:65535/v1",
        "http://10.0.0.1:1",
        "http://[2001:db8::1]:8000/v1",
        "https://a.example./v1?x=y",
        "http://my_host:8080",
    ),
    "must be an address that begins with redis": ("redis://h", "rediss://[2001:db8::1]:65535/0"),
    "must be host:port": ("a:1", "a.b.example.:65535", "10.0.0.1:50051"),
}
"""More values that are taken."""

WITHIN: dict[str, JsonObject] = {
    ".spec.face.external": {"address": "a:50051"},
    ".spec.face.managed": {"gpu": {"profile": "l4"}},
    ".spec.backup": {"include": ["config"]},
}
"""Path of an object -> what another rule asks for in it."""

OTHERWISE = {".spec.privacy.retention": "1h"}
"""Path of a field -> the value that is taken where a rule takes less than elsewhere."""

BESIDE: dict[str, JsonObject] = {
    ".spec.backup.destination.s3.kmsKeyId": {"serverSideEncryption": "KMS"},
    ".spec.destination.s3.kmsKeyId": {"serverSideEncryption": "KMS"},
    ".spec.network.expose.gateway": {"type": "Gateway", "host": "a.example"},
    ".spec.network.expose.ingressClassName": {"type": "Ingress", "host": "a.example"},
    ".spec.network.expose.tlsSecret": {"type": "Ingress", "host": "a.example"},
    ".spec.podTemplate.env[].name": {"value": "x"},
}
"""Path of a field -> what another rule asks for beside it."""


def forms(kind: str) -> Iterator[tuple[str, str, JsonObject, JsonObject]]:
    """Path, message, an accepted and a refused spec of every such rule of ``kind``."""
    for path, node in nodes(schema(kind)):
        found = form_of(node)
        if found is not None:
            good, bad = FORMS[found]
            good = OTHERWISE.get(path, good)
            yield path, found, _spec(kind, path, good), _spec(kind, path, bad)


def more(kind: str) -> Iterator[tuple[str, str, bool, JsonObject]]:
    """Path, message, whether it is taken, and a spec, for the further values of each rule."""
    for path, node in nodes(schema(kind)):
        found = form_of(node) or ""
        for value in MORE_ACCEPTED.get(found, ()):
            yield path, found, True, _spec(kind, path, value)
        for value in MORE_REFUSED.get(found, ()):
            yield path, found, False, _spec(kind, path, value)


def form_of(node: JsonObject) -> str | None:
    """The part of a message in FORMS that a node's rule has."""
    said = [rule["message"] for rule in node.get("x-kubernetes-validations", ())]
    return next((part for part in FORMS for message in said if message.startswith(part)), None)


def _spec(kind: str, path: str, value: Any) -> JsonObject:
    """A spec with ``value`` at ``path`` and what has to stand around it."""
    steps = path.replace("[]", ".[]").replace("{}", ".{}").split(".")[1:]
    found: JsonObject = _around(schema(kind), "", steps, value)["spec"]
    return found


def _around(node: JsonObject, at: str, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step == "[]":
        return [_around(node["items"], f"{at}[]", rest, value)]
    if step == "{}":
        return {"cpu": _around(node["additionalProperties"], f"{at}{{}}", rest, value)}
    inner = f"{at}.{step}"
    beside = _needed(node) | deepcopy(WITHIN.get(at, {})) | deepcopy(BESIDE.get(inner, {}))
    return beside | {step: _around(node["properties"][step], inner, rest, value)}


def _needed(node: JsonObject) -> JsonObject:
    """The fields that an object must have."""
    return {
        name: _example(node["properties"][name])
        for name in node.get("required", ())
        if name not in {"spec", "metadata"}
    }


def _example(node: JsonObject) -> Any:
    found = form_of(node)
    if found is not None:
        return FORMS[found][0]
    if "enum" in node:
        return node["enum"][0]
    if node.get("type") == "object":
        return _first_of_union(node) or _needed(node)
    if node.get("type") == "array":
        return [_example(node["items"])]
    if node.get("type") in ("integer", "number"):
        return max(1, node.get("minimum", 1))
    return "a"


def _first_of_union(node: JsonObject) -> JsonObject:
    """The first member of an "exactly one of", empty for every other object."""
    rules = node.get("x-kubernetes-validations", ())
    if not any("exactly one of" in rule["message"] for rule in rules):
        return {}
    name = next(iter(node["properties"]))
    return {name: _example(node["properties"][name])}
