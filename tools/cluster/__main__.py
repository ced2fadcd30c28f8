"""`python -m tools.cluster up|down|status|kubeconfig|nodes|token`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tools import trouble
from tools.binaries import BuildError
from tools.binaries.toolchain import ToolchainError
from tools.cluster.cluster import CLUSTERS, Cluster
from tools.cluster.doctor import best, examine
from tools.cluster.errors import ClusterError
from tools.cluster.nodes import POOLS, add_nodes
from tools.cluster.options import Options
from tools.cluster.tokens import service_account_kubeconfig

app = typer.Typer(help="A local Kubernetes cluster.", no_args_is_help=True, add_completion=False)
console = Console()

Name = Annotated[str, typer.Option(envvar="CLUSTER_NAME", help="Name of the cluster.")]
Lane = Annotated[
    str,
    typer.Option(
        envvar="CLUSTER", help="kwok (simulated Pods), node (real ones, as root) or kind."
    ),
]


@app.command()
def up(
    name: Name = "demo",
    lane: Lane = "kwok",
    audit: Annotated[bool, typer.Option(help="Write the audit log.")] = True,
    qps_limits: Annotated[bool, typer.Option(help="Rate limits of the controllers.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Never keep a running one.")] = False,
) -> None:
    """Bring the cluster up; one that runs already is kept."""
    cluster = Cluster(name, lane)
    with console.status(f"starting the cluster {name}"):
        cluster.up(Options(audit=audit, qps_limits=qps_limits), fresh=fresh)
    console.print(f"The cluster [bold]{name}[/bold] runs. To use it:", highlight=False)
    console.print(f"  export KUBECONFIG={cluster.kubeconfig}", highlight=False, soft_wrap=True)


@app.command()
def down(name: Name = "demo") -> None:
    """Stop the cluster and remove everything of it."""
    Cluster(name).down()
    console.print(f"The cluster [bold]{name}[/bold] is gone.", highlight=False)


@app.command(hidden=True)
def down_all() -> None:
    """Stop every cluster of this checkout."""
    for directory in sorted(CLUSTERS.glob("[a-z0-9]*")):
        Cluster(directory.name).down()


@app.command()
def status(name: Name = "demo") -> None:
    """Show what runs; the exit status is 1 unless the whole cluster does."""
    found = Cluster(name).status()
    console.print(f"The cluster [bold]{name}[/bold] is {found.state}.", highlight=False)
    table = Table("component", "pid")
    for process in found.running:
        table.add_row(process.name, str(process.pid))
    for component in found.missing:
        table.add_row(component, "[red]missing[/red]")
    if table.row_count:
        console.print(table)
    raise typer.Exit(0 if found.state == "running" else 1)


@app.command()
def doctor() -> None:
    """Say which kinds of cluster this machine can run, and what it lacks for the others."""
    findings = examine(CLUSTERS)
    table = Table("CLUSTER=", "runs", "what it gives, or lacks", show_lines=True)
    for finding in findings:
        lacks = bool(finding.problem)
        verdict = "[red]no[/red]" if lacks else "[green]yes[/green]"
        table.add_row(finding.lane, verdict, finding.problem if lacks else finding.gives)
    console.print(table)
    chosen = best(findings)
    console.print(f"Best here: CLUSTER={chosen.lane}, {chosen.gives}.", highlight=False)


@app.command()
def kubeconfig(name: Name = "demo") -> None:
    """Print the path of the administrator's kubeconfig, and nothing else."""
    typer.echo(_kubeconfig_of(name))


@app.command("kubectl")
def kubectl_path() -> None:
    """Print the path of the kubectl that was built here."""
    from tools.binaries import binary  # noqa: PLC0415 - the other commands need no build

    typer.echo(binary("kubectl"))


@app.command()
def nodes(
    pools: Annotated[
        list[str] | None, typer.Argument(help="POOL=COUNT, for example gke-a100-80=2.")
    ] = None,
    name: Name = "demo",
) -> None:
    """Add simulated nodes; without arguments, list the pools there are."""
    if not pools:
        _list_pools()
        return
    counts = dict(_count(pool) for pool in pools)
    names = add_nodes(_kubeconfig_of(name), counts)
    console.print(f"{len(names)} nodes are Ready.", highlight=False)


@app.command()
def images(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names in build/images, for example operator.")
    ] = None,
    name: Name = "demo",
) -> None:
    """Send images that were built here to a node cluster's registry; print them by digest."""
    from tools.cluster.node.lane import push_images  # noqa: PLC0415 - of one lane only

    for image in push_images(Cluster(name).directory, names or []):
        typer.echo(image.pinned)


@app.command()
def token(
    namespace: Annotated[str, typer.Argument(help="Namespace of the ServiceAccount.")],
    account: Annotated[str, typer.Argument(help="Name of the ServiceAccount.")],
    path: Annotated[Path, typer.Argument(help="File to write (mode 0600).")],
    name: Name = "demo",
    hours: Annotated[int, typer.Option(min=1, help="How long the token works.")] = 8,
) -> None:
    """Write a kubeconfig with the rights of a ServiceAccount."""
    admin = _kubeconfig_of(name)
    typer.echo(service_account_kubeconfig(admin, namespace, account, path, hours))


def _kubeconfig_of(name: str) -> Path:
    """Return the administrator's kubeconfig of a cluster that is there."""
    path = Cluster(name).kubeconfig
    if not path.exists():
        raise ClusterError(f"There is no cluster {name!r}: run `make cluster` or `make demo`.")
    return path


def _count(argument: str) -> tuple[str, int]:
    """Parse POOL=COUNT."""
    pool, _, count = argument.partition("=")
    if not count.isdecimal():
        raise ClusterError(f"{argument!r} is not POOL=COUNT, for example gke-a100-80=2.")
    return pool, int(count)


def _list_pools() -> None:
    """Print one row for each pool."""
    table = Table("pool", "machine", "cpu", "memory", "extended resources")
    for pool in POOLS.values():
        extended = ", ".join(f"{name}={count}" for name, count in pool.resources.items())
        table.add_row(pool.name, pool.machine, str(pool.cpu), f"{pool.memory_gib}Gi", extended)
    console.print(table)


def main() -> None:
    """Run the command; an error of ours is its message and exit status 1."""
    try:
        app()
    except (ClusterError, BuildError, ToolchainError) as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except OSError as error:
        if not (why := trouble.unwritable(error)):
            raise
        typer.echo(why, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
