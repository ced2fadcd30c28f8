"""What a build leaves: an archive, its parts and what is known of it, or nothing."""

import hashlib
import json
import shutil
from collections import namedtuple
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tools.images
from tests.tools.images import samples
from tools.images import archive, base, build, engines, programs, table
from tools.images.engine import BASES, Build
from tools.images.errors import ImageError

OPERATOR = table.IMAGES["operator"]
CHOICE = build.Choice(base="docker.io/example/base:1")
Disk = namedtuple("Disk", "free")


@dataclass
class Pretend:
    """An engine whose images are samples."""

    folder: Path
    layers: list[dict[str, str]] = field(
        default_factory=lambda: [samples.BASE, samples.PACKAGES, samples.PROJECT]
    )
    name: str = "pretend"
    fails_with: str = ""
    raises: type[BaseException] | None = None
    has_base: bool = True
    said: list[str] = field(default_factory=list)

    def has(self, reference: str) -> bool:
        return self.has_base

    def load_base(self, tar: Path, name: str) -> None:
        self.said.append(f"load {name}")

    def build(self, wanted: Build, context: Path, log: Path) -> bool:
        self.said.append(f"build {wanted.target}")
        log.write_text(self.fails_with)
        if self.raises:
            raise self.raises
        layers = [samples.layer(files) for files in self.layers]
        self.config = samples.saved(self.folder / "saved.tar", layers)
        return not self.fails_with

    def image_id(self, name: str) -> str:
        return f"sha256:{hashlib.sha256(json.dumps(self.config).encode()).hexdigest()}"

    def export(self, name: str, layout: Path, log: Path) -> None:
        self.said.append("export")
        archive.from_docker(self.folder / "saved.tar", layout, name)

    def tidy(self) -> None:
        self.said.append("tidy")

    def forget(self, logs: Iterable[Path]) -> None:
        self.said.append(f"forget {' '.join(sorted(log.name for log in logs))}")


@pytest.fixture
def engine(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    pretend = Pretend(tmp_path)
    monkeypatch.setattr(engines, "choose", lambda asked: pretend)
    return pretend


def run(tmp_path: Path, choice: build.Choice = CHOICE) -> dict[str, Any]:
    (known,) = build.build([OPERATOR], choice, tmp_path / "out")
    return known


def test_the_contract_holds(engine: Pretend, tmp_path: Path) -> None:
    known = run(tmp_path)
    out = tmp_path / "out"
    assert json.loads((out / "operator.json").read_text()) == known
    assert known["reference"] == f"{known['repository']}:{known['tag']}"
    assert known["reference"] == table.reference(OPERATOR)
    assert known["image_id"] == engine.image_id("")
    assert (out / known["archive"]).is_file()
    assert json.loads((out / known["sbom"]).read_text())["bomFormat"] == "CycloneDX"
    assert (known["engine"], known["base"]) == ("pretend", CHOICE.base)
    sizes = [len(samples.layer(files)) for files in engine.layers]
    assert [layer["uncompressed"] for layer in known["layers"]] == sizes
    assert known["uncompressed"] == sum(sizes)
    assert known["compressed"] == sum(layer["compressed"] for layer in known["layers"])
    assert [layer["step"] for layer in known["layers"]] == [
        "ADD base in /",
        "COPY packages",
        "COPY project",
    ]


def test_every_promise_of_the_package_is_kept(engine: Pretend, tmp_path: Path) -> None:
    known = run(tmp_path)
    promised = tools.images.__doc__ or ""
    for name in (*known, *known["layers"][0]):
        assert f'"{name}":' in promised


def test_an_image_that_did_not_change_is_not_written_again(engine: Pretend, tmp_path: Path) -> None:
    first = run(tmp_path)
    engine.said.clear()
    second = run(tmp_path)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert "export" not in engine.said


def test_another_program_writes_it_again(
    engine: Pretend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path)
    engine.said.clear()
    monkeypatch.setattr(build, "written_by", lambda: "another")
    assert run(tmp_path)["written_by"] == "another"
    assert "export" in engine.said


@pytest.mark.parametrize("file", ["operator.tar", "operator.cdx.json", "operator.json"])
def test_what_was_removed_is_written_again(engine: Pretend, tmp_path: Path, file: str) -> None:
    run(tmp_path)
    (tmp_path / "out" / file).unlink()
    run(tmp_path)
    assert (tmp_path / "out" / file).is_file()


def test_a_changed_image_replaces_the_one_before(engine: Pretend, tmp_path: Path) -> None:
    first = run(tmp_path)
    engine.layers.append({"opt/digital-human/new": "code"})
    second = run(tmp_path)
    assert first["digest"] != second["digest"]
    assert len(second["layers"]) == 4
    assert engine.said[-2:] == ["forget operator.log", "tidy"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("[Errno 28] No space left on device", r"not built, the disk is full: make room"),
        ("write /a: no space left on device", r"not built, the disk is full: make room"),
        ("NewConnectionError('<pip._vendor", r"cannot be reached: check the network"),
        ("it is broken\n", r"not built \(all it said is in .*operator.log\):\nit is broken"),
    ],
)
def test_a_failure_says_what_to_do_and_leaves_no_image(
    engine: Pretend, tmp_path: Path, said: str, sentence: str
) -> None:
    engine.fails_with = said
    with pytest.raises(ImageError, match=sentence):
        run(tmp_path)
    assert engine.said[-1] == "tidy"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["operator.log"]


def test_an_interrupted_build_leaves_what_was_there(engine: Pretend, tmp_path: Path) -> None:
    known = run(tmp_path)
    engine.raises = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert engine.said[-1] == "tidy"
    assert json.loads((tmp_path / "out" / "operator.json").read_text()) == known


def test_a_disk_that_is_almost_full_is_told_before_anything_starts(
    engine: Pretend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Disk(2 * 10**9))
    with pytest.raises(ImageError, match=r"operator needs 3 GB .* 2\.0 GB are free: make room"):
        run(tmp_path)
    assert "build operator" not in engine.said


def test_a_rebuild_needs_less_room(
    engine: Pretend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Disk(2 * 10**9))
    assert run(tmp_path)["name"] == "operator"


def test_a_base_that_is_nowhere_is_told(engine: Pretend, tmp_path: Path) -> None:
    engine.has_base = False
    with pytest.raises(ImageError, match=r"example/base:1 is neither here nor in a registry"):
        run(tmp_path)


def test_without_a_registry_the_bases_are_made_of_debian_packages(
    engine: Pretend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(kind: str, *, fresh: bool = False) -> Path:
        tar = tmp_path / f"bookworm-{kind.lower()}-0.tar"
        tar.write_text(kind)
        return tar

    monkeypatch.setattr(base, "ensure", made)
    engine.has_base = False
    known = run(tmp_path, build.Choice())
    loaded = [word for word in engine.said if word.startswith("load")]
    assert len(loaded) == 2
    assert loaded[0] == f"load {known['base']}"
    assert known["base"].startswith(f"{BASES}:bookworm-base-")


def test_the_revision_tells_of_changes_that_are_not_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {"rev-parse": "abc\n", "status": ""}

    def git(command: list[str]) -> str:
        return answers[command[3]]

    monkeypatch.setattr(programs, "answer", git)
    assert build.stamps()["REVISION"] == "abc"
    answers["status"] = " M runtime/a.py\n"
    assert build.stamps()["REVISION"] == "abc-dirty"
