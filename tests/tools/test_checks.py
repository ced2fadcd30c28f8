"""The stages of `make test`."""

import re

import pytest

from tools import checks
from tools.cache import ROOT


def _of_make_test() -> list[str]:
    found = re.search(r"^test:.*\n\t@\S+ -m tools\.checks (.+)$", _makefile(), re.MULTILINE)
    assert found is not None
    return found.group(1).split()


def _makefile() -> str:
    return (ROOT / "Makefile").read_text()


def test_the_help_of_make_test_names_its_stages_in_order() -> None:
    help_text = re.search(r"^test:.*cheap ones first: (.+)$", _makefile(), re.MULTILINE)
    assert help_text is not None
    assert help_text.group(1).split(", ") == _of_make_test()


def test_make_test_leaves_out_only_the_tests_of_the_lane_itself() -> None:
    assert set(checks.STAGES) - set(_of_make_test()) == {"node"}


def test_real_pods_are_passed_over_with_the_reason_where_none_can_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "problem", lambda _: "needs root: use CLUSTER=kwok.")
    assert list(checks.e2e()) == []
    assert capsys.readouterr().out == (
        "e2e      passed over: a cluster of real Pods needs root: use CLUSTER=kwok.\n"
    )


def test_real_pods_run_where_nothing_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "problem", lambda _: "")
    modules = ["tools.binaries", "tools.images", "pytest"]
    assert [step.module for step in checks.e2e()] == modules


def test_programs_of_a_step_keep_what_python_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in checks.surroundings()
    assert checks.surroundings()["PYTHONUNBUFFERED"] == "1"
