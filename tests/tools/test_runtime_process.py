"""A runtime gets ports that nobody has, and only its own answer counts."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.support.loopback import serving
from tools import runtime_process
from tools.runtime_process import ANY, NAMES, NotStarted, choose, end, start


@pytest.fixture
def tried() -> list[int]:
    """Pids of all processes that were started."""
    return []


@contextmanager
def running(
    log: Path, tried: list[int], host: str = "127.0.0.1", **settings: str
) -> Iterator[runtime_process.Started]:
    def environment(addresses: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **addresses, **settings}

    found = start(environment, log, host=host, launched=tried.append)
    try:
        yield found
    finally:
        end(found.process)


@pytest.fixture
def other() -> Iterator[int]:
    """Port of another runtime, which says that it is ready."""

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with serving(Ready) as address:
        yield httpx2.URL(address).port or 0


def chosen_first(monkeypatch: pytest.MonkeyPatch, times: int = 1, **ports: int) -> None:
    """Let the first choices fall on ports that others take before the runtime does."""
    left = [times]

    def late(host: str, wanted: Mapping[str, int]) -> dict[str, int]:
        left[0] -= 1
        return {**choose(host, wanted), **(ports if left[0] >= 0 else {})}

    monkeypatch.setattr(runtime_process, "choose", late)


@pytest.mark.parametrize("name", ["GRPC", "HEALTH"])
def test_a_port_that_another_runtime_took_first_is_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: int, tried: list[int], name: str
) -> None:
    chosen_first(monkeypatch, **{name: other})
    with running(tmp_path / "log", tried) as found:
        assert found.ports[name] != other
        assert tried[-1] == found.process.pid
        assert len(tried) == 2
        assert not psutil.pid_exists(tried[0])
        assert httpx2.get(f"http://{found.address('HTTP')}/health").status_code == 200


def test_the_answer_of_another_runtime_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: int, tried: list[int]
) -> None:
    chosen_first(monkeypatch, runtime_process.TRIES, HEALTH=other)
    with (
        pytest.raises(NotStarted, match="others took the ports of the runtime 5 times") as told,
        running(tmp_path / "log", tried),
    ):
        pytest.fail("it counts")
    assert f"127.0.0.1:{other} cannot be served: Address already in use" in str(told.value)
    assert not any(psutil.pid_exists(pid) for pid in tried)


def test_a_runtime_that_ends_for_another_reason_is_not_started_again(
    tmp_path: Path, tried: list[int]
) -> None:
    wrong = {"DIGITAL_HUMAN_FACE_FPS": "31"}
    with (
        pytest.raises(NotStarted, match=r"ended while it started\.\n.*\n.*FACE_FPS"),
        running(tmp_path / "log", tried, **wrong),
    ):
        pytest.fail("it runs")
    assert len(tried) == 1


def test_one_that_is_never_ready_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: list[int]
) -> None:
    monkeypatch.setattr(runtime_process, "READY_SECONDS", 0.2)
    with pytest.raises(NotStarted, match="not ready after"), running(tmp_path / "log", tried):
        pytest.fail("it is ready")
    assert not psutil.pid_exists(tried[0])


def test_it_serves_at_the_loopback_address_of_version_six(tmp_path: Path, tried: list[int]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no ::1: {error}")
    with running(tmp_path / "log", tried, host="::1") as found:
        assert found.address("HTTP").startswith("[::1]:")
        assert httpx2.get(f"http://{found.address('HTTP')}/health").status_code == 200


def test_wanted_ports_are_kept_unless_somebody_has_them_and_no_two_are_the_same() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        found = choose("127.0.0.1", {**ANY, "HTTP": port})
    assert found["HTTP"] != port
    assert len(set(found.values())) == len(NAMES)
    assert choose("127.0.0.1", {"HTTP": port}) == {"HTTP": port}


def test_where_nobody_can_serve_is_said_at_once() -> None:
    with pytest.raises(NotStarted, match=r"192\.0\.2\.1:8000 cannot be served: Cannot assign"):
        choose("192.0.2.1", {"HTTP": 8000})
