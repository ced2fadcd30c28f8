"""Building a tool once per machine: cached by a hash of all that decides the result."""

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

from tools import trouble
from tools.binaries import toolchain
from tools.binaries.specs import LANES, TOOLS, Tool
from tools.cache import ROOT, cache_root, file_lock

PROGRESS_SECONDS = 10.0
DEADLINE_SECONDS = 3600.0
LOG_TAIL_LINES = 15


class BuildError(RuntimeError):
    """A tool could not be built; the message ends with the compiler's last words."""


def binary(name: str) -> Path:
    """Return the path of one binary (`kubectl`, `helm3`), building its tool when needed."""
    for tool in TOOLS.values():
        if name in dict(tool.commands):
            return ensure(tool) / name
    raise BuildError(f"No tool here is called {name!r}.")


def binaries(lane: str) -> dict[str, Path]:
    """Return every binary of a lane by name, building those that are missing."""
    paths: dict[str, Path] = {}
    for tool_name in LANES[lane]:
        tool = TOOLS[tool_name]
        folder = ensure(tool)
        paths.update({command: folder / command for command, _ in tool.commands})
    return paths


def key(tool: Tool, module: Path, go_version: str) -> str:
    """Hash of all that decides the binaries: module and source files, flags, Go and machine."""
    digest = hashlib.sha256()
    parts = [
        (module / "go.mod").read_bytes(),
        (module / "go.sum").read_bytes(),
        repr((tool.commands, tool.tags, tool.ldflags)).encode(),
        go_version.encode(),
        *(source.read_bytes() for source in sorted(module.glob("*.go"))),
    ]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def ensure(tool: Tool) -> Path:
    """Return the folder with the tool's binaries, built at most once however many ask at once."""
    module = ROOT / "tools" / tool.module
    go = toolchain.find()
    store = cache_root() / "bin"
    folder = store / f"{tool.name}-{key(tool, module, go.version)}"
    if folder.is_dir():
        return folder
    with file_lock(store / f".{folder.name}.lock"):
        if not folder.is_dir():
            _build(tool, module, go.command(), folder)
    return folder


def _build(tool: Tool, module: Path, go: Path, folder: Path) -> None:
    """Build into a folder beside the final one and rename it: half a build is never seen."""
    for left_over in folder.parent.glob(f".{folder.name}.tmp*"):
        shutil.rmtree(left_over)
    scratch = Path(mkdtemp(prefix=f".{folder.name}.tmp", dir=folder.parent))
    try:
        _go_build(tool, module, go, scratch)
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _go_build(tool: Tool, module: Path, go: Path, scratch: Path) -> None:
    """Run `go build`, one line of progress every few seconds."""
    names = [name for name, _ in tool.commands]
    output = scratch / names[0] if len(names) == 1 else f"{scratch}/"
    flags = ["-trimpath", "-buildvcs=false", "-tags", tool.tags, "-ldflags", tool.ldflags]
    flags += ["-gcflags=all=-dwarf=false"]  # a tenth of the time, for what -s -w leaves out again
    packages = [package for _, package in tool.commands]
    log = scratch / "build.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(go), "build", *flags, "-o", str(output), *packages],
            cwd=module,
            env=toolchain.environment(),
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            code = _wait(process, tool.name)
        finally:
            process.kill()
            process.wait()
    if code:
        raise BuildError(failure(tool.name, code, log.read_text(errors="replace")))
    log.unlink()


def failure(name: str, code: int, said: str) -> str:
    """Say why a build failed, as far as the compiler tells; a full disk may leave it no word."""
    if code < 0:
        return (
            f"{name} was not built, signal {-code} ended it: where nobody sent it, memory was"
            " short; make room there and try again."
        )
    if trouble.is_full(said) or not said.strip():
        return (
            f"{name} was not built, the disk is full: make room, for example with `go clean"
            " -cache`, or name folders on another disk with XDG_CACHE_HOME, GOCACHE and TMPDIR."
        )
    if trouble.is_offline(said):
        return (
            f"{name} was not built, the Go modules that it is made of cannot be fetched: check the"
            f" network and the proxy (HTTPS_PROXY, GOPROXY).\n{_tail(said)}"
        )
    return f"Building {name} failed:\n{_tail(said)}"


def _tail(said: str) -> str:
    return "\n".join(said.splitlines()[-LOG_TAIL_LINES:])


def _wait(process: subprocess.Popen[bytes], name: str) -> int:
    """Wait for a build, saying every few seconds that it still runs."""
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < DEADLINE_SECONDS:
        try:
            code = process.wait(timeout=PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - start
            print(f"building {name} … {seconds:.0f} s", file=sys.stderr, flush=True)
        else:
            verb = "gave up" if code else "built"
            seconds = time.monotonic() - start
            print(f"{verb} {name} in {seconds:.0f} s", file=sys.stderr, flush=True)
            return code
    raise BuildError(f"Building {name} took longer than {elapsed:.0f} s.")
