"""A language model behind OpenAI's HTTP API, with failover until the first word is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import stamina
from openai import AsyncOpenAI, AsyncStream, BadRequestError, Timeout
from openai.types.chat import ChatCompletionChunk

from digital_human_runtime.engines.llm.openai.dialect import Dialect
from digital_human_runtime.engines.llm.openai.faults import Asked, Failed
from digital_human_runtime.engines.llm.openai.key import KeyFile
from digital_human_runtime.engines.llm.openai.probe import Probe
from digital_human_runtime.engines.llm.openai.rota import Rota
from digital_human_runtime.engines.llm.thoughts import Spoken
from digital_human_runtime.errors import EngineFault, RuntimeFault
from digital_human_runtime.frames import Check, FinishReason, Message
from digital_human_runtime.interfaces import untold

_CONNECT = 5.0  # seconds until a server counts as not there
_WAIT, _LONGEST_WAIT = 0.2, 2.0  # seconds between two tries at the same server
_REASONS: dict[str, FinishReason] = {"length": "length", "content_filter": "content_filter"}


@dataclass(slots=True)
class _Answer:
    """An answer whose first words are there."""

    asked: Asked
    chunks: AsyncStream[ChatCompletionChunk]
    first: str
    finished: FinishReason | None


class OpenAIModel:
    """
    Asks ``urls`` in turn, beginning with the one that answered last.

    Before the first word a try that fails is repeated at the next address, up to ``tries`` in all
    and at least once at each; ``timeout`` seconds are what one try may take, and what may pass
    between two pieces. After the first word nothing is repeated: it may have been spoken.
    """

    def __init__(
        self,
        *,
        urls: Sequence[str],
        model: str,
        api_key_file: Path | None = None,
        timeout: float = 30.0,
        tries: int = 3,
        probe_seconds: float = 15.0,
        probe_deadline: float = 5.0,
    ) -> None:
        self._urls = tuple(dict.fromkeys(urls))
        self._model = model
        self._key = KeyFile(api_key_file)
        self._timeout = timeout
        self._tries = max(tries, len(self._urls))
        self._probe_seconds = probe_seconds
        self._probe_deadline = probe_deadline
        self._dialect = Dialect()
        self._rota: Rota | None = None
        self._probe: Probe | None = None

    @property
    def name(self) -> str:
        """The name of the model as its server knows it."""
        return self._model

    async def start(self) -> None:
        """Connect and ask for the models; a server that is not there yet is asked again later."""
        if self._probe is not None:
            return
        servers = [(self._asked(url), self._client(url)) for url in self._urls]
        self._rota = Rota(servers)
        self._probe = Probe(
            servers,
            headers=self._key.headers,
            interval=self._probe_seconds,
            deadline=self._probe_deadline,
        )
        await self._probe.start()

    async def close(self) -> None:
        """Stop asking, and close every connection."""
        probe, self._probe = self._probe, None
        rota, self._rota = self._rota, None
        if probe is not None:
            await probe.close()
        if rota is not None:
            await asyncio.gather(*(client.close() for _, client in rota.servers))

    def check(self) -> Check:
        """How the servers stood when they were asked last."""
        if self._probe is None:
            return Check("model", ok=False, detail="the language model has not been started")
        return self._probe.check()

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        finished: Callable[[FinishReason], None] = untold,
    ) -> AsyncGenerator[str]:
        """Yield the answer; closing the generator closes the connection."""
        answer = await self._begin(messages, max_tokens, temperature)
        spoken = Spoken()
        try:
            if text := spoken.feed(answer.first):
                yield text
            async for chunk in self._rest(answer):
                if text := spoken.feed(chunk):
                    yield text
            if text := spoken.end():
                yield text
            finished(answer.finished or "stop")
        finally:
            await answer.chunks.close()

    async def _begin(
        self, messages: Sequence[Message], max_tokens: int, temperature: float
    ) -> _Answer:
        """Try until the first words are there; raises the fault of the last try."""
        if self._rota is None:
            raise EngineFault("the language model has not been started")
        turn = self._rota.turn()
        try:
            async for attempt in stamina.retry_context(
                on=turn.pause,
                attempts=self._tries,
                timeout=None,
                wait_initial=_WAIT,
                wait_max=_LONGEST_WAIT,
                wait_jitter=_WAIT,
            ):
                with attempt:
                    asked, client = turn.next()
                    answer = await self._try(asked, client, messages, max_tokens, temperature)
        except Failed as failed:
            raise failed.fault from failed
        turn.succeeded()
        return answer

    async def _try(
        self,
        asked: Asked,
        client: AsyncOpenAI,
        messages: Sequence[Message],
        max_tokens: int,
        temperature: float,
    ) -> _Answer:
        chunks = None
        try:
            async with asyncio.timeout(self._timeout):
                chunks = await self._create(client, messages, max_tokens, temperature)
                answer = await _first_words(asked, chunks)
        except BaseException as error:
            if chunks is not None:
                await chunks.close()
            if not isinstance(error, Exception):
                raise
            failed = asked.failed(error)
            self._note(asked, failed.fault)
            raise failed from error
        self._note(asked, None)
        return answer

    async def _create(
        self, client: AsyncOpenAI, messages: Sequence[Message], max_tokens: int, temperature: float
    ) -> AsyncStream[ChatCompletionChunk]:
        while True:
            told = self._dialect.parameters(self._model, messages, max_tokens, temperature)
            try:
                chunks: AsyncStream[ChatCompletionChunk] = await client.chat.completions.create(
                    **told, stream=True, extra_headers=self._key.headers
                )
            except BadRequestError as error:
                if not self._dialect.learned(error):
                    raise
            else:
                return chunks

    def _note(self, asked: Asked, fault: RuntimeFault | None) -> None:
        """Tell the probe how a try went; a server that is busy, or refuses a text, is well."""
        if self._probe is None:
            return
        if fault is None:
            self._probe.note(asked, ok=True, detail=f"{asked.model} at {asked.server}")
        elif isinstance(fault, EngineFault):
            self._probe.note(asked, ok=False, detail=fault.message)

    async def _rest(self, answer: _Answer) -> AsyncGenerator[str]:
        """What follows the first words; EngineFault when it ends before the model says so."""
        try:
            async for chunk in answer.chunks:
                text, finished = _read(chunk)
                answer.finished = answer.finished or finished
                if text:
                    yield text
        except Exception as error:
            raise answer.asked.broke_off(error) from error
        if answer.finished is None:
            raise answer.asked.broke_off()

    def _asked(self, url: str) -> Asked:
        parts = urlsplit(url)
        server = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
        return Asked(server, self._model, self._key.path, self._timeout)

    def _client(self, url: str) -> AsyncOpenAI:
        return AsyncOpenAI(
            base_url=url,
            api_key=self._key.provide,
            timeout=Timeout(self._timeout, connect=min(_CONNECT, self._timeout)),
            max_retries=0,
        )


async def _first_words(asked: Asked, chunks: AsyncStream[ChatCompletionChunk]) -> _Answer:
    """Read up to the first text, or to the end of an answer without any."""
    async for chunk in chunks:
        text, finished = _read(chunk)
        if text or finished:
            return _Answer(asked, chunks, text, finished)
    raise ValueError("an answer without a single choice")


def _read(chunk: ChatCompletionChunk) -> tuple[str, FinishReason | None]:
    """The text of a chunk, and why it is the last one, once the model says so."""
    if not chunk.choices:
        return "", None
    choice = chunk.choices[0]
    return choice.delta.content or "", _reason(choice.finish_reason)


def _reason(told: str | None) -> FinishReason | None:
    """What a server says, in our words; servers have more of them, such as ``eos_token``."""
    return None if told is None else _REASONS.get(told, "stop")
