"""What an error of the server means: the sentence for the client, and whether to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import openai

from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault, TooLarge

_SHORTLY = 2.0  # seconds after which a server that failed may be back


class Failed(Exception):  # noqa: N818 - named for what happened
    """A try that failed before the first word."""

    def __init__(self, fault: RuntimeFault, *, again: bool) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.again = again
        """Whether another try, here or at another server, may succeed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom was asked for what; for the sentences."""

    server: str
    """host:port/path, without credentials."""
    model: str
    key_file: Path | None
    timeout: float

    def failed(self, error: Exception) -> Failed:
        """What the error of a try means."""
        if isinstance(error, RuntimeFault):
            return Failed(error, again=False)
        if isinstance(error, openai.APIStatusError):
            return self._answered(error)
        if isinstance(error, openai.APITimeoutError | TimeoutError):
            what = f"did not answer within {self.timeout:g} s"
        elif isinstance(error, openai.APIConnectionError):
            what = "cannot be reached"
        elif isinstance(error, openai.APIError):
            what = "gave up on the answer"
        else:
            what = "says what no OpenAI-compatible server says: check its address"
        return Failed(self._soon(f"{self._it} {what}"), again=True)

    def _answered(self, error: openai.APIStatusError) -> Failed:
        status = error.status_code
        if status == 429:
            return Failed(self._busy(error), again=True)
        if status >= 500 or status == 408:
            return Failed(self._soon(f"{self._it} failed ({status})"), again=True)
        if status in {401, 403}:
            return Failed(self._no_entry(status), again=False)
        return Failed(
            self._not_found(error) if status == 404 else self._refused(error), again=False
        )

    def broke_off(self, error: Exception | None = None) -> RuntimeFault:
        """The fault of an answer that ended in the middle."""
        if isinstance(error, RuntimeFault):
            return error
        if isinstance(error, openai.APITimeoutError | TimeoutError):
            return self._soon(f"{self._it} fell silent in the middle of an answer")
        return self._soon(f"{self._it} broke off in the middle of an answer")

    @property
    def _it(self) -> str:
        return f"the language model server at {self.server}"

    @staticmethod
    def _soon(sentence: str) -> EngineFault:
        return EngineFault(sentence, retry_after=_SHORTLY)

    def _busy(self, error: openai.APIStatusError) -> Busy:
        return Busy(
            f"{self._it} has too much to do: try again later",
            retry_after=retry_after(error.response.headers.get("retry-after")),
        )

    def _no_entry(self, status: int) -> EngineFault:
        if self.key_file is None:
            return EngineFault(f"{self._it} wants an API key ({status}): give it one in a file")
        return EngineFault(f"{self._it} refuses the key in {self.key_file} ({status}): replace it")

    def _not_found(self, error: openai.APIStatusError) -> EngineFault:
        if "model" in str(error.body).lower():
            return EngineFault(
                f"{self._it} knows no model {self.model}: pull it there or rename it"
            )
        return EngineFault(f"{self._it} does not speak OpenAI's API there: does its URL lack /v1?")

    def _refused(self, error: openai.APIStatusError) -> RuntimeFault:
        said = str(error.body).lower()
        if error.status_code == 413 or ("context" in said and "token" in said):
            return TooLarge(f"the conversation is longer than {self.model} takes: begin a new one")
        return EngineFault(f"{self._it} refused the request ({error.status_code})")


def retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None for neither."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
