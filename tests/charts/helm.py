"""Running our own helm, version 3 or 4, on the chart of this checkout."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.binaries import binary
from tools.cache import ROOT

CHART = ROOT / "charts" / "digital-human-operator"
KUBE_VERSION = "1.36.3"
RELEASE = "dho"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Helm:
    """A callable helm that leaves nothing in the user's home."""

    name: str
    """`helm3` or `helm4`."""
    home: Path
    kubeconfig: Path | None = None

    def __call__(self, *arguments: str) -> str:
        """Run helm and return what it prints; raises AssertionError with its message."""
        result = self.run(*arguments)
        assert result.returncode == 0, f"{self.name} {' '.join(arguments)}: {result.stderr}"
        return result.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run helm and return status, output and errors, whatever they are."""
        homes = {f"HELM_{kind}_HOME": str(self.home / kind) for kind in ("CACHE", "CONFIG", "DATA")}
        environment = {**os.environ, **homes, "KUBECONFIG": str(self.kubeconfig or os.devnull)}
        return subprocess.run(
            [str(binary(self.name)), *arguments],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env=environment,
        )

    def lint(self, *settings: str) -> subprocess.CompletedProcess[str]:
        """Lint the chart with `--set` settings."""
        return self.run("lint", "--strict", "--kube-version", KUBE_VERSION, *_chosen(settings))

    def render(
        self, *settings: str, api_versions: tuple[str, ...] = (), kube: str = KUBE_VERSION
    ) -> subprocess.CompletedProcess[str]:
        """Run `helm template` with `--set` settings for the namespace `home`."""
        apis = [part for api in api_versions for part in ("--api-versions", api)]
        command = ["template", RELEASE, *_chosen(settings), "--namespace", "home"]
        return self.run(*command, "--kube-version", kube, *apis)

    def objects(self, *settings: str, api_versions: tuple[str, ...] = ()) -> list[Manifest]:
        """Return the objects that `helm template` prints."""
        result = self.render(*settings, api_versions=api_versions)
        assert result.returncode == 0, result.stderr
        return [found for found in yaml.safe_load_all(result.stdout) if found]


def _chosen(settings: tuple[str, ...]) -> list[str]:
    return [str(CHART), *(part for setting in settings for part in ("--set", setting))]


def of_kind(objects: list[Manifest], *kinds: str) -> list[Manifest]:
    """Return the objects of these kinds."""
    return [found for found in objects if found["kind"] in kinds]


def only(objects: list[Manifest], kind: str) -> Manifest:
    """Return the single object of this kind."""
    found = of_kind(objects, kind)
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]
