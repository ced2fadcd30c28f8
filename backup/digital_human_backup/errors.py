"""What can go wrong with backups; each message is one sentence that says what to do."""

from __future__ import annotations


class BackupError(Exception):
    """The command failed, and another try may help; exit code 1."""

    exit_code = 1


class RefusedError(BackupError):
    """Another try cannot help: something has to be changed first; exit code 3."""

    exit_code = 3


class DamagedError(BackupError):
    """What lies in the store is not what was written; exit code 4."""

    exit_code = 4


class MissingError(BackupError):
    """The store holds no object of this name."""


class ExistsError(BackupError):
    """The store holds an object of this name, and a new one was to be written."""
