"""The stages of `make test`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import checks
from tools.cache import ROOT
from tools.cluster.node.preflight import PROGRAMS


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


@pytest.mark.parametrize("stage", ["node", "e2e"])
def test_real_pods_are_passed_over_with_the_reason_where_none_can_run(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "problem", lambda _: "needs root: use CLUSTER=kwok.")
    assert list(checks.STAGES[stage]()) == []
    assert capsys.readouterr().out == (
        f"{stage:<8} passed over: a cluster of real Pods needs root: use CLUSTER=kwok.\n"
    )


def test_real_pods_run_where_nothing_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "problem", lambda _: "")
    modules = ["tools.debian", "tools.binaries", "tools.images", "pytest"]
    assert [step.module for step in checks.e2e()] == modules
    assert set(PROGRAMS) < set(next(checks.e2e()).arguments)  # tests ask some of them at once


def test_programs_of_a_step_keep_what_python_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in checks.surroundings()
    assert checks.surroundings()["PYTHONUNBUFFERED"] == "1"


def test_no_test_of_torch_is_out_of_sight_of_its_stage() -> None:
    mark = "mark." + "torch"
    marked = {path for path in (ROOT / "tests").rglob("test_*.py") if mark in path.read_text()}
    (step,) = checks.torch()
    folders = [ROOT / word for word in step.arguments if word.startswith("tests/")]
    assert marked
    assert all(any(folder in path.parents for folder in folders) for path in marked)


def test_what_unit_tests_need_is_built_before_their_workers_start() -> None:
    mark = re.compile(r"mark\.programs\(([^)]*)\)")
    named = {
        word
        for path in (ROOT / "tests" / "charts").rglob("*.py")
        for words in mark.findall(path.read_text())
        for word in re.findall(r'"([a-z0-9-]+)"', words)
    }
    binaries = next(step for step in checks.unit() if step.name == "binaries")
    assert {"helm4", "kubectl"} <= named <= set(binaries.arguments)


GROUPED = """
import os, pathlib, pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_where(number):
    pathlib.Path(f"worker-{number}").write_text(os.environ["PYTEST_XDIST_WORKER"])
"""


def test_the_tests_of_a_group_have_one_worker(tmp_path: Path) -> None:
    """What pytest-xdist does with groups depends on inner things of pytest."""
    (tmp_path / "test_it.py").write_text(GROUPED)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "."]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    workers = [path.read_text() for path in tmp_path.glob("worker-*")]
    assert len(workers) == 8
    assert len(set(workers)) == 1
