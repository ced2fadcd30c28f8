"""Images for a node: written the same each time, named as a mirror knows them, refused in words."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from tools.cluster import ClusterError
from tools.cluster.node import images, oci, registry
from tools.cluster.node.place import Place

IMAGE = oci.Image(
    "registry.example/probe:1", {"/bin/probe": b"program"}, entrypoint=("/bin/probe",)
)


def test_the_same_image_has_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.tar", tmp_path / "second.tar"
    assert oci.write(IMAGE, first) == oci.write(IMAGE, second)
    assert first.read_bytes() == second.read_bytes()


def test_what_is_written_is_an_image_layout_whose_digests_hold(tmp_path: Path) -> None:
    digest = oci.write(IMAGE, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        blobs = {
            f"sha256:{name.rpartition('/')[2]}": archive.extractfile(name).read()  # type: ignore[union-attr]
            for name in archive.getnames()
            if name.startswith("blobs/")
        }
    assert all(oci._digest(content) == name for name, content in blobs.items())
    manifest = json.loads(blobs[digest])
    [layer] = manifest["layers"]
    with tarfile.open(fileobj=io.BytesIO(blobs[layer["digest"]])) as files:
        assert files.getmember("bin/probe").mode == 0o755
    config = json.loads(blobs[manifest["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    assert config["config"]["User"] == "65532:65532"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("docker.io/aiqtoolkit/digital-human:0.1.0", ("aiqtoolkit/digital-human", "0.1.0")),
        ("localhost/base:1", ("base", "1")),
        ("host:5000/a/b:2", ("a/b", "2")),
        ("aiqtoolkit/digital-human:1", ("aiqtoolkit/digital-human", "1")),
    ],
)
def test_the_registry_knows_an_image_without_its_host(
    reference: str, expected: tuple[str, str]
) -> None:
    assert registry.repository_and_tag(reference) == expected


def test_a_pinned_name_has_no_tag() -> None:
    pushed = registry.Pushed("host:5000/a/b:2", "sha256:1")
    assert pushed.pinned == "host:5000/a/b@sha256:1"


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_broken_archive_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "operator.tar"
    archive.write_bytes(content)
    with pytest.raises(
        ClusterError, match=r"^\S+operator.tar cannot be sent to the registry.*make images"
    ):
        registry.push("127.0.0.1:1", archive)


def test_an_image_that_was_not_built_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"no image 'operator' in .*: run `make images`"):
        images.push_built(Place(tmp_path, 0), ["operator"], tmp_path)


def test_a_half_written_description_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "operator.json").write_text("{")
    with pytest.raises(ClusterError, match=r"operator\.json cannot be read"):
        images.push_built(Place(tmp_path, 0), [], tmp_path)
