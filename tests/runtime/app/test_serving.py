"""An address that two processes take at the same time: the later one says which it was."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette

from digital_human_runtime.http_api.serving import AsgiServer, CannotListen, listen


async def test_an_address_taken_between_start_and_service_is_named() -> None:
    first = AsgiServer(Starlette(), listen("127.0.0.1:0"))
    address = f"127.0.0.1:{first.port}"
    second = AsgiServer(Starlette(), listen(address))  # nobody is listened to yet, so it can
    serving = asyncio.create_task(first.run_until_stopped())
    await first.up(serving)
    late = asyncio.create_task(second.run_until_stopped())
    with pytest.raises(CannotListen) as told:
        await second.up(late)
    assert str(told.value) == f"{address} cannot be served: Address already in use"
    first.should_exit = True
    await serving
