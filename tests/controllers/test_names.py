"""Names that follow from others fit also at their longest."""

import re

import pytest

from digital_human_operator import names
from digital_human_operator.api.kinds import BACKUP, RESTORE

LABEL = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
"""A Job's name is also the value of a label of its Pods."""
OBJECT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@pytest.mark.parametrize("stem", ["a" * 52, "a" * 38 + "." + "b" * 13, "a.b-c"])
def test_of_requests(stem: str) -> None:
    assert BACKUP.name_limit == RESTORE.name_limit == 52
    for name in (names.backup_run(stem), names.restore_run(stem)):
        assert LABEL.fullmatch(name)
    safety = names.safety_backup(stem, "6b1f2a50-0000")
    assert len(safety) <= BACKUP.name_limit
    assert OBJECT.fullmatch(safety)


def test_a_restore_and_a_backup_of_one_name_do_not_meet() -> None:
    made = [names.backup_run("x"), names.restore_run("x"), names.backup("x"), names.drill("x")]
    assert len(set(made)) == 4
