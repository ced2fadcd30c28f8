"""A Redis that can be stopped in the middle of a conversation, and a certificate of our own."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.runtime.session.conftest import RedisServer


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A server of one test."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@dataclass(frozen=True)
class Certificates:
    """An authority, a certificate for 127.0.0.1, and one for a client."""

    folder: Path

    def path(self, name: str) -> Path:
        """A file: ca.crt, tls.crt, tls.key, client.crt, client.key."""
        return self.folder / name


def _openssl(*words: str) -> None:
    subprocess.run(("openssl", *words), check=True, capture_output=True, timeout=30)


def sign(folder: Path, name: str) -> None:
    """Make NAME.key and NAME.crt, signed by the authority of the folder."""
    key, request, cert = (str(folder / f"{name}{end}") for end in (".key", ".csr", ".crt"))
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl("req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    authority = ("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"))
    _openssl(
        *("x509", "-req", "-in", request, "-out", cert, "-days", "2", *authority),
        *("-CAcreateserial", "-extfile", str(extensions)),
    )


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made anew for each run."""
    folder = tmp_path_factory.mktemp("certificates")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt"))
    _openssl("req", "-x509", *curve, *files, "-days", "2", "-subj", "/CN=Test authority")
    for name in ("tls", "client"):
        sign(folder, name)
    return Certificates(folder)
