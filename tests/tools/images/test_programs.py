"""Programs end with us: none is left behind, and how they go is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.images import programs
from tools.images.errors import ImageError

Program = Callable[[str, str], Path]


def run(path: Path, log: Path, seconds: float = 30) -> bool:
    return programs.run([str(path)], doing="building it", log=log, seconds=seconds)


def gone(pid: int) -> bool:
    """Whether a process has ended, or is a zombie that its new parent has not looked at yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(("code", "succeeded"), [(0, True), (3, False)])
def test_its_end_and_its_words_are_known(
    program: Program, tmp_path: Path, code: int, succeeded: bool
) -> None:
    path = program("tool", f"echo out; echo err >&2; exit {code}")
    assert run(path, tmp_path / "log") is succeeded
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_one_that_takes_too_long_ends_with_its_children(
    program: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(programs, "PROGRESS_SECONDS", 0.2)
    path = program("tool", f"sleep 600 &\necho $! > {tmp_path}/child\nwait")
    with pytest.raises(ImageError, match=r"^Building it took longer than"):
        run(path, tmp_path / "log", seconds=1)
    assert "building it … " in capsys.readouterr().err
    child = int((tmp_path / "child").read_text())
    assert gone(child)


def test_one_that_does_not_listen_is_killed(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PROGRESS_SECONDS", 0.1)
    monkeypatch.setattr(programs, "STOP_SECONDS", 0.2)
    path = program("tool", f"trap '' TERM\necho $$ > {tmp_path}/pid\nwhile :; do sleep 0.1; done")
    with pytest.raises(ImageError, match="took longer"):
        run(path, tmp_path / "log", seconds=0.5)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_child_that_outlives_its_parent_ends_too(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "STOP_SECONDS", 0.3)
    stubborn = "trap '' TERM; while :; do sleep 0.1; done"
    path = program(
        "tool", f"sh -c '{stubborn.replace(chr(39), chr(34))}' &\necho $! > {tmp_path}/child"
    )
    assert run(path, tmp_path / "log")
    assert gone(int((tmp_path / "child").read_text()))


def test_a_question_without_an_answer_is_none(program: Program, tmp_path: Path) -> None:
    assert programs.answer([str(program("yes", "echo hello"))]) == "hello\n"
    assert programs.answer([str(program("no", "echo hello; exit 1"))]) is None
    assert programs.answer([str(tmp_path / "missing")]) is None
    assert programs.answer([str(program("slow", "sleep 60"))], seconds=0.2) is None


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("", ""),
        (
            "STEP 3/9: FROM base\nSTEP 4/9: RUN pip install\nCollecting a\n",
            ", 4/9: RUN pip install",
        ),
        (
            "#5 [internal] load\n#7 [cpu 3/9] RUN pip install\n#7 1.2 Collecting\n",
            ", cpu 3/9 RUN pip install",
        ),
    ],
)
def test_the_step_of_a_build_is_told(tmp_path: Path, said: str, step: str) -> None:
    log = tmp_path / "log"
    log.write_text(said)
    assert programs.step(log) == step
