"""The models and the CRD agree on what a DigitalHuman may say."""

from itertools import islice
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from tests.api.schemas import schema
from tests.api.server import Server
from tests.support.mutate import Expectation, Mutation, applied, every, mutations

SPEC = schema("DigitalHuman")["properties"]["spec"]
LOOSER = ("1", 7.5, 1.5)
"""Python reads these as numbers or text; the API server never lets them through."""


def _takes(spec: dict[str, Any]) -> bool:
    try:
        DigitalHumanSpec.model_validate(spec)
    except ValidationError:
        return False
    return True


def _bounds(answers: list[str]) -> list[str]:
    """The refusals by bounds: those of CEL rules and of list keys are the server's alone."""
    words = ("should match", "should be", "Too long", "Too many", "must have at most", "Required")
    return [a for a in answers if any(word in a for word in words) and "Duplicate" not in a]


def _disagreement(mutation: Mutation, server: Server) -> str | None:
    spec = applied(mutation, {}, SPEC)
    answers, taken = server.refusal("DigitalHuman", spec), _takes(spec)
    if not answers and not taken:
        return f"{mutation}: the server takes it, the model does not"
    if not answers and mutation.expectation is Expectation.REFUSED:
        return f"{mutation}: the server takes it against its schema"
    field = f"spec.{'.'.join(mutation.path)}:"
    if mutation.expectation is Expectation.ACCEPTED and any(
        answer.startswith(field) for answer in _bounds(answers)
    ):
        return f"{mutation}: the server refuses what its schema allows: {answers}"
    if _bounds(answers) and taken and mutation.value not in LOOSER:
        return f"{mutation}: the model takes it, the server says {answers}"
    return None


@pytest.mark.cluster
def test_each_value_of_each_field_is_judged_alike(server: Server) -> None:
    values = list(every(SPEC, Random(1)))
    assert len(values) > 1000
    found = [_disagreement(m, server) for m in values]
    assert [line for line in found if line] == []


@pytest.mark.cluster
def test_random_mutations_are_judged_alike(server: Server) -> None:
    seed = Random().randrange(2**32)
    found = [_disagreement(m, server) for m in islice(mutations(SPEC, Random(seed)), 300)]
    assert [line for line in found if line] == [], f"seed {seed}"
