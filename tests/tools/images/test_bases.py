"""What images start from: what was asked for, what a registry has, or Debian's packages."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools.images import base, bases, table
from tools.images.engine import BASES
from tools.images.errors import ImageError

OPERATOR, BACKUP = table.IMAGES["operator"], table.IMAGES["backup"]
OTHER = "registry.example.com/redis:7.4"


@dataclass
class Registry:
    """An engine that has some images, and loads others."""

    images: set[str]
    loaded: list[str] = field(default_factory=list)
    name: str = "pretend"

    def has(self, reference: str) -> bool:
        return reference in self.images

    def load_base(self, tar: Path, name: str) -> None:
        self.loaded.append(name)


@pytest.fixture(autouse=True)
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bases of Debian's packages, made in no time."""

    def made(kind: str, *, fresh: bool = False) -> Path:
        tar = tmp_path / f"bookworm-{kind.lower()}-0.tar"
        tar.write_text(kind)
        return tar

    monkeypatch.setattr(base, "ensure", made)


def start(
    image: table.Image, images: set[str], *, asked: str = "", redis: str = ""
) -> dict[str, str]:
    return bases.arguments(image, Registry(images), asked=asked, redis=redis)  # type: ignore[arg-type]


def test_only_what_needs_redis_is_told_of_it() -> None:
    everything = {base.DEFAULT, bases.REDIS}
    assert set(start(OPERATOR, everything)) == {"BASE", "BUILD_BASE"}
    assert start(BACKUP, everything) == {
        "BASE": base.DEFAULT,
        "BUILD_BASE": base.DEFAULT,
        "REDIS_IMAGE": bases.REDIS,
    }


def test_a_registry_of_one_s_own_may_have_redis() -> None:
    assert start(BACKUP, {base.DEFAULT, OTHER}, redis=OTHER)["REDIS_IMAGE"] == OTHER


def test_redis_of_an_image_runs_on_a_base_of_debian_packages() -> None:
    found = start(BACKUP, {bases.REDIS})
    assert found["REDIS_IMAGE"] == bases.REDIS
    assert found["BASE"].startswith(f"{BASES}:bookworm-base-")
    assert "LICENSES" not in found


def test_without_a_registry_redis_is_debian_s_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = start(BACKUP, set())
    assert found["BASE"] == found["REDIS_IMAGE"]
    assert found["BASE"].startswith(f"{BASES}:bookworm-redis_base-")
    assert found["BUILD_BASE"].startswith(f"{BASES}:bookworm-build_base-")
    assert found["LICENSES"] == "Apache-2.0"
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{bases.REDIS} is neither here nor in a registry that answers: backup")


@pytest.mark.parametrize(
    ("images", "redis", "missing"),
    [({base.DEFAULT}, "", bases.REDIS), ({base.DEFAULT}, OTHER, OTHER), (set(), OTHER, OTHER)],
    ids=["on a base of a registry", "asked for", "asked for without a registry"],
)
def test_a_redis_that_is_nowhere_is_one_sentence(
    images: set[str], redis: str, missing: str
) -> None:
    with pytest.raises(ImageError, match=f"^{missing} is neither here .* with --redis\\.$"):
        start(BACKUP, images, redis=redis)


def test_the_base_that_was_asked_for_has_to_be_there() -> None:
    with pytest.raises(ImageError, match=r"^example/base:1 is neither here nor"):
        start(BACKUP, {base.DEFAULT, bases.REDIS}, asked="example/base:1")
