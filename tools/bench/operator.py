"""
`make bench-operator`: the operator against a bare client on the same control plane, in one run.

For N = 100 and 1,000 both create N DigitalHumans and everything that belongs to them, each in a
fresh cluster. The bare client applies manifests that were rendered before the clock started, with
32 requests in flight, and knows nothing of what it made. It does so twice: with the operator's
rights (``ratio``) and as cluster-admin (``ratio_to_admin``), who is spared a check. The operator
watches, plans, renders, compares, applies and reports. All are done when every object is there and
every Deployment is ready. Counts come from the API server's audit log. ``late_writes_per_cr`` are
those of the minutes after, until each autoscaler is older than five minutes and has complained:
this cluster serves no metrics, and each human has said so in its first status. The quiet minute
and the restart are measured after that.
"""

import asyncio
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from tools.bench import measure
from tools.cache import ROOT

RESULT = ROOT / "build" / "bench" / "operator.json"
SIZES = (100, 1000)


async def run(sizes: tuple[int, ...], console: Console) -> dict[str, Any]:
    """Measure every size, the smallest first; returns the whole report."""
    runs, where = [], machine()
    for size in sizes:
        console.print(f"{size} DigitalHumans", style="bold")
        with measure.cluster(f"bench-op-{size}", console) as here:
            operator = await measure.operator(here, size, console)
        manifests = operator.pop("manifests")
        for name, rights in (("client", measure.SAME), ("admin", measure.ALL)):
            with measure.cluster(f"bench-{name}-{size}", console) as here:
                applied, ready = await measure.bare(here, size, manifests, console, rights)
            operator[f"bare_{name}_apply_seconds"] = round(applied, 2)
            operator[f"bare_{name}_seconds"] = round(ready, 2)
        for key, name in (("ratio", "client"), ("ratio_to_admin", "admin")):
            operator[key] = round(
                operator["converge_seconds"] / operator[f"bare_{name}_seconds"], 3
            )
        runs.append(operator)
        console.print_json(json.dumps(runs[-1]))
    return {"benchmark": "operator", "machine": where, "runs": runs}


def machine() -> dict[str, Any]:
    """Where and when this was measured, without names."""
    with Path("/proc/meminfo").open() as meminfo:
        total = int(meminfo.readline().split()[1]) // 1024
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_mib": total,
        "python": platform.python_version(),
        "kernel": platform.release().split("-")[0],
        "load_before": round(os.getloadavg()[0], 2),
        "note": "control plane, simulated nodes, operator and load share these cores",
    }


def main(arguments: list[str]) -> int:
    """Run, write the report, print where it is."""
    console = Console(stderr=True)
    sizes = tuple(int(argument) for argument in arguments) or SIZES
    began = time.monotonic()
    report = asyncio.run(run(sizes, console))
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(report, indent=2) + "\n")
    console.print(f"{RESULT.relative_to(ROOT)} written after {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
