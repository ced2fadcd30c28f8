"""The checks of a change, cheap ones first: `python -m tools.checks lint unit cluster`.

Within a stage every step runs, so that one run shows all there is to repair; a stage that failed
ends the run. Each step and each stage says how long it took.
"""

import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from tools.cache import ROOT

TYPED = (
    "operator/digital_human_operator",
    "runtime/digital_human_runtime",
    "tools",
    "tests",
    "config",
)
WORKERS = "2"


@dataclass(frozen=True)
class Step:
    """One program of a stage."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


def lint() -> Iterator[Step]:
    """What is found without running the code."""
    yield Step("locks", "tools.lock", ("--check",))
    yield Step("rules", "ruff", ("check", "--quiet", "."))
    yield Step("format", "ruff", ("format", "--check", "--quiet", "."))
    yield Step("types", "mypy", ("--no-error-summary", *TYPED))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if "importlinter" in project["tool"]:
        yield Step("imports", "tools.import_rules")
    if (ROOT / "operator/digital_human_operator/api/generate.py").exists():
        yield Step("generated files", "digital_human_operator.api.generate", ("--check",))


def unit() -> Iterator[Step]:
    """Tests that need no cluster."""
    yield Step("unit tests", "pytest", ("-q", "-m", "not cluster", "-n", WORKERS))


def cluster() -> Iterator[Step]:
    """Tests against a real control plane, which is built first where it is missing."""
    yield Step("binaries", "tools.binaries", ("kwok", "helm3", "helm4", "--quiet"))
    yield Step("cluster tests", "pytest", ("-q", "-m", "cluster", "-n", WORKERS))


STAGES = {"lint": lint, "unit": unit, "cluster": cluster}


def run_step(stage: str, step: Step) -> bool:
    """Run one step, print its time and say whether it passed."""
    start = time.monotonic()
    command = [sys.executable, "-m", step.module, *step.arguments]
    passed = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    verdict = "ok" if passed else "FAILED"
    seconds = time.monotonic() - start
    print(f"{stage:<8} {step.name:<16} {seconds:7.1f} s  {verdict}", flush=True)
    return passed


def main(names: list[str]) -> int:
    """Run the named stages in order; return the exit status."""
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        print(f"Name stages to run: {', '.join(STAGES)}.", file=sys.stderr)
        return 2
    start = time.monotonic()
    for name in names:
        results = [run_step(name, step) for step in STAGES[name]()]
        if not all(results):
            left = names[names.index(name) + 1 :]
            not_run = f", so {' and '.join(left)} did not run" if left else ""
            print(f"{name} failed{not_run}", file=sys.stderr)
            return 1
    print(f"all of {', '.join(names)} passed in {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
