"""Debian's Redis as an image: a registry to pull the official one from is not reachable here."""

import re
import shutil
import subprocess
from pathlib import Path

from tools.cluster.node import oci
from tools.debian import ensure

REFERENCE = "docker.io/library/redis:7.4-alpine"
"""The name that the chart's values have; the program is the version of the machine's Debian."""
_LIBRARY = re.compile(r"(/\S+) \(0x")


def write(folder: Path) -> Path:
    """Write the archive: the server, and the libraries that it loads."""
    ensure(("redis-server",))
    program = Path(str(shutil.which("redis-server"))).resolve()
    loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = _LIBRARY.findall(loaded)
    files = {path: Path(path).read_bytes() for path in libraries}
    files["/bin/redis-server"] = program.read_bytes()
    archive = folder / "redis.tar"
    oci.write(oci.Image(REFERENCE, files, entrypoint=("/bin/redis-server",)), archive)
    return archive
