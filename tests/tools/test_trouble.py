"""What programs say without a network or without room on a disk is understood."""

import errno
import os

import pytest

from tools import trouble


@pytest.mark.parametrize(
    "said",
    [
        'Get "https://proxy.golang.org/x.zip": dial udp 10.0.0.1:53: network is unreachable',
        "dial tcp: lookup proxy.golang.org: no such host",
        "E: Failed to fetch http://a.org/a.deb  Temporary failure resolving 'a.org'",
        "connection broken by 'NewConnectionError('...: Failed to establish a new connection",
        "npm error code ENOTFOUND",
    ],
)
def test_no_network(said: str) -> None:
    assert trouble.is_offline(said)
    assert not trouble.is_full(said)


def test_no_room() -> None:
    said = "compile: writing output: write $WORK/b132/_pkg_.a: no space left on device"
    assert trouble.is_full(said)
    assert not trouble.is_offline(said)
    assert trouble.is_full("OSError: [Errno 28] No space left on device")


def test_something_else() -> None:
    assert not trouble.is_offline("main.go:1: no such thing")
    assert not trouble.is_full("main.go:1: no such thing")


def test_a_file_that_cannot_be_written_is_one_sentence() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/y")
    assert trouble.unwritable(full) == (
        "/x/y could not be written: No space left on device. Make room, or make it yours."
    )
    assert trouble.unwritable(FileNotFoundError(errno.ENOENT, "No such file", "/x")) == ""
