"""Where the server is and who we are, from kubeconfigs and from a Pod's ServiceAccount."""

from pathlib import Path

import pytest
import yaml

from digital_human_operator.kube.credentials import (
    CredentialsError,
    from_kubeconfig,
    from_service_account,
)


def kubeconfig(path: Path, **user: str) -> str:
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": user}],
                "contexts": [
                    {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "mine"}},
                    {"name": "two", "context": {"cluster": "c", "user": "u"}},
                ],
                "current-context": "one",
            }
        )
    )
    return str(path)


def test_token_of_a_kubeconfig_is_used(tmp_path: Path) -> None:
    found = from_kubeconfig(kubeconfig(tmp_path / "config", token="abc"), None)
    assert found.token() == "abc"
    assert found.server == "http://127.0.0.1:1"
    assert found.default_namespace == "mine"


def test_token_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    found = from_kubeconfig(kubeconfig(tmp_path / "c", tokenFile=str(tmp_path / "token")), "two")
    assert found.token() == "from-a-file"
    assert found.default_namespace == "default"


def test_without_a_token_there_is_none(tmp_path: Path) -> None:
    assert from_kubeconfig(kubeconfig(tmp_path / "config"), None).token() is None


def test_missing_kubeconfig_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="kubeconfig cannot be used"):
        from_kubeconfig(str(tmp_path / "none"), None)


def test_pod_without_a_token_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="automountServiceAccountToken"):
        from_service_account(tmp_path, "10.0.0.1", "443")
