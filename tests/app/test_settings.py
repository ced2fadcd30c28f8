"""Settings from the environment: what is taken, and one sentence for what is not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from digital_human_operator.settings import PREFIX, Settings, problems


def told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    """What is wrong with these variables."""
    for name, value in variables.items():
        monkeypatch.setenv(PREFIX + name, value)
    try:
        Settings()
    except ValidationError as error:
        return problems(error)
    return []


def test_nothing_has_to_be_set() -> None:
    settings = Settings()
    assert settings.namespaces == ()
    assert settings.pod_name
    assert settings.retry_period < settings.renew_deadline < settings.lease_seconds


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}NAMESPACES", " one, two ,,one")
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "debug")
    monkeypatch.setenv(f"{PREFIX}WORKERS", "4")
    monkeypatch.setenv(f"{PREFIX}RUNTIME_IMAGE", "registry.example.com/runtime:9")
    monkeypatch.setenv(f"{PREFIX}IMAGE_PULL_POLICY", "Always")
    settings = Settings()
    assert settings.namespaces == ("one", "two")
    assert settings.log_level == "DEBUG"
    assert settings.workers == 4
    assert settings.images.runtime == "registry.example.com/runtime:9"
    assert settings.images.pull_policy == "Always"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WORKERS", "many", "must be a whole number; it is 'many'"),
        ("WORKERS", "0", "must be greater than or equal to 1; it is '0'"),
        ("WORKERS", "100000", "must be less than or equal to 512; it is '100000'"),
        ("RECONCILE_TIMEOUT", "soon", "must be a number; it is 'soon'"),
        ("RECONCILE_TIMEOUT", "-1", "must be greater than 0; it is '-1'"),
        ("LEASE_SECONDS", "inf", "must be a finite number; it is 'inf'"),
        ("LEASE_SECONDS", "0.5", "must be greater than or equal to 1; it is '0.5'"),
        ("LOG_LEVEL", "loud", "must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'; it is 'LOUD'"),
        ("LOG_FORMAT", "xml", "must be 'json' or 'text'; it is 'xml'"),
        ("POD_NAME", "", "must not be empty; it is ''"),
        ("LEASE_NAME", "", "must not be empty; it is ''"),
        (
            "NAMESPACES",
            "fine,not_fine",
            "must be names of namespaces, which 'not_fine' cannot be; it is 'fine,not_fine'",
        ),
        ("NAMESPACES", "team-*", "must be names of namespaces, which 'team-*' cannot be"),
    ],
)
def test_bad_value_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    sentences = told(monkeypatch, **{name: value})
    assert len(sentences) == 1
    assert sentences[0].startswith(f"{PREFIX}{name} {said}")


def test_each_bad_variable_has_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = told(monkeypatch, WORKERS="x", LOG_FORMAT="y")
    assert [s.split()[0] for s in sentences] == [f"{PREFIX}WORKERS", f"{PREFIX}LOG_FORMAT"]


@pytest.mark.parametrize("value", ["0.0.0.0:8080", "127.0.0.1:0", "[::]:8080", ":8080", ""])
def test_good_address_is_taken(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert told(monkeypatch, METRICS_ADDRESS=value) == []


@pytest.mark.parametrize(
    "value", ["8080", "localhost", "localhost:", "localhost:http", ":65536", ":-1", ":²", "::1:80"]
)
def test_bad_address_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    (sentence,) = told(monkeypatch, METRICS_ADDRESS=value)
    assert sentence == (
        f"{PREFIX}METRICS_ADDRESS must be address:port, for example 0.0.0.0:8080, or empty;"
        f" it is {value!r}"
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"RENEW_DEADLINE": "15"},
        {"RENEW_DEADLINE": "20"},
        {"LEASE_SECONDS": "10"},
        {"RETRY_PERIOD": "10"},
    ],
)
def test_times_of_the_lease_have_to_fit(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    (sentence,) = told(monkeypatch, **variables)
    for name in ("RETRY_PERIOD", "RENEW_DEADLINE", "LEASE_SECONDS"):
        assert f"{PREFIX}{name} (" in sentence
