"""The command as it is started: it loads what the verb needs, and tells of all verbs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from digital_human_backup.__main__ import VERBS

SHOW = """
import gc, json, sys
from digital_human_backup.__main__ import main
sys.argv = ["digital-human-backup", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    unseen = gc.get_freeze_count() / len(gc.get_objects() or [1])
    print(json.dumps([end.code, sorted(sys.modules), unseen]))
"""


def run(*words: str) -> tuple[int, set[str], str]:
    """Status of the command, the modules that it has loaded, and what it printed."""
    code, modules, _, said = _run(words)
    return code, set(modules), said


def _run(words: tuple[str, ...]) -> tuple[int, list[str], float, str]:
    command = [sys.executable, "-c", SHOW, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules, unseen = json.loads(done.stdout.splitlines()[-1])
    return code, modules, unseen, done.stdout + done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_loads_no_other_verb_and_no_service(verb: str) -> None:
    code, modules, _ = run(verb)
    assert code == 2, "it is started without the options that it needs"
    package = "digital_human_backup.verbs."
    assert {name for name in modules if name.startswith(package)} == {package + verb}
    assert "botocore" not in modules


def test_a_backup_without_a_key_loads_no_cipher(tmp_path: Path) -> None:
    for folder in ("models", "store"):
        (tmp_path / folder).mkdir()
    words = ("--human", "ada", "--uid", "u", "--models", str(tmp_path / "models"))
    code, modules, said = run("create", *words, "--store", f"file://{tmp_path / 'store'}")
    assert code == 0, said
    assert "cryptography" not in modules


def test_a_process_that_ends_looks_for_no_garbage() -> None:
    _, _, unseen, _ = _run(("--help",))
    assert unseen > 10, "what it has loaded is looked through once more"


def test_a_name_that_cannot_be_written_down_is_refused(tmp_path: Path) -> None:
    store = ("--store", f"file://{tmp_path}", "--uid", "u")
    code, _, said = run("create", "--human", "a\udcff", "--models", str(tmp_path), *store)
    assert code == 3
    assert "--human 'a\\udcff' is no text in UTF-8: use another name." in said


def test_help_names_every_verb() -> None:
    code, _, said = run("--help")
    assert code == 0
    assert all(f" {verb} " in said for verb in VERBS)


def test_what_is_no_verb_is_named() -> None:
    code, _, said = run("destroy")
    assert code == 2
    assert "No such command 'destroy'" in said
