"""Why a program that fetches or builds something failed, as far as what it said tells.

Standard library only: this runs before anything is installed.
"""

import errno

OFFLINE = (
    "temporary failure in name resolution",  # Python, apt
    "temporary failure resolving",  # apt
    "network is unreachable",
    "newconnectionerror",  # pip
    "dns error",  # uv
    "eai_again",  # npm
    "enotfound",
    "no such host",  # go
    "i/o timeout",
    "tls handshake timeout",
)
"""What programs say when they reach nobody, in small letters."""
FULL = "no space left on device"
ABOVE = "see above; mostly it is the network, the proxy (HTTPS_PROXY) or a full disk"
"""For programs whose output is shown as it comes: what to look for in it."""
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def is_offline(said: str) -> bool:
    """Whether a program reached nobody."""
    return any(sign in said.lower() for sign in OFFLINE)


def is_full(said: str) -> bool:
    """Whether a program found no room on a disk."""
    return FULL in said.lower()


def unwritable(error: OSError) -> str:
    """Say what file could not be written and what to do; empty where it is something else."""
    if error.errno not in _OF_THE_DISK:
        return ""
    place = error.filename or "A file"
    return f"{place} could not be written: {error.strerror}. Make room, or make it yours."
