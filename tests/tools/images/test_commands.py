"""Commands of the wheel that an image has no package for are taken out of it."""

import re
import tomllib

import pytest

from tools.cache import ROOT

COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def test_the_runtime_loses_the_commands_of_other_packages() -> None:
    text = (ROOT / "runtime" / "Dockerfile").read_text()
    removed = set(re.findall(r"/build/root/opt/digital-human/bin/(digital-human-\w+)", text))
    others = {
        name for name, entry in COMMANDS.items() if not entry.startswith("digital_human_runtime.")
    }
    assert removed == others


@pytest.mark.parametrize("package", ["operator", "backup"])
def test_the_others_keep_their_own_command_only(package: str) -> None:
    text = (ROOT / package / "Dockerfile").read_text()
    assert f"bin -type f ! -name digital-human-{package} -delete" in text
