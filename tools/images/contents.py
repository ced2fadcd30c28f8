"""
What the layers of an image hold: sizes, Debian's and Python's packages.

Each layer is read once, and what was found is kept in the cache by its digest: after a change of
code only the small layer of the project is read.
"""

import gzip
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from email.parser import HeaderParser

from tools.cache import cache_root
from tools.images.archive import PIECE, Layout

STORE = "images/contents"
FORMAT = 3
"""Part of the name of what is kept: another format is read anew."""
STATUS = "var/lib/dpkg/status"
COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)/copyright")
SAME_COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)")
COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z]+(?:-[0-9]+(?:\.[0-9]+)*)?)")
"""How a copyright file in free words names the licences that Debian ships once."""
METADATA = re.compile(r".*\.dist-info/METADATA")
OS_RELEASE = "usr/lib/os-release"
THIRD_PARTY = re.compile(r".*/page/THIRD-PARTY\.txt")
BUNDLED = re.compile(r"^(\S+) (\d\S*) \((.+)\)$", re.MULTILINE)
"""How the avatar page's notice names each package that it was bundled from."""
NOTICE = re.compile(r"usr/local/share/doc/[^/]+/NOTICE")
"""Says in the same form what a program is that came from another image."""
WHITEOUT = ".wh."
HEADERS = ("Name", "Version", "Summary", "License-Expression", "License", "Home-page", "Classifier")


@dataclass
class Contents:
    """What one layer, or all of them together, holds."""

    size: int = 0
    """Bytes of the layer, not compressed."""
    status: str = ""
    """What dpkg knows of its packages."""
    licences: dict[str, list[str]] = field(default_factory=dict)
    """Debian package -> short names of the licences in its copyright file."""
    same_licences: dict[str, str] = field(default_factory=dict)
    """Debian package -> the one whose copyright file it shares."""
    metadata: dict[str, list[list[str]]] = field(default_factory=dict)
    """Path of a Python package's metadata -> its headers."""
    npm: list[list[str]] = field(default_factory=list)
    """Name, version and licence of what the avatar page was bundled from."""
    programs: list[list[str]] = field(default_factory=list)
    """Name, version and licence of programs from other images."""
    os_release: str = ""
    removed: list[str] = field(default_factory=list)
    """Paths that are gone with this layer."""


def of_image(layout: Layout) -> tuple[Contents, list[int]]:
    """Return what an image holds, and the size of each layer without compression."""
    layers = [_layer(layout, layer["digest"]) for layer in layout.manifest()["layers"]]
    return merged(layers), [layer.size for layer in layers]


def merged(layers: Iterable[Contents]) -> Contents:
    """Lay layers over each other: what a later one removes or changes is not there any more."""
    image = Contents()
    for layer in layers:
        for path in layer.removed:
            image.metadata = {
                name: headers
                for name, headers in image.metadata.items()
                if name != path and not name.startswith(f"{path}/")
            }
        image.size += layer.size
        image.status = layer.status or image.status
        image.os_release = layer.os_release or image.os_release
        image.npm = layer.npm or image.npm
        image.programs += layer.programs
        image.licences |= layer.licences
        image.same_licences |= layer.same_licences
        image.metadata |= layer.metadata
    return image


def read(source: gzip.GzipFile) -> Contents:
    """Read a layer from its start to its end."""
    found = Contents()
    with tarfile.open(fileobj=source, mode="r|") as layer:
        for member in layer:
            path = member.name.removeprefix("./")
            folder, _, name = path.rpartition("/")
            if name.startswith(WHITEOUT):
                found.removed.append(f"{folder}/{name.removeprefix(WHITEOUT)}".lstrip("/"))
            elif member.issym() and (shared := SAME_COPYRIGHT.fullmatch(path)):
                found.same_licences[shared[1]] = member.linkname.rpartition("/")[2]
            elif member.isfile():
                _note(found, path, lambda: _text(layer, member))  # noqa: B023 - used at once
    while source.read(PIECE):  # what fills up the tar
        pass
    found.size = source.tell()
    return found


def licences(copyright_file: str) -> list[str]:
    """Return the short names of the licences that a copyright file states or refers to."""
    if copyright_file.startswith("Format:"):
        stated = re.findall(r"^License:[ \t]*(\S.*)$", copyright_file, re.MULTILINE)
        return sorted({name.strip() for name in stated})
    return sorted(set(COMMON.findall(copyright_file)))


def licences_of(package: str, held: Contents) -> list[str]:
    """Return the licences of a Debian package, its own or those that it shares."""
    return held.licences.get(package) or held.licences.get(held.same_licences.get(package, ""), [])


def headers(metadata: str) -> list[list[str]]:
    """Return the headers of a Python package's metadata that matter here."""
    parsed = HeaderParser().parsestr(metadata)
    return [[name, value] for name, value in parsed.items() if name in HEADERS]


def _note(found: Contents, path: str, text: Callable[[], str]) -> None:
    """Note what a file tells of packages; it is read only where it matters."""
    if path == STATUS:
        found.status = text()
    elif path == OS_RELEASE:
        found.os_release = text()
    elif THIRD_PARTY.fullmatch(path):
        found.npm = [list(names) for names in BUNDLED.findall(text())]
    elif NOTICE.fullmatch(path):
        found.programs += [list(names) for names in BUNDLED.findall(text())]
    elif match := COPYRIGHT.fullmatch(path):
        if names := licences(text()):
            found.licences[match[1]] = names
    elif METADATA.fullmatch(path):
        found.metadata[path] = headers(text())


def _text(layer: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    """What a small file of a layer says."""
    file = layer.extractfile(member)
    return file.read().decode(errors="replace") if file else ""


def _layer(layout: Layout, digest: str) -> Contents:
    """What a layer of an image holds, read at most once on this machine."""
    kept = cache_root() / STORE / f"{digest.removeprefix('sha256:')}-{FORMAT}.json"
    if kept.is_file():
        return Contents(**json.loads(kept.read_text()))
    with gzip.open(layout.blob(digest)) as source:
        found = read(source)
    kept.parent.mkdir(parents=True, exist_ok=True)
    scratch = kept.with_suffix(".tmp")
    scratch.write_text(json.dumps(asdict(found)))
    scratch.rename(kept)
    return found


def debian_packages(status: str) -> Iterator[dict[str, str]]:
    """Installed packages of a dpkg status file: the fields of each, by their names."""
    for paragraph in status.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if fields.get("Status", "").endswith(" installed"):
            yield fields
