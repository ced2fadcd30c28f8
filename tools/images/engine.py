"""What builds an image, whatever it is called: what it is asked for and what it promises."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

BUILD_SECONDS = 3600.0
COPY_SECONDS = 900.0
OURS = "localhost/digital-human-"
"""How the local names of all images that are made here start."""
BASES = f"{OURS}base"
"""Local name of the bases that are made here."""


@dataclass(frozen=True)
class Build:
    """What an engine is asked to build."""

    dockerfile: str
    target: str
    name: str
    """Local name of the result."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    epoch: int = 0
    """Time that everything in the image is said to be made at, in seconds since 1970."""

    @property
    def shown(self) -> str:
        """What a person calls it."""
        return self.name.rpartition("/")[2].partition(":")[0]

    def options(self) -> list[str]:
        """Return the options that docker and buildah have in common."""
        pairs = [("--file", self.dockerfile), ("--target", self.target), ("--tag", self.name)]
        pairs += [("--build-arg", f"{name}={value}") for name, value in self.arguments.items()]
        pairs += [("--secret", f"id={name},src={path}") for name, path in self.secrets.items()]
        return [word for pair in pairs for word in pair]


class Engine(Protocol):
    """Builds images and hands them over as an OCI layout or as `docker save` makes them."""

    name: str

    def has(self, reference: str) -> bool:
        """Have an image here, pulled when it is not; False when no registry has it."""

    def load_base(self, tar: Path, name: str) -> None:
        """Have a base under a name, made of the tar of a root file system."""

    def build(self, wanted: Build, context: Path, log: Path) -> bool:
        """Build; says whether it succeeded."""

    def image_id(self, name: str) -> str:
        """Digest of the configuration of an image that is here."""

    def export(self, name: str, layout: Path, log: Path) -> None:
        """Write an image into an OCI layout, under its name."""

    def tidy(self) -> None:
        """Remove working containers and mounts that a build left."""

    def forget(self, logs: Iterable[Path]) -> None:
        """Remove layers that none of the builds of these logs made or used."""
