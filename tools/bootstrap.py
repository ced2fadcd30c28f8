"""Prepare .venv from the hashed requirement files; does nothing when it is up to date.

`bootstrap.py torch` prepares .venv-torch, which has torch as well (several gigabytes), and
`bootstrap.py wire` .venv-wire, with the packages that NVIDIA's metadata asks for. Standard library
only. A stamp in each holds a hash of everything that decides its contents.
"""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import trouble, uv  # noqa: E402 - found only with the line above
from tools.cache import file_lock  # noqa: E402

ENVIRONMENTS = {"dev": ".venv", "torch": ".venv-torch", "wire": ".venv-wire"}
"""Requirement file -> folder of the environment."""
LOCK = ROOT / "build" / ".bootstrap.lock"


def fingerprint(name: str) -> str:
    """Hash of all that decides what is in the environment ``name``."""
    folder = ROOT / ENVIRONMENTS[name]
    digest = hashlib.sha256(f"{platform.python_version()} {folder}".encode())
    for file in (
        "pyproject.toml",
        f"requirements/{name}.txt",
        "requirements/uv.txt",
        "tools/bootstrap.py",
    ):
        digest.update(hashlib.sha256((ROOT / file).read_bytes()).digest())
    return digest.hexdigest()


def stamp(name: str) -> Path:
    """Where an environment says what it was made from."""
    return ROOT / ENVIRONMENTS[name] / ".stamp"


def is_current(name: str) -> bool:
    """Say whether the environment is what the files ask for."""
    return stamp(name).exists() and stamp(name).read_text() == fingerprint(name)


def install(name: str) -> None:
    """Make the environment, install exactly what is locked, and the project itself in place."""
    program = str(uv.ensure())
    stamp(name).unlink(missing_ok=True)
    folder = ROOT / ENVIRONMENTS[name]
    interpreter = str(folder / "bin" / "python")
    if not _venv_works(interpreter):
        base = str(Path(sys.executable).resolve())
        _run(program, "venv", "--quiet", "--clear", "--python", base, str(folder))
    target = ["--quiet", "--python", interpreter]
    _run(program, "pip", "sync", *target, "--require-hashes", f"requirements/{name}.txt")
    if name != "wire":  # its tests find the package by path; nothing builds it there
        editable = ["--no-deps", "--no-build-isolation", "--editable", "."]
        _run(program, "pip", "install", *target, *editable)
    stamp(name).write_text(fingerprint(name))


def _venv_works(interpreter: str) -> bool:
    """Say whether .venv has the Python that runs this."""
    query = [interpreter, "-c", "import platform; print(platform.python_version())"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.stdout.strip() == platform.python_version()


def _run(*command: str) -> None:
    """Run uv; it says itself what went wrong."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if code:
        raise uv.UvError(
            f"Preparing the environment failed at `uv {' '.join(command[1:3])}` ({trouble.ABOVE}):"
            " mend that and try again."
        )


def main() -> None:
    """Prepare an environment once, however many ask at the same time."""
    name = sys.argv[1] if len(sys.argv) > 1 else "dev"
    if name not in ENVIRONMENTS:
        sys.exit(f"There is no environment {name}: name one of {', '.join(ENVIRONMENTS)}.")
    if is_current(name):
        return
    with file_lock(LOCK):
        if is_current(name):
            return
        print(f"preparing {ENVIRONMENTS[name]}", file=sys.stderr, flush=True)
        try:
            install(name)
        except uv.UvError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
