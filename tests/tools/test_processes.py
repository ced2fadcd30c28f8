"""Only the processes that were recorded get a signal."""

import dataclasses
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.cluster import processes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cluster's folder with a program in it."""
    program = shutil.which("sleep")
    assert program
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "etcd").symlink_to(program)
    return tmp_path


@pytest.fixture
def child(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([str(folder / "bin" / "etcd"), "60"]) as process:
        yield process
        process.kill()


def recorded(child: subprocess.Popen[bytes]) -> processes.Process:
    process = processes.started(child.pid)
    assert process
    return process


def test_records_survive_a_file(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    processes.save(tmp_path / "pids.json", [recorded(child)])
    assert processes.load(tmp_path / "pids.json") == [recorded(child)]


@pytest.mark.parametrize("text", ["", "{", "{}", '[{"pid": 1}]', "[1]"])
def test_a_broken_record_is_an_empty_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "pids.json").write_text(text)
    assert processes.load(tmp_path / "pids.json") == []


def test_the_recorded_process_is_stopped(child: subprocess.Popen[bytes]) -> None:
    assert processes.stop([recorded(child)]) == []
    assert child.wait() == -signal.SIGTERM


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    script = f"{ignore}; print(1, flush=True); signal.pause()"
    with subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout
        stubborn.stdout.readline()
        assert processes.stop([recorded(stubborn)], grace_seconds=0.2) == []
        assert stubborn.wait() == -signal.SIGKILL


@pytest.mark.parametrize("change", [{"start": 1}, {"command": ("/other/etcd",)}])
def test_a_later_process_with_the_same_pid_is_left_alone(
    change: dict[str, int | tuple[str, ...]], child: subprocess.Popen[bytes]
) -> None:
    stale = dataclasses.replace(recorded(child), **change)  # type: ignore[arg-type]
    assert not processes.is_running(stale)
    assert processes.stop([stale]) == []
    assert child.poll() is None


def test_a_record_of_somebody_elses_program_is_ignored(folder: Path) -> None:
    own = processes.inspect(os.getpid())
    assert own
    processes.save(folder / "pids.json", [own])
    assert processes.owned(folder, folder / "pids.json") == []


def test_processes_that_were_never_recorded_are_found(
    child: subprocess.Popen[bytes], folder: Path
) -> None:
    assert processes.owned(folder, folder / "pids.json") == [recorded(child)]


@pytest.mark.parametrize(("program", "expected"), [("kwokctl", True), ("tail", False)])
def test_a_kwokctl_that_works_on_the_folder_belongs_to_it(
    program: str, expected: bool, tmp_path: Path
) -> None:
    command = (f"/cache/{program}", "--kubeconfig", str(tmp_path / "kubeconfig"))
    assert processes.belongs_to(processes.Process(7, 1, command), tmp_path) is expected


def test_a_folder_that_begins_alike_is_another(
    child: subprocess.Popen[bytes], folder: Path
) -> None:
    assert processes.find(folder.with_name(folder.name[:-1])) == []


def test_a_process_with_spaces_and_brackets_in_its_name_is_understood(tmp_path: Path) -> None:
    stat = tmp_path / "7" / "stat"
    stat.parent.mkdir()
    stat.write_text("7 (a) b (c) S " + " ".join(str(number) for number in range(4, 53)))
    (tmp_path / "7" / "cmdline").write_bytes(b"/x/a) b (c\0--flag\0")
    assert processes.inspect(7, tmp_path) == processes.Process(7, 22, ("/x/a) b (c", "--flag"))


def test_a_zombie_counts_as_gone(tmp_path: Path) -> None:
    stat = tmp_path / "7" / "stat"
    stat.parent.mkdir()
    stat.write_text("7 (etcd) Z " + " ".join(["0"] * 49))
    (tmp_path / "7" / "cmdline").write_bytes(b"")
    assert processes.inspect(7, tmp_path) is None


def test_a_process_in_the_middle_of_its_exec_is_waited_for(tmp_path: Path) -> None:
    stat, cmdline = tmp_path / "7" / "stat", tmp_path / "7" / "cmdline"
    stat.parent.mkdir()
    stat.write_text("7 (sh) S " + " ".join(str(number) for number in range(4, 53)))
    cmdline.write_bytes(b"")
    later = threading.Timer(0.1, lambda: cmdline.write_bytes(b"/x/etcd\0"))
    later.start()
    found = processes.started(7, proc=tmp_path)
    later.join()
    assert found
    assert found.command == ("/x/etcd",)
    assert processes.is_running(found, tmp_path)
