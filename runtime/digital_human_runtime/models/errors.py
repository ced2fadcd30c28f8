"""What can go wrong with weights; each message is one sentence that says what to do."""

from __future__ import annotations


class ModelsError(Exception):
    """The command failed; exit code 1."""

    exit_code = 1


class WrongError(ModelsError):
    """An argument that cannot be right; exit code 2."""

    exit_code = 2


class RefusedError(ModelsError):
    """Never fetched: a pickle, a name that leaves the folder; exit code 3."""

    exit_code = 3


class DamagedError(ModelsError):
    """A file is not what its digest says; exit code 4."""

    exit_code = 4
