"""The namespaces of a node: made, furnished, entered, and programs started in them."""

import shlex
import subprocess
from pathlib import Path

from tools.cluster.errors import ClusterError
from tools.cluster.node.place import Place
from tools.cluster.processes import Process, started
from tools.cluster.volumes import BASE

HIDDEN = (Path("/run"), Path("/var/lib"), Path("/var/log"))
"""Folders of the machine that the node has its own of; nothing it uses may lie in them."""
TUNED = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
"""What kubelet would set for the whole machine: it finds files that say it is so already."""


_IMPATIENT = ("tcp_orphan_retries", "tcp_fin_timeout")
"""Connections that nobody has any more would keep an ended node's network for minutes."""


def create(place: Place, program: Path) -> Process:
    """Start the first process of the node, furnish its namespaces and return it."""
    first = place.programs / "node-init"
    first.symlink_to(program)
    answer = subprocess.run(
        [str(first), "start"], capture_output=True, text=True, check=False, timeout=30
    )
    if answer.returncode:
        raise ClusterError(
            f"The kernel gives no namespaces ({answer.stderr.strip()}): use CLUSTER=kwok."
        )
    process = started(int(answer.stdout))
    if not process:
        raise ClusterError("The node's first process ended at once.")
    run_in(enter(process.pid), ["sh", "-euc", _furnish(place)])
    return process


def enter(pid: int) -> list[str]:
    """Return the command that runs another one in the node."""
    return ["nsenter", "--target", str(pid), "--mount", "--pid", "--net", "--"]


def run_in(entered: list[str], command: list[str], seconds: float = 60.0) -> str:
    """Run a program in the node to its end; raises ClusterError with its last words."""
    try:
        result = subprocess.run(
            [*entered, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{command[0]} took over {seconds:.0f} s in the node.") from error
    if result.returncode:
        raise ClusterError(f"{command[0]} failed in the node: {result.stderr.strip()}")
    return result.stdout


def spawn(entered: list[str], command: list[str], log: Path) -> None:
    """Start a program in the node that goes on after this one; the node's first process has it."""
    line = f"exec {shlex.join(command)} >>{shlex.quote(str(log))} 2>&1 </dev/null &"
    subprocess.run(
        [*entered, "setsid", "sh", "-c", line],
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=30,
    )


def _furnish(place: Place) -> str:
    """Return the script that gives the node its own mounts.

    They are shared within the node, so that containers see what kubelet mounts, and with nobody
    else.
    """
    lines = [
        "mount --make-rprivate /",
        "mount -t proc proc /proc",
        "mount -t tmpfs -o mode=755 node /run",
    ]
    for number, (name, value) in enumerate(TUNED.items()):
        file = place.folder / "sysctl" / str(number)
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{value}\n")
        lines.append(f"mount --bind {shlex.quote(str(file))} /proc/sys/{name}")
    binds = {BASE: "volumes", Path("/var/lib"): "lib", Path("/var/log"): "log"}
    for target, name in binds.items():
        source = place.folder / name
        source.mkdir()
        lines.append(f"mount --bind {shlex.quote(str(source))} {target}")
    lines.append("mount --make-rshared /")
    lines += [f"echo 1 >/proc/sys/net/ipv4/{name}" for name in ("ip_forward", *_IMPATIENT)]
    return "\n".join(lines)
