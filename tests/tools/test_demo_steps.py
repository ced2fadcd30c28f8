"""The demo tells how long each step took, and whether anything was built for it."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from tools.demo.steps import Steps


def _steps() -> tuple[Steps, StringIO]:
    said = StringIO()
    return Steps(Console(file=said, width=200)), said


def test_each_step_is_told_and_all_of_them_at_the_end() -> None:
    steps, said = _steps()
    done: list[str] = []
    steps.run("control plane", lambda: done.append("a"))
    steps.run("images", lambda: steps.note("image operator ..."))
    assert done == ["a"]
    lines = said.getvalue().splitlines()
    assert lines[0] == "  ...  control plane"
    assert lines[1].startswith("  ok   control plane")
    assert "       image operator ..." in lines
    told = steps.sum(())
    assert told.endswith("(warm): control plane 0 s, images 0 s")


def test_a_cold_start_names_what_it_built() -> None:
    assert "(cold, built etcd, image operator)" in _steps()[0].sum({"image operator", "etcd"})


def test_a_line_of_each_start_is_kept(tmp_path: Path) -> None:
    steps, _ = _steps()
    file = tmp_path / "here" / "times.log"
    steps.keep(file, "CLUSTER=kwok 3 s")
    steps.keep(file, "CLUSTER=node 9 s")
    assert [line.partition("CLUSTER")[2] for line in file.read_text().splitlines()] == [
        "=kwok 3 s",
        "=node 9 s",
    ]
