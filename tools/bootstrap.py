"""Prepare .venv from the hashed requirement files; does nothing when it is up to date.

Standard library only. A stamp in .venv holds a hash of everything that decides its contents.
"""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import uv  # noqa: E402 - found only with the line above
from tools.cache import file_lock  # noqa: E402

VENV = ROOT / ".venv"
STAMP = VENV / ".stamp"
LOCK = ROOT / "build" / ".bootstrap.lock"
DECIDES = (
    "pyproject.toml",
    "requirements/dev.txt",
    "requirements/uv.txt",
    "tools/bootstrap.py",
)


def fingerprint() -> str:
    """Hash of all that decides what is in .venv."""
    digest = hashlib.sha256(f"{platform.python_version()} {VENV}".encode())
    for name in DECIDES:
        digest.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()


def is_current() -> bool:
    """Say whether .venv is what the files ask for."""
    return STAMP.exists() and STAMP.read_text() == fingerprint()


def install() -> None:
    """Make .venv, install exactly what is locked, and the project itself in place."""
    program = str(uv.ensure())
    STAMP.unlink(missing_ok=True)
    interpreter = str(VENV / "bin" / "python")
    if not _venv_works(interpreter):
        base = str(Path(sys.executable).resolve())
        _run(program, "venv", "--quiet", "--clear", "--python", base, str(VENV))
    target = ["--quiet", "--python", interpreter]
    _run(program, "pip", "sync", *target, "--require-hashes", "requirements/dev.txt")
    _run(program, "pip", "install", *target, "--no-deps", "--no-build-isolation", "--editable", ".")
    STAMP.write_text(fingerprint())


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
        raise uv.UvError(f"Preparing .venv failed at `uv {' '.join(command[1:3])}`: see above.")


def main() -> None:
    """Prepare .venv once, however many ask at the same time."""
    if is_current():
        return
    with file_lock(LOCK):
        if is_current():
            return
        print("preparing .venv", file=sys.stderr, flush=True)
        try:
            install()
        except uv.UvError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
