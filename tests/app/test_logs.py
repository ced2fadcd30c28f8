"""Log lines for machines and for people."""

from __future__ import annotations

import json
import logging
from typing import Any

import aiohttp
import pytest

from digital_human_operator import logs

pytestmark = pytest.mark.usefixtures("logging_restored")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_each_record_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    logging.getLogger("a.b").warning("two\nlines of %s", "größe", extra={"key": ("x", 1)})
    (line,) = lines(capsys)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "a.b",
        "message": "two\nlines of größe",
        "key": "('x', 1)",
    }


def test_exception_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    try:
        int("no")
    except ValueError:
        logging.getLogger("a").exception("it failed")
    (line,) = lines(capsys)
    assert line["message"] == "it failed"
    assert line["exception"].endswith("with base 10: 'no'")


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "text")
    logging.getLogger("a").info("hello")
    assert capsys.readouterr().err.endswith("INFO    a: hello\n")


def test_less_important_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING", "json")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("a").log(level, "x")
    assert [line["level"] for line in lines(capsys)] == ["warning", "error"]


def test_steps_of_kopf_and_requests_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("DEBUG", "json")
    for name in ("kopf.objects", "aiohttp.access"):
        logging.getLogger(name).info("a step")
        logging.getLogger(name).warning("trouble")
    assert [line["message"] for line in lines(capsys)] == ["trouble", "trouble"]


def test_kopf_is_no_louder_than_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("ERROR", "json")
    logging.getLogger("kopf.objects").warning("trouble")
    assert lines(capsys) == []


def test_end_of_kopf_is_told_by_us_and_a_failed_handler_with_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO", "json")
    log = logging.getLogger("kopf.reactor")
    for error in (aiohttp.ClientConnectionError("gone"), ValueError("a defect")):
        log.error("a task has failed", exc_info=error)
    (line,) = lines(capsys)
    assert line["exception"].endswith("ValueError: a defect")


def test_configured_twice_tells_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "text")
    logs.configure("INFO", "json")
    logging.getLogger("a").info("x")
    assert len(lines(capsys)) == 1
