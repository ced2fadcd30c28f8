"""The page's pure logic and its build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import page as page_tool

pytestmark = pytest.mark.browser


def test_types_and_unit_tests_of_the_page_pass() -> None:
    page_tool.test()


def test_the_built_page_carries_the_licences_of_what_is_in_it(built_page: Path) -> None:
    text = (built_page / "THIRD-PARTY.txt").read_text()
    for package in ("three ", "delaunator ", "@fontsource-variable/figtree "):
        assert package in text
    assert "Permission is hereby granted" in text


def test_a_page_is_built_once_for_the_same_sources(
    built_page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (built_page / "page.js").stat().st_mtime_ns
    assert page_tool.main([]) == 0
    assert (built_page / "page.js").stat().st_mtime_ns == before
    assert "up to date" in capsys.readouterr().err


def test_sources_that_change_have_another_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("1")
    first = page_tool.fingerprint(tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "other.js").write_text("2")
    assert page_tool.fingerprint(tmp_path) == first
    (tmp_path / "src" / "main.ts").write_text("2")
    assert page_tool.fingerprint(tmp_path) != first


def test_a_node_that_is_missing_or_no_node_is_version_zero(tmp_path: Path) -> None:
    assert page_tool.node_version(tmp_path / "node") == 0
    assert page_tool.node_version(Path("/bin/true")) == 0


def test_a_lock_names_no_download_address() -> None:
    assert '"resolved"' not in (page_tool.SOURCES / "package-lock.json").read_text()
