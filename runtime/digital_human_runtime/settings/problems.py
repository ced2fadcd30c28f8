"""What is wrong with settings, each in one sentence that names the key and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .suggest import nearest

_SHOWN = 64
"""Characters of a value, or of a name, that come back."""
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
HALF = "holds half of a character (a lone surrogate)"
_SAID = {
    "bool_parsing": "must be true or false",
    "float_parsing": "must be a number",
    "int_parsing": "must be a whole number",
    "missing": "is missing",
    "model_type": "must be an object",
    "string_unicode": HALF,
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


class SettingsError(Exception):
    """The runtime cannot start with these settings; one sentence for each thing that is wrong."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def sentences(
    error: ValidationError, model: type[BaseModel], name: Callable[[str], str]
) -> list[str]:
    """One sentence per problem; ``name`` says how people write the dotted path of a field."""
    return [_sentence(problem, model, name) for problem in error.errors()]


def _sentence(problem: ErrorDetails, model: type[BaseModel], name: Callable[[str], str]) -> str:
    path = [str(part) for part in problem["loc"]]
    text = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not path:
        return text
    where = name(".".join(cut(part) for part in path))
    if problem["type"] == "extra_forbidden":
        return f"{where} is not known{nearest(path[-1][:_SHOWN], _keys(model, path[:-1]))}"
    return f"{where} {wrong(problem)}"


def wrong(problem: ErrorDetails) -> str:
    """What is wrong with a value, and what it is as far as it may be shown."""
    kind, value = problem["type"], problem["input"]
    text = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind == "string_too_long":
        most = problem["ctx"]["max_length"]
        return f"must have at most {most} characters; it has {len(value)}"
    if kind == "too_long":
        return f"must have at most {problem['ctx']['max_length']} items; it has {len(value)}"
    said = _SAID.get(kind, text.removeprefix("String ").replace("should", "must", 1))
    if kind in {"missing", "string_unicode", "half"} or isinstance(value, dict | list):
        return said
    return f"{said}; it is {cut(_CREDENTIALS.sub('//***@', repr(value)))}"


def cut(text: str) -> str:
    """As much of a text as a sentence may hold."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """The keys that the object at ``path`` may have."""
    for part in path:
        found = next(
            (field for key, field in model.model_fields.items() if part in {key, field.alias}), None
        )
        inner = _model_of(found.annotation) if found is not None else None
        if inner is None:
            return []
        model = inner
    return [field.alias or key for key, field in model.model_fields.items()]


def _model_of(annotation: object) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next(
        (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)),
        None,
    )
