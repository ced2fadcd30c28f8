"""kubectl's own weaknesses, mended once."""

import subprocess
from pathlib import Path

import pytest

from tools.cluster import ClusterError
from tools.cluster.kubectl import Kubectl

NEW = "error: .status.conditions accessor error: <nil> is of the type <nil>, expected []interface{}"


def answers(monkeypatch: pytest.MonkeyPatch, codes: list[int]) -> list[tuple[str, ...]]:
    asked: list[tuple[str, ...]] = []

    def run(self: Kubectl, *arguments: str, stdin: str | None = None) -> object:
        asked.append(arguments)
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        return subprocess.CompletedProcess(arguments, code, "", NEW if code else "")

    monkeypatch.setattr(Kubectl, "run", run)
    return asked


def test_a_crd_without_conditions_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, [1, 1, 0])
    Kubectl(Path("nowhere")).wait_established("humans.example.com")
    assert len(asked) == 3
    assert asked[0][-1] == "crd/humans.example.com"


def test_the_wait_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, [1])
    with pytest.raises(ClusterError, match="accessor error"):
        Kubectl(Path("nowhere")).wait_established(seconds=0.2)
