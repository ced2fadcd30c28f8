"""An archive holds one image under its name, and is the same wherever it is written."""

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from tests.tools.images import samples
from tools.images import archive
from tools.images.errors import ImageError

NAME = "localhost/digital-human-images/operator:latest"
REFERENCE = "docker.io/example/operator:1"
LAYERS = [samples.layer(files) for files in (samples.BASE, samples.PACKAGES, samples.PROJECT)]


@pytest.fixture
def layout(tmp_path: Path) -> archive.Layout:
    samples.saved(tmp_path / "saved.tar", LAYERS)
    archive.from_docker(tmp_path / "saved.tar", tmp_path / "layout", NAME)
    return archive.find(tmp_path / "layout", NAME)


def test_what_docker_saves_becomes_a_layout_with_true_digests(layout: archive.Layout) -> None:
    for digest in layout.blobs():
        content = layout.blob(digest).read_bytes()
        assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert [layer["mediaType"] for layer in layout.manifest()["layers"]] == [archive.LAYER] * 3
    assert layout.config()["config"] == samples.CONFIG


def test_compressed_layers_are_left_as_they_are(tmp_path: Path) -> None:
    squeezed = [samples.compressed(one) for one in LAYERS]
    samples.saved(tmp_path / "saved.tar", squeezed)
    archive.from_docker(tmp_path / "saved.tar", tmp_path / "layout", NAME)
    layout = archive.find(tmp_path / "layout", NAME)
    found = [layer["digest"] for layer in layout.manifest()["layers"]]
    assert found == [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in squeezed]


def test_an_archive_names_its_one_image(layout: archive.Layout, tmp_path: Path) -> None:
    archive.write(layout, REFERENCE, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        (entry,) = json.load(tar.extractfile("index.json"))["manifests"]  # type: ignore[arg-type]
        files = {name for name in tar.getnames() if name.startswith("blobs/")}
    assert entry["digest"] == layout.digest
    assert set(entry["annotations"].values()) == {REFERENCE}
    assert files == {f"blobs/sha256/{blob.removeprefix('sha256:')}" for blob in layout.blobs()}


def test_the_same_image_gives_the_same_archive(layout: archive.Layout, tmp_path: Path) -> None:
    archive.write(layout, REFERENCE, tmp_path / "one.tar")
    archive.from_docker(tmp_path / "saved.tar", tmp_path / "again", NAME)
    archive.write(archive.find(tmp_path / "again", NAME), REFERENCE, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_blobs_of_earlier_images_go(layout: archive.Layout) -> None:
    stray = layout.folder / "blobs" / "sha256" / ("0" * 64)
    stray.write_bytes(b"of an image before")
    archive.forget_others(layout.folder)
    assert not stray.exists()
    assert all(layout.blob(digest).is_file() for digest in layout.blobs())


def test_a_layout_without_the_image_is_told(layout: archive.Layout) -> None:
    with pytest.raises(ImageError, match=r"no image other:1 into .*: remove the folder"):
        archive.find(layout.folder, "other:1")


def test_something_else_than_a_saved_image_is_told(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "saved.tar", "w"):
        pass
    with pytest.raises(ImageError, match=r"no manifest\.json: update Docker"):
        archive.from_docker(tmp_path / "saved.tar", tmp_path / "layout", NAME)
