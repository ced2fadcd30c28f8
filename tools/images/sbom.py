"""
The bill of materials of an image, as a CycloneDX document.

cyclonedx-python-lib knows the format and checks it; what an image holds is read from its own
layers, so the document tells of what is shipped and not of what was asked for. syft would find the
same, but takes minutes to build; cyclonedx-bom knows Python environments only.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tools.images import contents
from tools.images.contents import Contents

BUNDLED = {"espeakng-loader": ("espeak-ng", "1.52.0", "GPL-3.0-or-later")}
"""Python package -> the program of others that it brings along and does not tell of."""
UNSAID = {"UNKNOWN", ""}


def document(held: Contents, *, reference: str, digest: str, labels: dict[str, str]) -> str:
    """Return the document about an image; the same image always gives the same text."""
    repository, _, tag = reference.rpartition(":")
    image = Component(
        name=repository,
        version=tag,
        type=ComponentType.CONTAINER,
        bom_ref=f"{repository}@{digest}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))],
        licenses=_licences([labels.get("org.opencontainers.image.licenses", "")]),
        properties=[Property(name=name, value=value) for name, value in sorted(labels.items())],
    )
    debian = _debian(held, _distribution(held.os_release))
    found = {
        str(component.bom_ref): component
        for component in (*debian, *_python(held), *_npm(held), *_programs(held))
    }
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{reference}@{digest}"),
        metadata=BomMetaData(component=image, timestamp=datetime.fromtimestamp(0, UTC)),
        components=found.values(),
    )
    bom.register_dependency(image, found.values())
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _distribution(os_release: str) -> tuple[str, str]:
    """Name and version of a distribution, as package URLs call them."""
    pairs = (line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    values = {name: value.strip('"') for name, value in pairs}
    return values.get("ID", "debian"), values.get("VERSION_ID", "")


def _debian(held: Contents, distribution: tuple[str, str]) -> Iterator[Component]:
    """Debian's packages."""
    vendor, version = distribution
    for package in contents.debian_packages(held.status):
        qualifiers = {"arch": package["Architecture"]}
        if version:
            qualifiers["distro"] = f"{vendor}-{version}"
        yield _component(
            PackageURL("deb", vendor, package["Package"], package["Version"], qualifiers),
            package.get("Description", ""),
            contents.licences_of(package["Package"], held),
        )


def _python(held: Contents) -> Iterator[Component]:
    """Python's packages, and what they bring along."""
    for headers in held.metadata.values():
        single = dict(headers)
        name = single["Name"].lower().replace("_", "-")
        yield _component(
            PackageURL("pypi", None, name, single["Version"]),
            single.get("Summary", ""),
            _python_licence(headers),
        )
        if name in BUNDLED:
            other, version, licence = BUNDLED[name]
            text = f"brought along by {name}"
            yield _component(PackageURL("generic", None, other, version), text, [licence])


def _npm(held: Contents) -> Iterator[Component]:
    """What the avatar page is bundled from."""
    for name, version, licence in held.npm:
        scope, _, short = name.rpartition("/")
        url = PackageURL("npm", scope or None, short, version)
        yield _component(url, "bundled into the avatar page", [licence])


def _programs(held: Contents) -> Iterator[Component]:
    """Programs that came from other images."""
    for name, version, licence in held.programs:
        yield _component(PackageURL("generic", None, name, version), "", [licence])


def _python_licence(headers: list[list[str]]) -> list[str]:
    """The licence of a Python package: as an expression, as a short text, or as classifiers say."""
    single = dict(headers)
    if single.get("License-Expression"):
        return [single["License-Expression"]]
    stated = single.get("License", "").strip()
    if stated not in UNSAID and len(stated.splitlines()) == 1:
        return [stated]
    said = [value for name, value in headers if name == "Classifier"]
    return [value.rpartition(" :: ")[2] for value in said if value.startswith("License ::")]


def _component(url: PackageURL, description: str, licences: list[str]) -> Component:
    """Return the entry of one package."""
    return Component(
        name=f"{url.namespace}/{url.name}" if url.type == "npm" and url.namespace else url.name,
        version=url.version,
        purl=url,
        bom_ref=url.to_string(),
        description=description or None,
        licenses=_licences(licences),
    )


def _licences(names: list[str]) -> list[License]:
    """SPDX names and expressions where they are such; a document may hold one expression only."""
    factory = LicenseFactory()
    if len(names) == 1:
        return [factory.make_from_string(names[0])] if names[0] else []
    return [factory.make_with_name(name) for name in sorted(set(names))]
