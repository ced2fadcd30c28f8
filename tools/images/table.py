"""Which images exist: the Dockerfile, its target, and the name that the Helm chart calls it by."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from tools.cache import ROOT
from tools.images.errors import ImageError

VALUES = ROOT / "charts" / "digital-human-operator" / "values.yaml"
GIGABYTE = 10**9


@dataclass(frozen=True)
class Image:
    """One image."""

    name: str
    dockerfile: str
    target: str
    values: tuple[str, ...]
    """Path of its settings in the chart's values."""
    tag_suffix: str = ""
    compiler: bool = False
    """Whether it needs a base with a C compiler."""
    redis: bool = False
    """Whether it needs the programs of Redis."""
    space: int = 4 * GIGABYTE
    """Bytes that a build from nothing takes on the disk, caches included."""


_ALL = (
    Image("operator", "operator/Dockerfile", "operator", ("image",), space=3 * GIGABYTE),
    Image("runtime-cpu", "runtime/Dockerfile", "cpu", ("operands", "runtime")),
    Image(
        "backup",
        "backup/Dockerfile",
        "backup",
        ("operands", "tools"),
        redis=True,
        space=3 * GIGABYTE,
    ),
    Image(
        "runtime-gpu",
        "runtime/Dockerfile",
        "gpu",
        ("operands", "runtime"),
        tag_suffix="-gpu",
        compiler=True,
        space=48 * GIGABYTE,
    ),
)
IMAGES = {image.name: image for image in _ALL}
"""Every image by name."""
USUAL = ("operator", "runtime-cpu", "backup")
"""What is built when nobody asks for more: the GPU image takes gigabytes."""


def chosen(names: Iterable[str]) -> list[Image]:
    """Return the images that were asked for, in the table's order; none asked for: the usual."""
    wanted = set(names) or set(USUAL)
    if "all" in wanted:
        wanted = {*wanted - {"all"}, *IMAGES}
    unknown = sorted(wanted - set(IMAGES))
    if unknown:
        raise ImageError(
            f"There is no image {unknown[0]}: name {', '.join(IMAGES)}, or all for all of them."
        )
    return [image for image in _ALL if image.name in wanted]


def version() -> str:
    """The project's version, which is the chart's appVersion and the images' tag."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return str(project["project"]["version"])


def repository(image: Image) -> str:
    """Where the chart looks for an image."""
    settings: Any = yaml.safe_load(VALUES.read_text())
    for key in image.values:
        settings = settings[key]
    return str(settings["repository"])


def tag(image: Image) -> str:
    """The image's tag."""
    return f"{version()}{image.tag_suffix}"


def reference(image: Image) -> str:
    """The image's whole name, as Pods of the chart ask for it."""
    return f"{repository(image)}:{tag(image)}"


def sources() -> list[str]:
    """Return what images are made of, as git calls files: what .dockerignore lets in."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    return [".dockerignore", *sorted({image.dockerfile for image in _ALL}), *allowed]
