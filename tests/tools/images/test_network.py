"""The machine's mirrors, proxies and certificates reach the steps, and only as secrets."""

import subprocess
from pathlib import Path

import pytest

from tools.images import network


def test_the_script_exports_what_programs_read_and_nothing_else() -> None:
    machine = {
        "PIP_INDEX_URL": "https://me:pass word@mirror.example.com/simple",
        "AWS_SECRET_ACCESS_KEY": "key",
        "HTTPS_PROXY": "",
    }
    script = network.script(machine, {"certificates": Path("/somewhere.pem")})
    shown = subprocess.run(
        ["/bin/sh", "-c", f"{script}\nenv"], env={}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "PIP_INDEX_URL=https://me:pass word@mirror.example.com/simple" in shown
    assert "SSL_CERT_FILE=/run/secrets/certificates" in shown
    assert not [line for line in shown if line.startswith(("AWS", "HTTPS_PROXY"))]


def test_files_of_pip_are_merged_as_pip_does() -> None:
    machine = "[global]\nindex-url = https://a.example.com\ntimeout = 5\n"
    user = "[global]\nindex-url = https://b.example.com\n"
    assert network.merged([machine, user]) == (
        "[global]\nindex-url = https://b.example.com\ntimeout = 5\n\n"
    )


def test_secrets_are_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = tmp_path / "pip.conf"
    pip.write_text("[global]\ntimeout = 7\n")
    monkeypatch.setattr(network, "PIP_FILES", (str(pip), str(tmp_path / "missing")))
    monkeypatch.setattr(network, "NPM_FILES", ())
    monkeypatch.setenv("NO_PROXY", "inner.example.com")
    folder = tmp_path / "secrets"
    folder.mkdir()
    found = network.secrets(folder)
    assert "timeout = 7" in found["pip"].read_text()
    assert "npm" not in found
    script = found["network"].read_text()
    assert "export NO_PROXY=inner.example.com\n" in script
    assert "export PIP_CONFIG_FILE=/run/secrets/pip\n" in script
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_machine_without_anything_special_has_a_script_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*network.HANDED_ON, "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PIP_FILES", "NPM_FILES", "BUNDLES"):
        monkeypatch.setattr(network, name, ())
    assert {name: path.read_text() for name, path in network.secrets(tmp_path).items()} == {
        "network": ""
    }
