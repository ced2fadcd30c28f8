"""
Where the API server is and how to prove who we are.

Both sources come from the official client's configuration loaders, so that every authentication
that kubectl understands (client certificates, exec plugins, OIDC, tokens in files) works here. The
token is asked for again before each request, because bound ServiceAccount tokens are replaced on
disk about once an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubernetes.client import Configuration
from kubernetes.config import load_kube_config
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.kube_config import list_kube_config_contexts

# A bound token lives an hour and is replaced on disk after 80 % of that; a minute is soon enough.
TOKEN_MAX_AGE = 60.0


class CredentialsError(Exception):
    """Neither a kubeconfig nor a ServiceAccount can be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A server (``https://host:port``), its TLS settings, and a source of bearer tokens."""

    server: str
    ssl_context: ssl.SSLContext | None
    token: Callable[[], str | None]
    default_namespace: str


class _CachedToken:
    """Asks the source at most once a minute; a file that cannot be read keeps the last token."""

    def __init__(
        self, source: Callable[[], str | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._clock = clock
        self._token = source()
        self._read_at = clock()

    def __call__(self) -> str | None:
        if self._clock() - self._read_at >= TOKEN_MAX_AGE:
            self._read_at = self._clock()
            with contextlib.suppress(OSError, ConfigException):
                self._token = self._source()
        return self._token


def from_service_account(directory: Path, host: str, port: str) -> Credentials:
    """
    Credentials of a Pod: ``token``, ``ca.crt`` and ``namespace`` in ``directory``.

    Raises CredentialsError when the token or the certificate authority is missing.
    """
    token, ca = directory / "token", directory / "ca.crt"
    for path in (token, ca):
        if not path.is_file():
            raise CredentialsError(
                f"{path} is missing: outside a Pod give --kubeconfig, inside one let the Pod mount "
                "its ServiceAccount token (automountServiceAccountToken)"
            )
    namespace = directory / "namespace"
    address = f"[{host}]" if ":" in host else host
    try:
        return Credentials(
            server=f"https://{address}:{port}",
            ssl_context=ssl.create_default_context(cafile=str(ca)),
            token=_CachedToken(lambda: token.read_text(encoding="utf-8").strip()),
            default_namespace=namespace.read_text("utf-8").strip()
            if namespace.exists()
            else "default",
        )
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise CredentialsError(
            f"the ServiceAccount in {directory} cannot be used ({_one_line(error)}): delete the"
            " Pod, so that it gets a new one"
        ) from error


def from_kubeconfig(path: str | None, context: str | None) -> Credentials:
    """
    Credentials of a kubeconfig; ``path=None`` follows ``$KUBECONFIG`` and then the home folder.

    Raises CredentialsError when there is none or when it cannot be used.
    """
    try:
        return _from_kubeconfig(path, context)
    except Exception as error:  # the loader stumbles in many ways over a bad file
        raise CredentialsError(
            f"the kubeconfig cannot be used ({_one_line(error)}): name a good one with"
            " --kubeconfig or in KUBECONFIG, and one of its contexts with --context"
        ) from error


def _from_kubeconfig(path: str | None, context: str | None) -> Credentials:
    configuration = Configuration()
    configuration.host = ""
    load_kube_config(  # type: ignore[no-untyped-call]
        config_file=path, context=context, client_configuration=configuration
    )
    if not configuration.host:
        raise ConfigException("its cluster has no server")
    contexts, active = list_kube_config_contexts(  # type: ignore[no-untyped-call]
        config_file=path
    )
    chosen = next((c for c in contexts if c["name"] == context), active) if context else active
    return Credentials(
        server=configuration.host,
        ssl_context=_ssl_context(configuration),
        token=_CachedToken(lambda: _bearer(configuration)),
        default_namespace=chosen.get("context", {}).get("namespace") or "default",
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _bearer(configuration: Configuration) -> str | None:
    """The token without its scheme; runs exec plugins again when theirs has expired."""
    header = configuration.get_api_key_with_prefix("BearerToken")
    if not header:
        return None
    scheme, _, token = str(header).strip().partition(" ")
    return token if scheme.lower() == "bearer" else str(header)


def _ssl_context(configuration: Configuration) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


async def fresh_token(credentials: Credentials) -> str | None:
    """The current token, asked for off the event loop: an exec plugin may take seconds."""
    return await asyncio.to_thread(credentials.token)
