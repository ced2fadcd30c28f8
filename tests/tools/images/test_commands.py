"""Commands of the wheel that an image has no package for are taken out of it."""

import re
import tomllib

from tools.cache import ROOT

COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def test_the_runtime_loses_the_commands_of_other_packages() -> None:
    text = (ROOT / "runtime" / "Dockerfile").read_text()
    removed = set(re.findall(r"/build/root/opt/digital-human/bin/(digital-human-\w+)", text))
    others = {
        name for name, entry in COMMANDS.items() if not entry.startswith("digital_human_runtime.")
    }
    assert removed == others


def test_the_operator_keeps_its_own_command_only() -> None:
    text = (ROOT / "operator" / "Dockerfile").read_text()
    assert "bin -type f ! -name digital-human-operator -delete" in text
