"""
The database of Redis: copied by replication, checked in a scratch server, put back by replication.

Redis' own programs do it: redis-cli, redis-check-rdb and redis-server must be on PATH.
"""

from .check import Checked, checked
from .copy import copy
from .rename import rename
from .replace import replace
from .server import Server, check_version
from .subjects import Erased, check_erasable, erase, without

__all__ = [
    "Checked",
    "Erased",
    "Server",
    "check_erasable",
    "check_version",
    "checked",
    "copy",
    "erase",
    "rename",
    "replace",
    "without",
]
