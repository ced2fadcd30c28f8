"""What the program says and how it ends when it cannot start."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest
import yaml

from digital_human_operator import __main__ as program
from digital_human_operator import __version__
from digital_human_operator.settings import PREFIX
from tests.support.fake_server import FakeServer

from .operating import LEASE, deployment, put_human

pytestmark = pytest.mark.usefixtures("logging_restored")


def kubeconfig(path: Path, **cluster: str) -> str:
    """A kubeconfig of one cluster that nobody answers for."""
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"} | cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "one",
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on stderr."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "many"),
        ("LOG_LEVEL", "loud"),
        ("RENEW_DEADLINE", "15"),
        ("METRICS_ADDRESS", "nowhere"),
        ("NAMESPACES", "*"),
    ],
)
def test_bad_setting_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    assert program.main([]) == 2
    said = one_sentence(capsys)
    assert f"{PREFIX}{name} " in said
    assert "must" in said


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"a: [b\n",
        b"\xff\xfe\x00",
        b"only text",
        b"- a\n- list\n",
        b"apiVersion: v1\nkind: Config\n",
    ],
)
def test_bad_kubeconfig_ends_with_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_bytes(content)
    assert program.main(["--kubeconfig", str(path)]) == 2
    said = one_sentence(capsys)
    assert said.startswith("the kubeconfig cannot be used")
    assert "--kubeconfig or in KUBECONFIG" in said


@pytest.mark.parametrize(
    "cluster",
    [
        {"server": ""},
        {"server": "https://127.0.0.1:1", "certificate-authority-data": "!!!"},
        {"server": "https://127.0.0.1:1", "certificate-authority-data": "aGVsbG8="},
        {"server": "https://127.0.0.1:1", "certificate-authority": "/nowhere/ca.crt"},
    ],
)
def test_kubeconfig_that_names_no_usable_server_ends_with_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, cluster: dict[str, str]
) -> None:
    assert program.main(["--kubeconfig", kubeconfig(tmp_path / "config", **cluster)]) == 2
    assert one_sentence(capsys).startswith("the kubeconfig cannot be used")


def test_folder_is_no_kubeconfig(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert program.main(["--kubeconfig", str(tmp_path)]) == 2
    assert "Is a directory" in one_sentence(capsys)


def test_variable_with_a_missing_kubeconfig_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none")
    )
    assert program.main([]) == 2
    assert "KUBECONFIG" in one_sentence(capsys)


def test_unknown_context_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config")
    assert program.main(["--kubeconfig", path, "--context", "two"]) == 2
    said = one_sentence(capsys)
    assert "two" in said
    assert "--context" in said


def test_pod_without_its_token_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setattr(program, "SERVICE_ACCOUNT", tmp_path)
    assert program.main([]) == 2
    assert "automountServiceAccountToken" in one_sentence(capsys)


def test_pod_with_a_broken_certificate_authority_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setattr(program, "SERVICE_ACCOUNT", tmp_path)
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("not a certificate")
    assert program.main([]) == 2
    assert f"the ServiceAccount in {tmp_path} cannot be used" in one_sentence(capsys)


def test_taken_port_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv(f"{PREFIX}METRICS_ADDRESS", f"127.0.0.1:{port}")
        assert program.main(["--kubeconfig", kubeconfig(tmp_path / "config")]) == 2
    assert one_sentence(capsys) == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use): set {PREFIX}METRICS_ADDRESS"
        " to a free address of this machine, or to nothing"
    )


def test_defect_is_logged_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a part is broken")

    monkeypatch.setattr("digital_human_operator.app.run", broken)
    assert program.main(["--kubeconfig", kubeconfig(tmp_path / "config")]) == 1
    said = capsys.readouterr().err
    assert "CRITICAL" in said
    assert "RuntimeError: a part is broken" in said


async def test_process_works_until_sigterm_and_ends_with_0(
    server: FakeServer, tmp_path: Path
) -> None:
    put_human(server)
    settings = {"METRICS_ADDRESS": "", "LOG_FORMAT": "json", "POD_NAMESPACE": "operators"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "digital_human_operator"),
        *("--kubeconfig", kubeconfig(tmp_path / "config", server=server.url)),
        env={"PYTHONPATH": str(Path(program.__file__).parents[1])}
        | {f"{PREFIX}{name}": value for name, value in settings.items()},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            while not deployment(server):
                assert process.returncode is None
                await asyncio.sleep(0.05)
            assert server.objects[LEASE]["spec"]["holderIdentity"]
            process.terminate()
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    assert server.objects[LEASE]["spec"]["holderIdentity"] == ""
    lines = [json.loads(line) for line in said.splitlines()]
    assert {"level", "logger", "message", "time"} <= lines[0].keys()
    assert not [line for line in lines if line["level"] in {"error", "critical"}]


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


def test_unknown_argument_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--nonsense"])
    assert ended.value.code == 2
    assert "--nonsense" in capsys.readouterr().err
