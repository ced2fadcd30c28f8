"""An object of the API server becomes a ``Human``, or a list of sentences about what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanBackupSpec,
    DigitalHumanRestoreSpec,
)
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Human

_MOST = 8
_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not known",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_pattern_mismatch": "does not have the right form",
}


def parse_backup(spec: Mapping[str, Any]) -> DigitalHumanBackupSpec:
    """The spec of a DigitalHumanBackup; ``InvalidSpec`` as with ``parse``."""
    try:
        return DigitalHumanBackupSpec.model_validate(spec)
    except ValidationError as error:
        raise InvalidSpec(_sentences(error)) from None


def is_same_backup(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the specs of two DigitalHumanBackups ask for the same, however they are written."""
    try:
        return parse_backup(one) == parse_backup(other)
    except InvalidSpec:
        return False


def parse_restore(spec: Mapping[str, Any]) -> DigitalHumanRestoreSpec:
    """The spec of a DigitalHumanRestore; ``InvalidSpec`` as with ``parse``."""
    try:
        return DigitalHumanRestoreSpec.model_validate(spec)
    except ValidationError as error:
        raise InvalidSpec(_sentences(error)) from None


def parse(raw: Mapping[str, Any]) -> Human:
    """The human that ``raw`` describes; ``InvalidSpec`` with one sentence per bad field."""
    metadata = raw["metadata"]
    try:
        spec = DigitalHumanSpec.model_validate(raw.get("spec") or {})
    except ValidationError as error:
        raise InvalidSpec(_sentences(error)) from None
    return Human(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        spec=spec,
        annotations=metadata.get("annotations") or {},
    )


def _sentences(error: ValidationError) -> list[str]:
    # Values are left out: somebody may have put a password into the wrong field.
    found = error.errors(include_url=False, include_context=True, include_input=False)
    told = list(dict.fromkeys(_sentence(one) for one in found))
    if len(told) > _MOST:
        return [*told[:_MOST], f"and {len(told) - _MOST} more"]
    return told


def _sentence(error: ErrorDetails) -> str:
    path = "spec"
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    said = _SENTENCES.get(error["type"])
    if said is None:
        text = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
        said = (text[:1].lower() + text[1:]).replace("should", "must", 1)
    return f"{path} {said}"
