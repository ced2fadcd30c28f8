"""Building images: bases, secrets, the engine, and what is left in build/images for others."""

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import trouble
from tools.cache import ROOT, cache_root, file_lock
from tools.images import archive, bases, contents, engines, network, programs, sbom, table
from tools.images.engine import OURS, Build, Engine
from tools.images.errors import ImageError
from tools.images.table import Image

OUT = ROOT / "build" / "images"
LAYOUTS = "images/layouts"
REBUILD = 2
"""A build whose layers are cached takes a part of the disk that one from nothing does: half."""


@dataclass(frozen=True)
class Choice:
    """What a person asked for beyond the images' names."""

    engine: str = ""
    base: str = ""
    redis: str = ""
    fresh_base: bool = False
    epoch: int = 0


def build(images: list[Image], choice: Choice, out: Path = OUT) -> Iterator[dict[str, Any]]:
    """Build images one after the other; yields what is known of each as soon as it is there."""
    engine = engines.choose(choice.engine)
    with file_lock(cache_root() / "images" / ".lock"):
        engine.tidy()  # what a killed build left
        for image in images:
            yield _build(image, engine, choice, out)


def _build(image: Image, engine: Engine, choice: Choice, out: Path) -> dict[str, Any]:
    """Build one image; half of one is never left behind."""
    out.mkdir(parents=True, exist_ok=True)
    layout = cache_root() / LAYOUTS / image.name
    need_space(image, out, cached=layout.is_dir())
    start = time.monotonic()
    log = out / f"{image.name}.log"
    with _left_tidy(engine), tempfile.TemporaryDirectory(prefix="digital-human-images-") as folder:
        wanted = Build(
            dockerfile=image.dockerfile,
            target=image.target,
            name=f"{OURS}images/{image.name}:latest",
            arguments={**_starts(image, engine, choice), **stamps()},
            secrets=network.secrets(Path(folder)),
            epoch=choice.epoch,
        )
        if not engine.build(wanted, ROOT, log):
            raise ImageError(failure(image, log))
        facts = {"engine": engine.name, "base": wanted.arguments["BASE"]}
        known = unchanged(image, engine.image_id(wanted.name), out)
        layout.parent.mkdir(parents=True, exist_ok=True)
        if not known:
            engine.export(wanted.name, layout, out / f".{image.name}.export.log")
            archive.forget_others(layout)
            known = _leave(image, archive.find(layout, wanted.name), facts, out)
        kept = layout.with_suffix(".log")
        shutil.copyfile(log, kept)
        engine.forget(kept.parent.glob("*.log"))
    known["seconds"] = round(time.monotonic() - start, 1)
    described = out / f"{image.name}.json"
    _replace(described, lambda path: _write(path, json.dumps(known, indent=1) + "\n"))
    return known


def unchanged(image: Image, image_id: str, out: Path) -> dict[str, Any]:
    """Return what is known of an image that was left before and is the same; else nothing."""
    described = out / f"{image.name}.json"
    if not described.is_file():
        return {}
    known: dict[str, Any] = json.loads(described.read_text())
    same = (
        known.get("written_by") == written_by()
        and known["image_id"] == image_id
        and known["reference"] == table.reference(image)
    )
    there = all((out / known[file]).is_file() for file in ("archive", "sbom"))
    return known if same and there else {}


def written_by() -> str:
    """Hash of this package: when it changes, what is known of an image is found out again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _starts(image: Image, engine: Engine, choice: Choice) -> dict[str, str]:
    """Return what the stages start from, as build arguments."""
    return bases.arguments(
        image, engine, asked=choice.base, redis=choice.redis, fresh=choice.fresh_base
    )


def stamps() -> dict[str, str]:
    """Return what the Dockerfiles cannot know and put into labels last, as build arguments."""
    found = {"VERSION": table.version()}
    commit = programs.answer(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    if commit:
        command = ["git", "-C", str(ROOT), "status", "--porcelain", "--", *table.sources()]
        changed = "-dirty" if programs.answer(command) else ""
        found["REVISION"] = f"{commit.strip()}{changed}"
    return found


def need_space(image: Image, folder: Path, *, cached: bool) -> None:
    """Refuse to start what would fill a disk."""
    needed = image.space // REBUILD if cached else image.space
    store = cache_root()
    store.mkdir(parents=True, exist_ok=True)
    for place in (folder, store):
        free = shutil.disk_usage(place).free
        if free < needed:
            raise ImageError(
                f"{image.name} needs {needed / 1e9:.0f} GB on the disk of {place}, and"
                f" {free / 1e9:.1f} GB are free: make room, or run `python -m tools.images clean`."
            )


def failure(image: Image, log: Path) -> str:
    """Say why a build failed, as far as its log tells."""
    said = log.read_text(errors="replace")
    if trouble.is_full(said):
        return (
            f"{image.name} was not built, the disk is full: make room, or run"
            " `python -m tools.images clean`."
        )
    if trouble.is_offline(said):
        return (
            f"{image.name} was not built, a package registry cannot be reached: check the network"
            f" and the proxy (HTTPS_PROXY, PIP_INDEX_URL, NPM_CONFIG_REGISTRY); log: {log}."
        )
    return f"{image.name} was not built (all it said is in {log}):\n{programs.tail(log)}"


@contextmanager
def _left_tidy(engine: Engine) -> Iterator[None]:
    """Remove working containers and their mounts, however a build ends."""
    try:
        yield
    finally:
        engine.tidy()


def _leave(
    image: Image, layout: archive.Layout, facts: dict[str, str], out: Path
) -> dict[str, Any]:
    """Write the archive and its parts; returns what is to be known of them, which comes last."""
    (out / f"{image.name}.json").unlink(missing_ok=True)
    reference = table.reference(image)
    _replace(out / f"{image.name}.tar", lambda path: archive.write(layout, reference, path))
    held, sizes = contents.of_image(layout)
    config = layout.config()
    parts = sbom.document(
        held, reference=reference, digest=layout.digest, labels=config["config"]["Labels"]
    )
    _replace(out / f"{image.name}.cdx.json", lambda path: _write(path, parts))
    return {
        "name": image.name,
        "reference": reference,
        "repository": table.repository(image),
        "tag": table.tag(image),
        "digest": layout.digest,
        "image_id": layout.manifest()["config"]["digest"],
        "archive": f"{image.name}.tar",
        "sbom": f"{image.name}.cdx.json",
        "compressed": sum(layer["size"] for layer in layout.manifest()["layers"]),
        "uncompressed": sum(sizes),
        "layers": layers(layout.manifest(), config, sizes),
        **facts,
        "written_by": written_by(),
    }


def layers(manifest: Any, config: Any, sizes: list[int]) -> list[dict[str, Any]]:
    """Return the layers with their sizes and the steps that made them."""
    history = [step for step in config.get("history", []) if not step.get("empty_layer")]
    steps = [step.get("created_by", "") for step in history]
    steps += [""] * (len(sizes) - len(steps))
    rows = zip(manifest["layers"], config["rootfs"]["diff_ids"], sizes, steps, strict=False)
    return [
        {
            "digest": layer["digest"],
            "diff_id": diff_id,
            "compressed": layer["size"],
            "uncompressed": size,
            "step": step.removeprefix("/bin/sh -c ").removeprefix("#(nop) ").strip(),
        }
        for layer, diff_id, size, step in rows
    ]


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside its place and rename it: half of one is never seen."""
    scratch = path.with_name(f".{path.name}.tmp")
    try:
        write(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
