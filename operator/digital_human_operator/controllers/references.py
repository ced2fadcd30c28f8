"""The Secrets and ConfigMaps that an object refers to: who is told of changes, what is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from digital_human_operator.human import Ref, Reference
from digital_human_operator.seen import Key

from .services import Services


def want(services: Services, key: Key, wanted: Iterable[Ref]) -> None:
    """Queue ``key`` when one of these changes, and when nothing else does."""
    services.references.want_only({(ref.kind, key[1], ref.name) for ref in wanted}, key)


async def read(
    services: Services, namespace: str, wanted: Sequence[Ref]
) -> Mapping[Ref, Reference | None]:
    """Keys and digest of each, never a value; None for what is not there."""
    found = await asyncio.gather(
        *(services.references.digest(ref.kind, namespace, ref.name) for ref in wanted)
    )
    return {
        ref: None if one is None else Reference(one.keys, one.digest, one.type)
        for ref, one in zip(wanted, found, strict=True)
    }
