"""Small images for tests, as engines write them."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
Description: GNU C Library: Shared libraries
 more about it

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
COPYRIGHT = "Format: https://www.debian.org/doc\n\nFiles: *\nLicense: LGPL-2.1+\n\nLicense: GPL-2\n"
SITE = "opt/digital-human/lib/python3.11/site-packages"
BASE = {
    "usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": STATUS,
    "usr/share/doc/libc6/copyright": COPYRIGHT,
}
PACKAGES = {
    f"{SITE}/espeakng_loader-0.2.4.dist-info/METADATA": "Name: espeakng-loader\nVersion: 0.2.4\n",
    f"{SITE}/rich-15.0.0.dist-info/METADATA": (
        "Name: rich\nVersion: 15.0.0\nLicense-Expression: MIT\nSummary: Text\n\nLong text.\n"
    ),
}
PROJECT = {
    f"{SITE}/digital_human_runtime/page/THIRD-PARTY.txt": (
        "The page contains these packages.\n\n@fontsource/figtree 5.3.0 (OFL-1.1)\n\ntext\n"
    )
}
NOTICE = "usr/local/share/doc/redis/NOTICE"
REDIS = {NOTICE: "redis 7.4.3 (LicenseRef-RSALv2 OR SSPL-1.0)\n\ntext\n"}
CONFIG: dict[str, Any] = {
    "User": "65532:65532",
    "Labels": {"org.opencontainers.image.licenses": "Apache-2.0"},
}


def layer(files: Mapping[str, str]) -> bytes:
    """A layer with these files, not compressed; `->there` is a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            if text.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, text.removeprefix("->")
                archive.addfile(member)
                continue
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def saved(path: Path, layers: list[bytes]) -> dict[str, Any]:
    """Write what `docker save` writes; returns the configuration."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": CONFIG,
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in layers],
        },
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD base in /"},
            {"created_by": "ENV A=b", "empty_layer": True},
            {"created_by": "COPY packages"},
            {"created_by": "COPY project"},
        ],
    }
    files = {f"{number}/layer.tar": one for number, one in enumerate(layers)}
    entry = {"Config": "c.json", "RepoTags": ["a:b"], "Layers": list(files)}
    files |= {"c.json": json.dumps(config).encode(), "manifest.json": json.dumps([entry]).encode()}
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return config


def compressed(one: bytes) -> bytes:
    """A layer, compressed."""
    return gzip.compress(one, mtime=0)
