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

    def read(self, piece: Piece) -> bytes:
        """Bytes of a file; BackupError when it is not any more what ``files`` said."""
