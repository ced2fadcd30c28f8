"""What every source does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from digital_human_backup.format.contents import FileFacts, Piece


class Source(Protocol):
    """Files of one part; any thread may read."""

    part: str

    def files(self) -> Sequence[FileFacts]:
        """All files, in the state that is going to be read."""

    def read_into(self, room: memoryview, piece: Piece) -> None:
        """
        Fill ``room`` with the bytes of a piece, as many as it has room for.

        BackupError when the file is not any more what ``files`` said.
        """
