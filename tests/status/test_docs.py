"""The page about conditions names every condition and every reason that there is."""

import inspect
import re

from digital_human_operator.status import domain, reasons
from tools.cache import ROOT

PAGE = (ROOT / "docs/reference/conditions.md").read_text()


def test_every_reason_is_explained() -> None:
    known = {v for n, v in vars(reasons).items() if n.isupper() and isinstance(v, str)}
    explained = set(re.findall(r"`(\w+)`", PAGE))
    assert known - {"Asleep"} <= explained  # waking up comes with sessions


def test_every_condition_is_explained() -> None:
    made = set(re.findall(r'Draft\(\s*"(\w+)"', inspect.getsource(domain)))
    assert made
    assert made <= set(re.findall(r"`(\w+)`", PAGE))
