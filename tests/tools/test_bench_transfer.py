"""What the measurement of backups counts: bytes, peaks, shares, and a link that leaves no trace."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bench.transfer import data, link, rounds, timing


def test_the_data_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    told = data.make(tmp_path, 12 * 2**20)
    assert data.size_of(tmp_path) == told["bytes"] == 12 * 2**20
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == told["large_files"] + told["small_files"]


def test_another_byte_and_a_missing_file_are_noticed(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(b"1")
    data.check(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "x").write_bytes(b"2")
    with pytest.raises(RuntimeError, match="not restored"):
        data.check(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "x").unlink()
    with pytest.raises(RuntimeError, match="not restored"):
        data.check(tmp_path / "a", tmp_path / "b")


def test_a_run_tells_the_peak_of_the_program_alone(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "x = bytearray(80 * 10**6); print(sum(range(10**6)))"]
    found = timing.run(words, {}, tmp_path, os.getpid())
    assert 80 < found.peak_mb < 120
    assert found.output == "499999500000\n"
    assert 0 < found.cpu_seconds <= found.seconds + 0.1


def test_a_program_that_fails_is_no_figure(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; print('no room', file=sys.stderr); sys.exit(3)"]
    with pytest.raises(RuntimeError, match="ended with 3: no room"):
        timing.run(words, {}, tmp_path, os.getpid())


def test_a_share_is_the_median_of_the_rounds() -> None:
    def took(backup: float, restore: float) -> dict[str, dict[str, float]]:
        return {"backup": {"seconds": backup}, "restore": {"seconds": restore}}

    found = [
        {"raw": took(8, 1), "ours": took(10, 4)},
        {"raw": took(80, 1), "ours": took(100, 2)},
        {"raw": took(9, 1), "ours": took(3, 1)},
    ]
    assert rounds.shares(found, "ours", "raw") == {"backup": 0.8, "restore": 0.5}


def test_a_link_carries_and_is_gone_afterwards() -> None:
    interfaces = {name for _, name in socket.if_nameindex()}
    try:
        with link.link() as there:
            code = (
                "import socket; s = socket.create_server(('', 9)); print('up', flush=True);"
                "c, _ = s.accept(); c.sendall(b'far')"
            )
            words = [*there.wrapped, sys.executable, "-c", code]
            with subprocess.Popen(words, stdout=subprocess.PIPE) as far:
                assert far.stdout is not None
                assert far.stdout.readline() == b"up\n"
                with socket.create_connection((there.host, 9), timeout=5) as near:
                    assert near.recv(3) == b"far"
    except link.NoLinkError as error:
        pytest.skip(str(error))
    assert {name for _, name in socket.if_nameindex()} == interfaces
