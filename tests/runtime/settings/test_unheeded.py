"""What is set and has no effect is told: each rule by a configuration that it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from digital_human_runtime import settings
from digital_human_runtime.settings import reference
from digital_human_runtime.settings.unheeded import RULES

REMOTE = {"AUDIO2FACE_SERVER": "a2f:50051"}
LLM = {"DIGITAL_HUMAN_LLM_URL": "http://llm/v1", "MODEL_NAME": "m"}
TOKENS = {"DIGITAL_HUMAN_JWT_SECRET_FILE": "/jwt"}
REDIS = {"DIGITAL_HUMAN_REDIS_URL": "redis://r:6379/0"}
SPEECH = {"DIGITAL_HUMAN_SPEECH_URL": "http://s/v1"}
HEARING = {"DIGITAL_HUMAN_TRANSCRIPTION_URL": "http://t/v1"}
LOCAL = {"llm": {"transformers": {"model": "owner/m", "precision": "int8"}}}
RIVA = {"speech": {"riva": {"address": "riva:50051"}}}
CLOUD = {
    **REMOTE,
    "DIGITAL_HUMAN_FACE_TLS": "true",
    "DIGITAL_HUMAN_FACE_FUNCTION_ID": "f-1",
    "DIGITAL_HUMAN_FACE_API_KEY_FILE": "/key",
}
OFF = {"AUDIO2FACE_ENABLED": "false"}
CONTRAST = {"DIGITAL_HUMAN_FACE_EMOTION_CONTRAST": "2"}
SHARE = {"DIGITAL_HUMAN_FACE_EMOTION_PREFERRED_STRENGTH": "1"}
JOY = {"DIGITAL_HUMAN_FACE_EMOTION": "joy=1"}
MOST = {"DIGITAL_HUMAN_FACE_EMOTION_MAX": "2"}

Case = tuple[dict[str, Any], dict[str, str]]
IDLE: dict[str, Case] = {
    "privacy.freeText": ({"privacy": {"freeText": "Redact"}}, {}),
    "privacy.hashFields": ({"privacy": {"hashFields": ["email"]}}, {}),
    "gpu.tensorRT": ({"gpu": {"tensorRT": {}}}, {}),
    "gpu.quantization.calibrationSamples": (
        {**LOCAL, "gpu": {"quantization": {"method": "int8", "calibrationSamples": 5}}},
        {},
    ),
    "gpu.quantization": ({"gpu": {"quantization": {"method": "int8"}}}, LLM),
    "gpu.compile": ({"gpu": {"compile": {}}}, {}),
    "gpu.memoryFraction": ({"gpu": {"memoryFraction": 0.5}}, {}),
    "persona.language": ({"persona": {"language": "de-CH", "voice": "fr"}}, {}),
    "face.emotion.contrast": ({}, CONTRAST),
    "face.emotion.preferredStrength": ({}, {**REMOTE, **SHARE}),
    "face.emotion.maxEmotions": ({"face": {"emotion": {"maxEmotions": 2}}}, {}),
    "AUDIO2FACE_SERVER": ({}, {**REMOTE, **OFF}),
    "DIGITAL_HUMAN_FACE_TLS": ({}, {"DIGITAL_HUMAN_FACE_TLS": "true"}),
    "DIGITAL_HUMAN_FACE_FUNCTION_ID": ({}, {"DIGITAL_HUMAN_FACE_FUNCTION_ID": "f-1", **OFF}),
    "DIGITAL_HUMAN_FACE_API_KEY_FILE": ({}, {"DIGITAL_HUMAN_FACE_API_KEY_FILE": "/key", **OFF}),
    "DIGITAL_HUMAN_LLM_API_KEY_FILE": ({}, {"DIGITAL_HUMAN_LLM_API_KEY_FILE": "/key"}),
    "DIGITAL_HUMAN_MODELS": ({}, {"DIGITAL_HUMAN_MODELS": "/models"}),
    "DIGITAL_HUMAN_SPEECH_MODEL": (RIVA, {"DIGITAL_HUMAN_SPEECH_MODEL": "tts-1"}),
    "DIGITAL_HUMAN_SPEECH_API_KEY_FILE": ({}, {"DIGITAL_HUMAN_SPEECH_API_KEY_FILE": "/key"}),
    "DIGITAL_HUMAN_PIPER_URL": ({}, {"DIGITAL_HUMAN_PIPER_URL": "http://p:5000", **SPEECH}),
    "DIGITAL_HUMAN_TRANSCRIPTION_MODEL": ({}, {"DIGITAL_HUMAN_TRANSCRIPTION_MODEL": "w"}),
    "DIGITAL_HUMAN_TRANSCRIPTION_API_KEY_FILE": (
        {},
        {"DIGITAL_HUMAN_TRANSCRIPTION_API_KEY_FILE": "/key"},
    ),
    "DIGITAL_HUMAN_JWT_AUDIENCE": ({}, {"DIGITAL_HUMAN_JWT_AUDIENCE": "us"}),
    "DIGITAL_HUMAN_JWT_ISSUER": ({}, {"DIGITAL_HUMAN_JWT_ISSUER": "us"}),
    "DIGITAL_HUMAN_REDIS_PASSWORD_FILE": ({}, {"DIGITAL_HUMAN_REDIS_PASSWORD_FILE": "/key"}),
}
HEEDED: list[Case] = [
    ({}, {}),
    ({"privacy": {"retention": "24h"}}, {}),
    ({**LOCAL, "gpu": {"quantization": {"method": "int8"}, "compile": {}}}, {}),
    ({**LOCAL, "gpu": {"memoryFraction": 0.5}}, {"DIGITAL_HUMAN_MODELS": "/models"}),
    ({"persona": {"language": "de-CH", "voice": "de"}}, {}),
    ({**RIVA, "persona": {"language": "fr-FR", "voice": "x"}}, {}),
    (RIVA, {"DIGITAL_HUMAN_SPEECH_API_KEY_FILE": "/key"}),
    ({}, {**REMOTE, **CONTRAST, **SHARE, **JOY, **MOST}),
    ({}, JOY),
    ({}, {"DIGITAL_HUMAN_FACE_EMOTION_STRENGTH": "1"}),
    ({}, CLOUD),
    ({}, {**LLM, "DIGITAL_HUMAN_LLM_API_KEY_FILE": "/key"}),
    ({}, {**SPEECH, "DIGITAL_HUMAN_SPEECH_MODEL": "m", "DIGITAL_HUMAN_SPEECH_API_KEY_FILE": "/k"}),
    ({}, {"DIGITAL_HUMAN_PIPER_URL": "http://p:5000"}),
    ({}, {**HEARING, "DIGITAL_HUMAN_TRANSCRIPTION_MODEL": "w"}),
    (
        {"transcription": {"http": {"url": "http://t/v1"}}},
        {"DIGITAL_HUMAN_TRANSCRIPTION_MODEL": "w"},
    ),
    ({}, {**TOKENS, "DIGITAL_HUMAN_JWT_AUDIENCE": "us", "DIGITAL_HUMAN_JWT_ISSUER": "us"}),
    ({}, {**REDIS, "DIGITAL_HUMAN_REDIS_PASSWORD_FILE": "/key"}),
]


def found(folder: Path, case: Case) -> list[str]:
    """The settings without effect, by the first word of their sentences."""
    document, variables = case
    file = folder / "runtime.json"
    file.write_text(json.dumps(document))
    told = settings.load({"DIGITAL_HUMAN_CONFIG": str(file), **variables})
    assert all(" has no effect: " in sentence for sentence in told.unheeded)
    return [sentence.split()[0] for sentence in told.unheeded]


def test_every_rule_has_its_case() -> None:
    assert list(IDLE) == [rule.setting.split()[0] for rule in RULES]


@pytest.mark.parametrize("setting", IDLE)
def test_what_has_no_effect_is_told(tmp_path: Path, setting: str) -> None:
    assert found(tmp_path, IDLE[setting]) == [setting]


@pytest.mark.parametrize("case", HEEDED)
def test_what_has_an_effect_is_not(tmp_path: Path, case: Case) -> None:
    assert found(tmp_path, case) == []


def test_a_preferred_strength_is_idle_with_the_embedded_face_too(tmp_path: Path) -> None:
    assert found(tmp_path, ({}, {**JOY, **SHARE})) == ["face.emotion.preferredStrength"]


def test_the_page_of_settings_lists_them_all() -> None:
    text = reference.page().partition("## Settings without effect")[2]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(RULES) + 1  # and the one about GPUs
    assert all(rule.reason in text for rule in RULES)
