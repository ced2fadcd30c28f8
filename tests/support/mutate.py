"""
One change of one field: what a schema lets users write, what it does not, and its boundaries.

Pure: a structural schema in, mutations out. ``applied`` puts one into an object.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any

JsonObject = dict[str, Any]
Path = tuple[str, ...]


class Expectation(Enum):
    """What the bounds of the schema say. CEL rules may still refuse an ACCEPTED value."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The value is random text for a field with a pattern or format."""


@dataclass(frozen=True)
class Mutation:
    """Put ``value`` at ``path``."""

    path: Path
    value: Any
    expectation: Expectation

    def __str__(self) -> str:
        return f".{'.'.join(self.path)}={self.value!r} ({self.expectation.value})"


def mutations(schema: JsonObject, rng: Random) -> Iterator[Mutation]:
    """Endless mutations: a random field, a random valid, boundary or invalid value."""
    fields = sorted(_fields(schema))
    while True:
        path = rng.choice(fields)
        value, expectation = rng.choice(list(_values(_at(schema, path), rng)))
        yield Mutation(path, value, expectation)


def every(schema: JsonObject, rng: Random) -> Iterator[Mutation]:
    """Each value of each field once."""
    for path in sorted(_fields(schema)):
        for value, expectation in _values(_at(schema, path), rng):
            yield Mutation(path, value, expectation)


def applied(mutation: Mutation, spec: JsonObject, schema: JsonObject) -> JsonObject:
    """A copy of ``spec`` with the value in its place; objects on the way get what they require."""
    found = deepcopy(spec)
    at = found
    for name in mutation.path[:-1]:
        schema = schema["properties"][name]
        if not isinstance(at.get(name), dict):
            at[name] = example(schema)
        at = at[name]
    at[mutation.path[-1]] = mutation.value
    return found


def example(schema: JsonObject) -> Any:
    """A small value that the bounds allow: required fields only."""
    if schema.get("x-kubernetes-int-or-string"):
        return max(1, schema.get("minimum", 1))
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        required = schema.get("required", ())
        return {name: example(schema["properties"][name]) for name in required}
    if kind == "array":
        return [example(schema["items"])] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        low = schema.get("minimum", 0)
        return low + 1 if schema.get("exclusiveMinimum") else low
    return True if kind == "boolean" else "a" * max(1, schema.get("minLength", 0))


def _fields(schema: JsonObject, path: Path = ()) -> Iterator[Path]:
    """Paths of all fields outside lists and free-form maps."""
    for name, child in schema.get("properties", {}).items():
        yield (*path, name)
        yield from _fields(child, (*path, name))


def _at(schema: JsonObject, path: Path) -> JsonObject:
    for name in path:
        schema = schema["properties"][name]
    return schema


def _values(node: JsonObject, rng: Random) -> Iterator[tuple[Any, Expectation]]:
    """Values of one field."""
    if node.get("x-kubernetes-int-or-string"):
        yield from _int_or_string(node)
    elif "enum" in node:
        yield rng.choice(node["enum"]), Expectation.ACCEPTED
        yield "no-such-choice", Expectation.REFUSED
    elif node.get("type") == "string":
        yield from _strings(node, rng)
    elif node.get("type") in ("integer", "number"):
        yield from _numbers(node)
    elif node.get("type") == "array":
        yield from _lists(node)
    elif node.get("type") == "boolean":
        yield rng.choice((True, False)), Expectation.ACCEPTED
    else:
        yield example(node), Expectation.UNKNOWN
        yield "text", Expectation.REFUSED
        if node.get("required"):
            yield {}, Expectation.REFUSED
        if "maxProperties" in node:
            yield {f"k{n}": "1" for n in range(node["maxProperties"] + 1)}, Expectation.REFUSED


def _int_or_string(node: JsonObject) -> Iterator[tuple[Any, Expectation]]:
    yield node.get("minimum", 0), Expectation.ACCEPTED
    yield 3, Expectation.ACCEPTED
    yield node.get("minimum", 0) - 1, Expectation.REFUSED
    if "maximum" in node:
        yield node["maximum"] + 1, Expectation.REFUSED
    yield "1" * (node["maxLength"] + 1), Expectation.REFUSED
    for text in ("08", "101%", "-1", "50%", "1e3", "1Gi", "0", "1.5", "+1", ""):
        yield text, Expectation.UNKNOWN


def _strings(node: JsonObject, rng: Random) -> Iterator[tuple[Any, Expectation]]:
    yield 7.5, Expectation.REFUSED
    yield [], Expectation.REFUSED
    limit = node.get("maxLength", 64)
    free = "pattern" not in node and "format" not in node
    yield "a" * limit, Expectation.ACCEPTED if free else Expectation.UNKNOWN
    yield "a" * (limit + 1), Expectation.REFUSED
    if node.get("minLength"):
        yield "a" * (node["minLength"] - 1), Expectation.REFUSED
    alphabet = "aZ09-_./:@%* \u00e9\u00a0\u4f60\n"
    yield "".join(rng.choices(alphabet, k=rng.randint(1, min(limit, 12)))), Expectation.UNKNOWN
    for text in ("1h30m", "1.5h", "10m", "https://a.example/", "https://a\u00a0b", "a\n", "UTC"):
        yield text, Expectation.UNKNOWN


def _numbers(node: JsonObject) -> Iterator[tuple[Any, Expectation]]:
    yield "1", Expectation.REFUSED
    if node["type"] == "integer":
        yield 1.5, Expectation.REFUSED
    step = 1 if node["type"] == "integer" else 0.001
    for bound, exclusive, sign in (
        ("minimum", "exclusiveMinimum", -1),
        ("maximum", "exclusiveMaximum", 1),
    ):
        if bound in node:
            edge = Expectation.REFUSED if node.get(exclusive) else Expectation.ACCEPTED
            yield node[bound], edge
            yield node[bound] + sign * step, Expectation.REFUSED


def _lists(node: JsonObject) -> Iterator[tuple[Any, Expectation]]:
    yield "text", Expectation.REFUSED
    yield {}, Expectation.REFUSED
    item = example(node["items"])
    yield [item], Expectation.UNKNOWN
    if "maxItems" in node:
        yield [item] * (node["maxItems"] + 1), Expectation.REFUSED
    yield [], Expectation.REFUSED if node.get("minItems") else Expectation.ACCEPTED
