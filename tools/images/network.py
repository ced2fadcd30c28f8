"""
What the steps of a build need to reach package registries from this machine.

Mirrors, proxies and certificates are the machine's own business: they are handed to the steps as
build secrets, which leave no trace in a layer, a label or the history of an image.
"""

import configparser
import io
import os
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

FOLDER = "/run/secrets"
"""Where a step of a build finds its secrets."""
HANDED_ON = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_PROXY",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "NPM_CONFIG_REGISTRY",
    "npm_config_registry",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""Variables that pip, uv and npm read, as this machine sets them."""
TRUST = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
)
"""Variables that name a file of certificates: Python's, pip's, requests', Node's, npm's."""
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/cert.pem",
)
PIP_FILES = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
NPM_FILES = ("/etc/npmrc", "~/.npmrc")
"""Where a machine says how pip and npm reach their registries, the stronger word last."""
VARIABLES = {"pip": "PIP_CONFIG_FILE", "npm": "NPM_CONFIG_USERCONFIG"}
"""Secret -> variable that names its file to the program."""


def script(environment: Mapping[str, str], files: Mapping[str, Path]) -> str:
    """Return what a step sources first: exports for what this machine sets, and for the files."""
    values = {name: environment[name] for name in HANDED_ON if environment.get(name)}
    if "certificates" in files:
        values.update(dict.fromkeys(TRUST, f"{FOLDER}/certificates"))
    values.update({VARIABLES[name]: f"{FOLDER}/{name}" for name in VARIABLES if name in files})
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def secrets(folder: Path) -> dict[str, Path]:
    """Write the script into a folder; return all secrets of a build by their names."""
    files = {}
    bundles = (os.environ.get("SSL_CERT_FILE", ""), *BUNDLES)
    bundle = next((Path(path) for path in bundles if path and Path(path).is_file()), None)
    if bundle:
        files["certificates"] = bundle
    for name, text in (("pip", merged(_texts(PIP_FILES))), ("npm", "\n".join(_texts(NPM_FILES)))):
        if text:
            files[name] = _write(folder / name, text)
    files["network"] = _write(folder / "network", script(os.environ, files))
    return files


def merged(texts: Iterable[str]) -> str:
    """Merge pip's files as pip does: each section once, the later word wins."""
    parser = configparser.RawConfigParser(strict=False)
    for text in texts:
        parser.read_string(text)
    with io.StringIO() as buffer:
        parser.write(buffer)
        return buffer.getvalue()


def _texts(places: Iterable[str]) -> list[str]:
    """What these files say, without those that are not there or may not be read."""
    texts = []
    for place in places:
        with suppress(OSError):
            texts.append(Path(place).expanduser().read_text())
    return texts


def _write(path: Path, text: str) -> Path:
    """Write a file that only its owner may read: addresses of mirrors may hold passwords."""
    path.touch(0o600)
    path.write_text(text)
    return path
