"""The human's own object comes back as it was: as text, and in pieces for a last word."""

from __future__ import annotations

import base64
import json
import random
import zlib
from pathlib import Path
from typing import Any

import pytest

from digital_human_backup.__main__ import application
from digital_human_backup.errors import DamagedError, RefusedError
from digital_human_backup.verbs.objects import PIECE
from tests.backup.conftest import Run

HUMAN: dict[str, Any] = {
    "apiVersion": "aiqtoolkit.io/v1alpha1",
    "kind": "DigitalHuman",
    "metadata": {"name": "ada"},
    "spec": {"persona": {"greeting": "Grüß dich!"}, "gpu": {"profile": "none"}},
}
NEEDS = [{"kind": "Secret", "name": "keys", "keys": ["backup"]}]


def folder(root: Path, human: Any = HUMAN, needs: Any = NEEDS) -> Path:
    """As the operator's ConfigMap is mounted."""
    root.mkdir(exist_ok=True)
    (root / "digitalhuman.json").write_text(json.dumps(human))
    (root / "needs.json").write_text(json.dumps(needs))
    return root


def show(key_file: Path, tmp_path: Path) -> None:
    """The command as a person gives it."""
    place = ("--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1")
    application()(["objects", "--key-file", str(key_file), *place], standalone_mode=False)


def joined(pieces: list[str]) -> Any:
    return json.loads(zlib.decompress(base64.b85decode("".join(pieces))))


def test_the_object_is_shown_for_kubectl(
    run: Run, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ("--key-file", key_file)
    made = run("create", "--human", "ada", "--objects", folder(tmp_path / "o"), *key)
    assert made["parts"]["objects"]["files"] == 2
    capsys.readouterr()
    show(key_file, tmp_path)
    shown = capsys.readouterr()
    assert json.loads(shown.out) == HUMAN
    assert "Grüß" in shown.out
    assert shown.err.endswith("It needs Secret keys (backup).\n")


def test_it_comes_in_one_piece_where_it_fits(run: Run, key_file: Path, tmp_path: Path) -> None:
    key = ("--key-file", key_file)
    made = run("create", "--human", "ada", "--objects", folder(tmp_path / "o"), *key)
    told = run("objects", made["id"], *key)
    assert (told["event"], told["id"], told["held"]) == ("objects", made["id"], ["objects"])
    assert told["size"] == len(told["text"])
    assert told["digest"] == made["digest"]
    assert joined([told["text"]]) == HUMAN


def test_a_long_one_comes_in_pieces_that_a_last_word_holds(
    run: Run, key_file: Path, tmp_path: Path
) -> None:
    noise = base64.b64encode(random.Random(7).randbytes(6000)).decode()
    long = HUMAN | {"spec": {"persona": {"systemPrompt": noise}}}
    run(
        "create",
        "--human",
        "ada",
        "--objects",
        folder(tmp_path / "o", long),
        "--key-file",
        key_file,
    )
    word = tmp_path / "word"
    pieces = []
    for number in range(3):
        words = ("objects", "--key-file", key_file, "--piece", number, "--result", word)
        told = run(*words)
        assert len(word.read_bytes()) <= 4096
        assert len(told["text"]) <= PIECE
        pieces.append(told["text"])
    assert len("".join(pieces)) == told["size"] > 2 * PIECE
    assert joined(pieces) == long
    assert run("objects", "--key-file", key_file, "--piece", 9)["text"] == ""


def test_a_backup_without_objects_says_what_it_holds(
    run: Run, config: Path, key_file: Path
) -> None:
    run("create", "--human", "ada", "--config", config, "--key-file", key_file)
    with pytest.raises(RefusedError, match="holds no objects, only config"):
        run("objects", "--key-file", key_file)


@pytest.mark.parametrize("left", ["digitalhuman.json", "needs.json"])
def test_what_is_no_json_is_named(run: Run, key_file: Path, tmp_path: Path, left: str) -> None:
    objects = folder(tmp_path / "o")
    (objects / left).write_text("{")
    run("create", "--human", "ada", "--objects", objects, "--key-file", key_file)
    with pytest.raises(DamagedError, match=f"no {left} that can be read"):
        run("objects", "--key-file", key_file)


@pytest.mark.parametrize(
    "found",
    [
        HUMAN | {"kind": "List", "items": [{"kind": "ClusterRoleBinding"}]},
        HUMAN | {"apiVersion": "v1"},
        HUMAN | {"metadata": {}},
        HUMAN | {"spec": None},
        [HUMAN],
    ],
)
def test_what_is_no_human_is_not_shown(
    run: Run, key_file: Path, tmp_path: Path, found: Any
) -> None:
    objects = folder(tmp_path / "o", found)
    run("create", "--human", "ada", "--objects", objects, "--key-file", key_file)
    with pytest.raises(DamagedError, match="are no DigitalHuman"):
        run("objects", "--key-file", key_file)


def test_what_does_not_belong_there_is_left_out(run: Run, key_file: Path, tmp_path: Path) -> None:
    more = {"name": "ada", "namespace": "kube-system", "annotations": {"a": "b"}}
    objects = folder(tmp_path / "o", HUMAN | {"metadata": more, "items": []})
    run("create", "--human", "ada", "--objects", objects, "--key-file", key_file)
    assert joined([run("objects", "--key-file", key_file)["text"]]) == HUMAN


@pytest.mark.parametrize("text", ["[" * 100_000, '{"spec": "\\ud800"}'])
def test_what_cannot_be_shown_is_named(run: Run, key_file: Path, tmp_path: Path, text: str) -> None:
    objects = folder(tmp_path / "o")
    (objects / "digitalhuman.json").write_text(text)
    run("create", "--human", "ada", "--objects", objects, "--key-file", key_file)
    with pytest.raises(DamagedError, match=r"no digitalhuman\.json that can be read"):
        run("objects", "--key-file", key_file)


@pytest.mark.parametrize("needs", [5, [5], [{"kind": "Secret", "name": "a", "keys": 5}]])
def test_needs_that_nobody_understands_are_left_out(
    run: Run, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], needs: Any
) -> None:
    objects = folder(tmp_path / "o", needs=needs)
    run("create", "--human", "ada", "--objects", objects, "--key-file", key_file)
    show(key_file, tmp_path)
    assert "needs no Secret" in capsys.readouterr().err


def test_without_needs_it_says_so(
    run: Run, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = folder(tmp_path / "o", needs=[])
    run("create", "--human", "ada", "--objects", objects, "--key-file", key_file)
    show(key_file, tmp_path)
    assert "needs no Secret" in capsys.readouterr().err
