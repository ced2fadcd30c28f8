"""The checks of a change, cheap ones first: `python -m tools.checks lint unit cluster`.

Within a stage every step runs, so that one run shows all there is to repair; a stage that failed
ends the run. Each step and each stage says how long it took.
"""

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from tools.bootstrap import ENVIRONMENTS
from tools.cache import ROOT
from tools.cluster.cluster import CLUSTERS
from tools.cluster.node.preflight import PROGRAMS, problem

TYPED = (
    "operator/digital_human_operator",
    "runtime/digital_human_runtime",
    "runtime/digital_human_training",
    "backup/digital_human_backup",
    "tools",
    "tests",
    "config",
)
WITH_TORCH = ("tests/runtime/engines/llm", "tests/training")
"""Where the tests that need torch are: to look through all others costs as long as to run these."""
MANY = ("-n", "4")
"""Twice the cores that they are tried on: these tests wait for clocks and servers, mostly."""
ORDERED = ("--dist", "loadgroup", "--no-loadscope-reorder")
"""Tests of clusters: some belong together, and the long ones begin."""
SOME = ("-n", "3")
"""For tests with the Pods of humans, which speak and move their faces in real time."""
FEW = ("-n", "2")
"""For tests of what needs a core itself: pictures, networks."""


@dataclass(frozen=True)
class Step:
    """One program of a stage."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: str = "dev"


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
    """Tests that need neither a cluster nor a browser."""
    yield Step("programs", "tools.debian", ("redis-server", "promtool"))
    programs = ("versitygw", "rclone", "helm3", "helm4", "kubectl", "--quiet")
    yield Step("binaries", "tools.binaries", programs)
    yield Step("page", "tools.page")
    here = "not cluster and not browser and not torch and not images and not node and not e2e"
    yield Step("unit tests", "pytest", ("-q", "-m", here, *MANY))


def wire() -> Iterator[Step]:
    """NVIDIA's wire protocol on the set of packages that NVIDIA's metadata asks for."""
    tests = ("-q", "-m", "wire", "tests/runtime/grpc_api")
    yield Step("wire tests", "pytest", tests, environment="wire")


def browser() -> Iterator[Step]:
    """The avatar page in a real browser."""
    yield Step("programs", "tools.debian", ("chromium",))
    yield Step("page", "tools.page")
    spread = (*FEW, "--dist", "worksteal")  # neighbours share a browser
    yield Step("browser tests", "pytest", ("-q", "-m", "browser", *spread, "tests/runtime"))


def torch() -> Iterator[Step]:
    """What needs torch, in an environment of its own."""
    tests = ("-q", "-m", "torch", *FEW, *WITH_TORCH)
    yield Step("torch tests", "pytest", tests, environment="torch")


def cluster() -> Iterator[Step]:
    """Tests against a real control plane, which is built first where it is missing."""
    yield Step("binaries", "tools.binaries", ("kwok", "helm3", "helm4", "policies", "--quiet"))
    yield Step("cluster tests", "pytest", ("-q", "-m", "cluster", *MANY, *ORDERED))


def node() -> Iterator[Step]:
    """Tests with real Pods on a node of this machine: as root, on Linux."""
    if _is_passed_over("node"):
        return
    yield Step("programs", "tools.debian", PROGRAMS)
    yield Step("binaries", "tools.binaries", ("node", "node-probe", "--quiet"))
    yield Step("node tests", "pytest", ("-q", "-m", "node", "tests/node"))


def e2e() -> Iterator[Step]:
    """Our images in real Pods, from an applied object to a conversation: as root, on Linux."""
    if _is_passed_over("e2e"):
        return
    yield Step("programs", "tools.debian", (*PROGRAMS, "redis-server", "chromium"))
    yield Step("binaries", "tools.binaries", ("node", "node-probe", "helm3", "--quiet"))
    yield Step("images", "tools.images", ("build",))
    yield Step("end to end", "pytest", ("-q", "-m", "e2e", *SOME, *ORDERED, "tests/e2e"))


def _is_passed_over(stage: str) -> bool:
    """Whether no real Pod can run on this machine; says why, before anything is built."""
    if lacks := problem(CLUSTERS):
        print(f"{stage:<8} passed over: a cluster of real Pods {lacks}", flush=True)
    return bool(lacks)


STAGES = {
    "lint": lint,
    "unit": unit,
    "wire": wire,
    "browser": browser,
    "torch": torch,
    "cluster": cluster,
    "node": node,
    "e2e": e2e,
}


def interpreter(environment: str) -> str:
    """Python of an environment, which is prepared first where it is missing."""
    if environment == "dev":
        return sys.executable
    prepare = [sys.executable, "tools/bootstrap.py", environment]
    subprocess.run(prepare, cwd=ROOT, check=True)
    return str(ROOT / ENVIRONMENTS[environment] / "bin" / "python")


def surroundings() -> dict[str, str]:
    """Our environment, but Python keeps what it compiles: tests start hundreds of programs."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def run_step(stage: str, step: Step) -> bool:
    """Run one step, print its time and say whether it passed."""
    start = time.monotonic()
    try:
        command = [interpreter(step.environment), "-m", step.module, *step.arguments]
        done = subprocess.run(command, cwd=ROOT, env=surroundings(), check=False)
        passed = done.returncode == 0
    except subprocess.CalledProcessError:
        passed = False
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
