"""Where the data of a backup comes from."""

from .base import Source
from .folder import FolderSource

__all__ = ["FolderSource", "Source"]
