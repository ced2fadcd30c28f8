"""One HTTP session and a token that renews itself; what goes wrong comes out as ApiError."""

from __future__ import annotations

import asyncio
import functools
import logging
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import aiohttp
import msgspec
from kubernetes.config.config_exception import ConfigException
from yarl import URL

from .credentials import TOKEN_MAX_AGE, Credentials, fresh_token
from .errors import Unauthorized, Unreachable, error_from

REQUEST_TIMEOUT = 30.0
CONNECT_TIMEOUT = 5.0
MAX_CONNECTIONS = 96  # 64 writes in flight, and a watch for each of some 30 kinds

# asyncio fills a buffer of 256 KiB for each connection; answers to one write need a fraction.
_TLS_BUFFER = 32 * 1024

Observe = Callable[[str, str, int, float], None]

_log = logging.getLogger(__name__)


def open_session(
    credentials: Credentials, *, connections: int = MAX_CONNECTIONS
) -> aiohttp.ClientSession:
    """
    The session that everything shares; environment proxies are not looked up per request.

    Each watch holds one of the ``connections`` for good: who watches many namespaces one by one
    asks for as many more.
    """
    SSLProtocol.max_size = _TLS_BUFFER
    connector = aiohttp.TCPConnector(
        limit=connections, ssl=credentials.ssl_context or True, keepalive_timeout=60
    )
    return aiohttp.ClientSession(connector=connector, trust_env=False)


class Transport:
    """Requests to one API server; ``observe`` is told verb, resource, status, seconds of each."""

    def __init__(
        self,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        user_agent: str,
        observe: Observe | None,
    ) -> None:
        self._credentials = credentials
        self._session = session
        self._user_agent = user_agent
        self._observe = observe
        self._token: str | None = None
        self._token_until = float("-inf")
        self._token_task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def request(
        self,
        verb: str,
        resource: str,
        method: str,
        url: URL,
        *,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - a setting of aiohttp, not our deadline
        data: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; translates answers of 400 and more and everything that aiohttp raises."""
        loop = asyncio.get_running_loop()
        started, code = loop.time(), 0
        try:
            async with self._session.request(
                method, url, headers=headers, data=data, timeout=timeout, allow_redirects=False
            ) as response:
                code = response.status
                if code >= 300:
                    body, wait = await response.read(), response.headers.get("Retry-After")
                    raise error_from(code, body, wait)
                yield response
        except Unauthorized:
            self._token_until = float("-inf")
            raise
        except TimeoutError as error:
            raise Unreachable(f"{verb} of {resource}: no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{verb} of {resource}: {error or type(error).__name__}") from error
        except msgspec.DecodeError as error:
            raise Unreachable(f"{verb} of {resource}: cannot be read: {error}") from error
        finally:
            if self._observe is not None:
                self._observe(verb, resource, code, loop.time() - started)

    def url(self, path: str, params: dict[str, str] | None = None) -> URL:
        """The address of ``path``, which needs no quoting."""
        query = _query(tuple(params.items())) if params else ""
        return URL(f"{self._credentials.server}{path}{query}", encoded=True)

    async def headers(self, accept: str) -> dict[str, str]:
        """Headers of one request, with the token of this moment."""
        headers = {"Accept": accept, "User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        if asyncio.get_running_loop().time() >= self._token_until:
            await self._refresh_token()
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    async def _refresh_token(self) -> None:
        """Ask for the token off the loop; only who has none at all waits for the answer."""
        if self._token_task is None or self._token_task.done():
            self._token_task = asyncio.create_task(self._ask_for_token())
            self._token_task.add_done_callback(_log_failure)
        if self._token is None:
            await asyncio.shield(self._token_task)

    async def _ask_for_token(self) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                self._token = await fresh_token(self._credentials)
        except (TimeoutError, OSError, ConfigException) as error:
            raise Unreachable(f"no token: {error or 'no answer in time'}") from error
        # The source keeps a token for TOKEN_MAX_AGE itself; asked twice as often, none is older.
        self._token_until = asyncio.get_running_loop().time() + TOKEN_MAX_AGE / 2


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.warning("the last token stays in use: %s", task.exception())


@functools.lru_cache(maxsize=256)
def _query(params: tuple[tuple[str, str], ...]) -> str:
    """The query of a URL; nearly all requests have one of a few."""
    return f"?{urlencode(params)}"
