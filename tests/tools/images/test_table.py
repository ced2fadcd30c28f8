"""The images are those that the Helm chart asks for, and hold what they may hold only."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from tools.cache import ROOT
from tools.images import base, bases, table
from tools.images.errors import ImageError

DOCKERFILES = sorted({image.dockerfile for image in table.IMAGES.values()})


def test_the_names_are_those_of_the_chart() -> None:
    values = yaml.safe_load(table.VALUES.read_text())
    chart = yaml.safe_load((table.VALUES.parent / "Chart.yaml").read_text())
    expected = {
        "operator": values["image"],
        "runtime-cpu": values["operands"]["runtime"],
        "backup": values["operands"]["tools"],
    }
    for name, asked in expected.items():
        assert asked["tag"] == ""  # the chart's appVersion
        reference = f"{asked['repository']}:{chart['appVersion']}"
        assert table.reference(table.IMAGES[name]) == reference


def test_every_image_has_a_name_of_its_own() -> None:
    names = [table.reference(image) for image in table.IMAGES.values()]
    assert len(set(names)) == len(names)


def test_the_gpu_image_is_built_only_when_it_is_asked_for() -> None:
    assert [image.name for image in table.chosen([])] == ["operator", "runtime-cpu", "backup"]
    assert [image.name for image in table.chosen(["all"])] == list(table.IMAGES)
    assert [image.name for image in table.chosen(["runtime-gpu", "operator"])] == [
        "operator",
        "runtime-gpu",
    ]


def test_an_unknown_image_is_one_sentence_with_the_known_ones() -> None:
    with pytest.raises(ImageError, match=r"no image tools: name operator, runtime-cpu"):
        table.chosen(["operator", "tools"])


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_dockerfile_starts_from_what_is_looked_for(dockerfile: str) -> None:
    text = (ROOT / dockerfile).read_text()
    for name, value in re.findall(r"^ARG (\w+)=(docker\S+)$", text, re.MULTILINE):
        assert value == (bases.REDIS if name == "REDIS_IMAGE" else base.DEFAULT)


def test_the_backup_s_redis_is_as_new_as_the_managed_one() -> None:
    """Redis reads no data of a newer one, and gives none back to an older one."""
    managed = yaml.safe_load(table.VALUES.read_text())["operands"]["redis"]
    repository, _, tag = bases.REDIS.partition(":")
    assert repository == managed["repository"]
    assert tag.partition("-")[0] == str(managed["tag"]).partition("-")[0]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_what_a_dockerfile_copies_is_let_in_and_there(dockerfile: str) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    text = (ROOT / dockerfile).read_text().replace("\\\n", " ")
    copied = [
        source.rstrip("/")
        for words in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for source in words.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(
            fnmatch(source, one) or one.startswith(f"{source}/") or source.startswith(f"{one}/")
            for one in allowed
        ), f"{source} is not let in by .dockerignore"


def test_what_builds_the_page_is_copied_whole(tmp_path: Path) -> None:
    text = (ROOT / "runtime/Dockerfile").read_text()
    copied = set(re.findall(r"\btools/\w+\.py\b", text))
    (tmp_path / "tools").mkdir()
    for name in copied:
        shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, "-S", "-c", "import tools.page; print(tools.page.__file__)"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.stdout.startswith(str(tmp_path)), found.stderr


def test_nothing_gets_in_unless_it_is_named() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"]
    assert lines[0] == "*"


@pytest.mark.parametrize("image", table.IMAGES.values(), ids=lambda image: image.name)
def test_an_image_ends_as_nobody_and_labelled(image: table.Image) -> None:
    text = (ROOT / image.dockerfile).read_text().replace("\\\n", " ")
    stage = text.split(f" AS {image.target}\n")[1].split("\nFROM ")[0]
    users = re.findall(r"^USER (\S+)$", stage, re.MULTILINE)
    assert users == ["65532:65532"]
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in stage


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_steps_that_need_a_registry_get_the_machine_s_ways_as_secrets(dockerfile: str) -> None:
    text = (ROOT / dockerfile).read_text().replace("\\\n", " ")
    online = re.compile(r"--require-hashes|page\.packages")
    steps = [step for step in re.findall(r"^RUN .+$", text, re.MULTILINE) if online.search(step)]
    assert steps
    for step in steps:
        for secret in ("network", "certificates", "pip", "npm"):
            assert f"--mount=type=secret,id={secret}" in step
    assert "://" not in text
