"""
Giving an object to the owner that its manifest names: only while that one is there to stay.

An orphaning deletion takes the owner from every child, and the owner goes when all are free. Who
put it back in between would hand the child to the garbage collector, its data with it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .client import ApiClient
from .desired import Desired
from .errors import Conflict, NotFound
from .resources import Resource


class Owners:
    """Asks the API server about owners, which are of one of ``kinds``."""

    def __init__(self, client: ApiClient, kinds: Iterable[Resource]) -> None:
        self._client = client
        self._kinds = {kind.kind: kind for kind in kinds}

    async def confirm(self, desired: Desired) -> None:
        """
        Raise Conflict when the owner of the manifest is gone or leaving.

        To be asked after the object was seen without an owner, of which the write then makes sure
        by its version: so what a deletion has let go is never given back to who is leaving by it. A
        manifest without owner may be written.
        """
        for owner in desired.owners:
            if not await self._stays(desired.namespace, owner["kind"], owner["name"], owner["uid"]):
                raise Conflict(
                    f"{desired.ref} is not given to {owner['kind']} {owner['name']}, which is gone"
                    " or on its way out"
                )

    async def _stays(self, namespace: str, kind: str, name: str, uid: str) -> bool:
        try:
            raw = await self._client.get(self._kinds[kind], namespace, name, metadata_only=True)
        except NotFound:
            return False
        metadata = msgspec.json.decode(raw)["metadata"]
        return metadata["uid"] == uid and "deletionTimestamp" not in metadata
