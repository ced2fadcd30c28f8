"""The figures of the page about production are those that the operator computes."""

from __future__ import annotations

import re

import pytest

from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.plan import resources
from digital_human_operator.plan.memory import memory
from tools.cache import ROOT

TEXT = (ROOT / "docs" / "production.md").read_text()
_MODEL = re.compile(
    r"^\| (\S+) \| (\w+) \| (\d) x (\S+) \| ([\d.]+) GiB \| ([\d.]+) GiB \|$", re.MULTILINE
)
MODELS = _MODEL.findall(TEXT)


def test_there_are_models_to_look_at() -> None:
    assert len(MODELS) > 3


@pytest.mark.parametrize(("model", "precision", "count", "gpu", "needs", "gives"), MODELS)
def test_what_a_model_needs(  # noqa: PLR0917 - the columns of the table
    model: str, precision: str, count: str, gpu: str, needs: str, gives: str
) -> None:
    spec = DigitalHumanSpec.model_validate(
        {
            "llm": {"transformers": {"model": model, "precision": precision}},
            "gpu": {"profile": gpu, "count": int(count)},
            "sessions": {"perReplica": 8},
        }
    )
    found = memory(spec)
    assert found.fits
    assert found.plan is not None
    assert (found.plan.total, found.plan.available) == (needs, gives)


@pytest.mark.parametrize(
    ("row", "requests", "limits"),
    [
        ("runtime with a GPU", resources.GPU_REQUESTS, resources.GPU_LIMITS),
        ("runtime without", resources.CPU_REQUESTS, resources.CPU_LIMITS),
        ("managed Audio2Face", resources.FACE_REQUESTS, resources.FACE_LIMITS),
    ],
)
def test_what_a_pod_asks_for(row: str, requests: dict[str, str], limits: dict[str, str]) -> None:
    def told(of: dict[str, str]) -> str:
        return f"{of['cpu']} CPU{'s' * (of['cpu'] != '1')}, {of['memory']}"

    assert f"| {row} | {told(requests)} | {told(limits)} |" in TEXT
