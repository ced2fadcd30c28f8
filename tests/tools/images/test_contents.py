"""What layers hold: read once, laid over each other, and told as a valid bill of materials."""

import gzip
import io
import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.tools.images import samples
from tools.images import archive, contents, sbom

NAME = "localhost/digital-human-images/runtime:latest"
REFERENCE = "docker.io/example/human:1"


def read(files: dict[str, str]) -> contents.Contents:
    squeezed = io.BytesIO(samples.compressed(samples.layer(files)))
    return contents.read(gzip.GzipFile(fileobj=squeezed))


def held() -> contents.Contents:
    return contents.merged(
        read(files) for files in (samples.BASE, samples.PACKAGES, samples.PROJECT, samples.REDIS)
    )


def test_a_layer_tells_its_size_and_its_packages() -> None:
    found = read(samples.BASE)
    assert found.size == len(samples.layer(samples.BASE))
    assert [package["Package"] for package in contents.debian_packages(found.status)] == ["libc6"]
    assert found.licences == {"libc6": ["GPL-2", "LGPL-2.1+"]}


def test_what_a_later_layer_removes_is_not_there() -> None:
    gone = f"{samples.SITE}/.wh.rich-15.0.0.dist-info"
    image = contents.merged([read(samples.PACKAGES), read({gone: ""})])
    assert list(image.metadata) == [f"{samples.SITE}/espeakng_loader-0.2.4.dist-info/METADATA"]


def test_what_a_layer_removes_and_brings_again_is_there() -> None:
    path = f"{samples.SITE}/rich-15.0.0.dist-info"
    again = {f"{samples.SITE}/.wh.rich-15.0.0.dist-info": "", f"{path}/METADATA": "Name: rich\n"}
    image = contents.merged([read(samples.PACKAGES), read(again)])
    assert image.metadata[f"{path}/METADATA"] == [["Name", "rich"]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("This package was debianised by hand.\nLicense: see below\n", []),
        (
            "See /usr/share/common-licenses/GPL-3, and\n`/usr/share/common-licenses/LGPL-2.1'.",
            ["GPL-3", "LGPL-2.1"],
        ),
        ("See /usr/share/common-licenses/GPL-2.", ["GPL-2"]),
        ("Format: x\n\nLicense: MIT\nText of /usr/share/common-licenses/GPL-2\n", ["MIT"]),
    ],
    ids=["nothing known", "common ones", "at the end of a sentence", "stated ones"],
)
def test_a_copyright_file_names_licences(text: str, names: list[str]) -> None:
    assert contents.licences(text) == names


def test_packages_that_share_a_copyright_file_share_its_licences() -> None:
    image = read({**samples.BASE, "usr/share/doc/libc-bin": "->libc6"})
    assert contents.licences_of("libc-bin", image) == ["GPL-2", "LGPL-2.1+"]
    assert contents.licences_of("other", image) == []


def test_a_program_of_another_image_says_what_it_is() -> None:
    notice = "redis 7.4.3 (LicenseRef-RSALv2 OR SSPL-1.0)\n\nPrograms (all of them) of 1 firm.\n"
    image = contents.merged([read(samples.BASE), read({samples.NOTICE: notice})])
    assert image.programs == [["redis", "7.4.3", "LicenseRef-RSALv2 OR SSPL-1.0"]]


def test_a_layer_is_read_once(cache: Path, tmp_path: Path) -> None:
    samples.saved(tmp_path / "saved.tar", [samples.layer(samples.BASE)])
    archive.from_docker(tmp_path / "saved.tar", tmp_path / "layout", NAME)
    layout = archive.find(tmp_path / "layout", NAME)
    first = contents.of_image(layout)
    (layer,) = layout.manifest()["layers"]
    layout.blob(layer["digest"]).unlink()
    assert contents.of_image(layout) == first
    assert first[1] == [len(samples.layer(samples.BASE))]


def document() -> str:
    return sbom.document(
        held(), reference=REFERENCE, digest=f"sha256:{'a' * 64}", labels=samples.CONFIG["Labels"]
    )


def test_the_document_is_valid_and_the_same_each_time() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document()) is None
    assert document() == document()


def test_the_document_names_every_kind_of_part() -> None:
    parsed = json.loads(document())
    found = {part["purl"]: part.get("licenses") for part in parsed["components"]}
    assert found == {
        "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12": [
            {"license": {"name": "GPL-2"}},
            {"license": {"name": "LGPL-2.1+"}},
        ],
        "pkg:generic/espeak-ng@1.52.0": [{"license": {"id": "GPL-3.0-or-later"}}],
        "pkg:generic/redis@7.4.3": [{"license": {"name": "LicenseRef-RSALv2 OR SSPL-1.0"}}],
        "pkg:npm/%40fontsource/figtree@5.3.0": [{"license": {"id": "OFL-1.1"}}],
        "pkg:pypi/espeakng-loader@0.2.4": None,
        "pkg:pypi/rich@15.0.0": [{"license": {"id": "MIT"}}],
    }


def test_the_document_is_about_the_image() -> None:
    about = json.loads(document())["metadata"]["component"]
    assert (about["name"], about["version"]) == ("docker.io/example/human", "1")
    assert about["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
