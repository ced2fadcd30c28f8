import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tools import talk
from tools.cache import ROOT
from tools.cluster import processes
from tools.runtime_process import PORTS

PAGE = ROOT / "runtime" / "digital_human_runtime" / "page" / "index.html"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the page is not built: make page")


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tools.talk", "--folder", str(folder), *more]


def address(said: str) -> str:
    """The line that is nothing but the address."""
    return next(line for line in said.splitlines() if line.startswith("http://"))


def _until_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    while "http://" not in said:
        line = process.stdout.readline()
        assert line
        said += line
    return said


def test_it_can_be_left_running_and_ended_later(tmp_path: Path) -> None:
    begun = subprocess.run(
        command(tmp_path, "--detach"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert begun.returncode == 0, begun.stderr
    try:
        url = address(begun.stdout)
        assert httpx2.get(f"{url}health").status_code == 200
        assert "<html" in httpx2.get(url).text
        assert talk.main(["--folder", str(tmp_path), "--detach"]) == 1
        (recorded,) = processes.load(tmp_path / "runtime.pid.json")
        assert processes.is_running(recorded)
    finally:
        assert talk.main(["--folder", str(tmp_path), "--stop"]) == 0
    assert not processes.is_running(recorded)
    assert talk.main(["--folder", str(tmp_path), "--stop"]) == 0


def test_two_that_start_at_once_talk_at_addresses_of_their_own(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    begun = [
        subprocess.Popen(command(one, "--detach"), cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for one in folders
    ]
    try:
        urls = {address(process.communicate(timeout=120)[0]) for process in begun}
        assert [process.returncode for process in begun] == [0, 0]
        assert len(urls) == len(folders)
        assert all(httpx2.get(f"{url}health").status_code == 200 for url in urls)
        assert all(talk.running(one) for one in folders)
    finally:
        for process, folder in zip(begun, folders, strict=True):
            process.kill()
            process.wait()
            talk.stop(folder)


def test_an_address_of_another_machine_is_refused_in_a_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert talk.main(["--folder", str(tmp_path), "--host", "192.0.2.1", "--detach"]) == 1
    told = capfd.readouterr().err.splitlines()[-1]
    assert told == "talk: 192.0.2.1:8000 cannot be served: Cannot assign requested address"


def test_in_the_foreground_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with socket.socket() as taken:  # somebody else has the first choice of a port
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            taken.bind(("127.0.0.1", PORTS["HTTP"]))
            taken.listen()
        process = subprocess.Popen(
            command(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            said = _until_address(process)
            assert not address(said).endswith(f":{PORTS['HTTP']}/")
            (recorded,) = processes.load(tmp_path / "runtime.pid.json")
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
            left = processes.is_running(recorded)
        finally:
            process.kill()
            process.wait()
            talk.stop(tmp_path)
    assert process.returncode == 0
    assert "Ending." in rest
    assert not left


def test_what_a_file_configures_is_not_overridden_by_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_NAME", "llama3:70b")
    monkeypatch.setenv("DIGITAL_HUMAN_VOICE", "de")
    config = tmp_path / "runtime.json"
    config.write_text('{"name": "grace", "llm": {"builtin": {}}}')
    url = talk.serve(tmp_path, config)
    try:
        version = httpx2.get(f"{url}version").json()
        assert (version["name"], version["model"]) == ("grace", "builtin")
    finally:
        talk.stop(tmp_path)
