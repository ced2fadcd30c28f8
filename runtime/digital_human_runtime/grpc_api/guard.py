"""Keys and tokens as metadata of a call; health checks need none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import grpc

from digital_human_runtime.access.gate import Gate
from digital_human_runtime.errors import NotAuthenticated

DRAIN_MESSAGES = 1000
DRAIN_SECONDS = 10.0
PAUSE_SECONDS = 1.0
"""Without a message: then the client waits for an answer."""
_OPEN = "/grpc.health.v1.Health/"


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc] # untyped
    """Lets a call pass that shows a valid key or token."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """The handler of the call, or one that refuses it."""
        found = await continuation(handler_call_details)
        if found is None or handler_call_details.method.startswith(_OPEN):
            return found
        metadata = handler_call_details.invocation_metadata or ()
        try:
            self._gate.principal({k: v for k, v in metadata if isinstance(v, str)})
        except NotAuthenticated as fault:
            return _refusing(found, fault.message)
        return found


async def _drain(requests: AsyncIterator[Any]) -> None:
    """Read what is sent, within bounds: a client that still writes would see another error."""
    with suppress(TimeoutError, StopAsyncIteration):
        async with asyncio.timeout(DRAIN_SECONDS):
            for _ in range(DRAIN_MESSAGES):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await anext(requests)


def _refusing(handler: grpc.RpcMethodHandler, sentence: str) -> grpc.RpcMethodHandler:
    """A handler of the same kind that answers UNAUTHENTICATED."""

    async def refuse(request: Any, context: grpc.aio.ServicerContext) -> None:
        if handler.request_streaming:
            await _drain(aiter(request))
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, sentence)

    kinds = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = kinds[handler.request_streaming, handler.response_streaming]
    return make(refuse, handler.request_deserializer, handler.response_serializer)
