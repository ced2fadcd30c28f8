"""A runtime whose engines answer at once."""

from collections.abc import AsyncIterator

import pytest

from tests.runtime.support.serving import Running, running


@pytest.fixture
async def served() -> AsyncIterator[Running]:
    """A runtime without keys."""
    async with running() as found:
        yield found
