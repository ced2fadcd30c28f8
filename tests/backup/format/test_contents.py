"""Files are cut into chunks, and put together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_backup.errors import DamagedError
from digital_human_backup.format import canonical
from digital_human_backup.format.contents import (
    ALONE_BYTES,
    ChunkFacts,
    Contents,
    FileFacts,
    Segment,
    cut,
    dump,
    from_json,
    load,
    to_json,
)

CHUNK = 4 * ALONE_BYTES
sizes = st.one_of(
    st.integers(0, 3), st.integers(ALONE_BYTES - 2, ALONE_BYTES + 2), st.integers(0, 3 * CHUNK)
)


def a_file(path: str, size: int, part: str = "models") -> FileFacts:
    return FileFacts(part, path, size, 0o644, 1, 2)


@given(st.lists(st.tuples(st.sampled_from(["config", "models"]), sizes), max_size=12))
def test_every_byte_is_in_one_chunk(found: list[tuple[str, int]]) -> None:
    files = [a_file(f"f{number}", size, part) for number, (part, size) in enumerate(found)]
    seen: dict[FileFacts, int] = {}
    for pieces in cut(files, CHUNK):
        assert 0 < sum(piece.length for piece in pieces) <= CHUNK
        assert len({piece.file.part for piece in pieces}) == 1
        assert len(pieces) == 1 or all(piece.file.size < ALONE_BYTES for piece in pieces)
        for piece in pieces:
            assert piece.start == seen.get(piece.file, 0)
            seen[piece.file] = piece.start + piece.length
    assert seen == {file: file.size for file in files if file.size}


def test_a_large_file_is_cut_the_same_whatever_is_beside_it() -> None:
    large = a_file("b", 2 * CHUNK + 5)
    beside = [a_file("a", 7), large, a_file("c", 7)]
    alone = [piece for pieces in cut([large], CHUNK) for piece in pieces]
    assert [p for pieces in cut(beside, CHUNK) for p in pieces if p.file == large] == alone
    assert [piece.length for piece in alone] == [CHUNK, CHUNK, 5]


CHUNKS = (ChunkFacts("n1", 26, "d1", 10, "p1"), ChunkFacts("n2", 21, "d2", 5, "p2"))
OBJECTS = [["n1", 26, "d1"], ["n2", 21, "d2"]]


def contents(*segments: Segment, size: int = 12, path: str = "a/b") -> Contents:
    return Contents(((a_file(path, size), segments),), CHUNKS)


def test_contents_survive_json() -> None:
    whole = contents(Segment(0, 0, 10), Segment(1, 3, 2))
    again = canonical.load(canonical.dump(to_json(whole)))
    assert from_json(again, OBJECTS) == whole
    assert dump(whole) == canonical.dump(to_json(whole))
    assert load(dump(whole), OBJECTS) == whole


@pytest.mark.parametrize(
    "wrong",
    [
        contents(Segment(0, 0, 10)),
        contents(Segment(0, 0, 10), Segment(2, 0, 2)),
        contents(Segment(-1, 0, 10), Segment(1, 0, 2)),
        contents(Segment(0, 1, 10), Segment(1, 0, 2)),
        contents(Segment(0, -1, 10), Segment(1, 0, 2)),
        contents(Segment(0, 0, 10), Segment(1, 0, 5), Segment(0, 3, -3)),
        *(
            contents(Segment(0, 0, 10), Segment(1, 0, 2), path=path)
            for path in ("/etc/passwd", "../x", "a/../../x", "", "a//b", ".", "a/.", "x\0y")
        ),
    ],
)
def test_contents_that_do_not_fit_are_damaged(wrong: Contents) -> None:
    with pytest.raises(DamagedError):
        from_json(to_json(wrong), OBJECTS)
    with pytest.raises(DamagedError):
        load(dump(wrong), OBJECTS)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"files": [], "plain": []},
        {"files": [{}], "plain": [[10, ""], [5, ""]]},
        {"files": 3, "plain": [[10, ""], [5, ""]]},
        {"files": [{"segments": []}], "plain": [[10, ""], [5, ""]]},
        {"files": [3], "plain": [[10, ""], [5, ""]]},
        {"files": [[3, 4]], "plain": [[10, ""], [5, ""]]},
    ],
)
def test_a_document_of_another_form_is_damaged(document: dict[str, object]) -> None:
    data = canonical.dump(document)
    with pytest.raises(DamagedError, match="does not fit together"):
        from_json(document, OBJECTS)
    with pytest.raises(DamagedError, match="does not fit together"):
        load(data, OBJECTS)


HUGE = b'{"files":[{"changed":1,"mode":1,"modified":1,"segments":[],"size":1e400}],"plain":[]}'


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000, HUGE])
def test_what_is_no_document_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedError, match="does not fit together"):
        load(data, OBJECTS)


def test_rights_beyond_the_permission_bits_are_not_restored() -> None:
    whole = contents(Segment(0, 0, 10), Segment(1, 3, 2))
    document = to_json(whole)
    document["files"][0]["mode"] = 0o104755
    assert from_json(document, OBJECTS).files[0][0].mode == 0o755
