"""The document of the runtime says which engine was chosen, also where it has no settings."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from digital_human_operator.api.v1alpha1.face import EMOTIONS
from digital_human_operator.api.v1alpha1.mind import Precision
from digital_human_operator.plan.warnings import warnings
from digital_human_operator.render.config import document
from digital_human_operator.render.volumes import runtime_volumes
from digital_human_runtime import frames, settings
from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers.device import GIB, Device
from digital_human_runtime.engines.llm.transformers.precision import choose_format
from digital_human_runtime.settings.environment import SECRETS
from digital_human_runtime.settings.file import EmotionSection
from digital_human_runtime.settings.settings import EspeakVoice, PiperVoice, ServedModel
from tests.support.builders import a_design, a_human

PIPER = "http://piper.speech.svc:5000"


def _document(spec: dict[str, Any]) -> str:
    human = a_human(spec)
    return document(human, a_design(human))


@pytest.mark.parametrize(
    "spec",
    [
        {"llm": {"builtin": {}}},
        {"speech": {"espeak": {}}},
        {"speech": {"piper": {"url": PIPER}}},
        {"speech": {"riva": {"address": "riva:50051", "tls": "Required"}}},
    ],
)
def test_the_choice_is_kept_as_it_is(spec: dict[str, Any]) -> None:
    told = json.loads(_document(spec))
    assert {name: told[name] for name in spec} == spec


@pytest.mark.parametrize(
    ("speech", "voice"),
    [({"espeak": {}}, EspeakVoice()), ({"piper": {"url": PIPER}}, PiperVoice(PIPER))],
)
def test_the_runtime_speaks_with_what_was_chosen(
    speech: dict[str, Any], voice: object, tmp_path: Path
) -> None:
    file = tmp_path / "runtime.json"
    file.write_text(_document({"speech": speech}))
    assert settings.load({"DIGITAL_HUMAN_CONFIG": str(file)}).voice == voice


WHISPER = {"url": "http://whisper.speech.svc:8000/v1", "model": "large-v3"}


def test_the_runtime_hears_with_what_was_chosen_and_with_the_key_that_is_mounted(
    tmp_path: Path,
) -> None:
    key = {"apiKeySecret": {"name": "asr", "key": "token"}}
    human = a_human({"transcription": {"http": {**WHISPER, **key}}})
    (tmp_path / "runtime.json").write_text(document(human, a_design(human)))
    volumes, mounts = runtime_volumes(human, a_design(human))
    mount = next(one for one in mounts if one["name"] == "transcription-api-key")
    folder = tmp_path / Path(mount["mountPath"]).relative_to(SECRETS)
    folder.mkdir()
    secret = next(one["secret"] for one in volumes if one["name"] == mount["name"])
    for item in secret["items"]:
        (folder / item["path"]).write_text(f"{secret['secretName']}/{item['key']}")
    variables = {
        "DIGITAL_HUMAN_CONFIG": str(tmp_path / "runtime.json"),
        "DIGITAL_HUMAN_SECRETS": str(tmp_path),
    }
    found = settings.load(variables).transcription
    assert found is not None
    assert found.api_key_file is not None
    assert (found.url, found.model) == (WHISPER["url"], WHISPER["model"])
    assert found.api_key_file.read_text() == "asr/token"
    assert "token" not in (tmp_path / "runtime.json").read_text()


def test_without_a_transcription_nothing_is_heard(tmp_path: Path) -> None:
    (tmp_path / "runtime.json").write_text(_document({}))
    found = settings.load({"DIGITAL_HUMAN_CONFIG": str(tmp_path / "runtime.json")})
    assert found.transcription is None


DEVICES = {
    "none": Device("cpu", "CPU", 64 * GIB),
    "a100-80gb": Device("cuda", "A100", 80 * GIB, (8, 0)),
    "h100": Device("cuda", "H100", 80 * GIB, (9, 0)),
    "l4": Device("cuda", "L4", 24 * GIB, (8, 9)),
}


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("profile", DEVICES)
def test_a_format_that_the_runtime_refuses_is_warned_of(profile: str, precision: str) -> None:
    spec = {
        "gpu": {"profile": profile},
        "llm": {"transformers": {"model": "llama3:8b", "precision": precision}},
    }
    said = warnings(a_human(spec).spec, frozenset())
    warned = any("refuses to start" in sentence for sentence in said)
    try:
        choose_format(precision, DEVICES[profile])
    except Refused:
        assert warned
    else:
        assert not warned


def _emotions(tmp_path: Path, face: dict[str, Any]) -> EmotionSection:
    """What the runtime makes of the emotions of a face."""
    file = tmp_path / "runtime.json"
    file.write_text(_document({"face": face}))
    return settings.load({"DIGITAL_HUMAN_CONFIG": str(file)}).emotion


EMOTION = {
    "preferred": dict.fromkeys(EMOTIONS, 0.25),
    "strength": 0.9,
    "contrast": 1.4,
    "preferredStrength": 0.8,
    "maxEmotions": 4,
}


@pytest.mark.parametrize(
    "engine",
    [
        {"embedded": {}},
        {"managed": {"gpu": {"profile": "l4"}}},
        {"external": {"address": "a2f:50051"}},
    ],
)
def test_the_runtime_shows_the_emotions_of_the_spec(engine: dict[str, Any], tmp_path: Path) -> None:
    told = _emotions(tmp_path, {**engine, "emotion": EMOTION})
    assert told.model_dump(by_alias=True) == EMOTION
    assert _emotions(tmp_path, engine) == EmotionSection()


def test_both_know_the_same_emotions() -> None:
    assert frames.EMOTIONS == EMOTIONS


@pytest.mark.parametrize(
    "face",
    [
        {"embedded": {}, "emotion": EMOTION},
        {"external": {"address": "a2f:50051"}, "emotion": EMOTION},
        {"external": {"address": "a2f:50051"}, "emotion": {"preferredStrength": 0.8}},
    ],
)
def test_emotions_that_the_runtime_does_not_heed_are_those_that_the_operator_warns_of(
    face: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "runtime.json"
    file.write_text(_document({"face": face}))
    unheeded = settings.load({"DIGITAL_HUMAN_CONFIG": str(file)}).unheeded
    spec = a_human({"face": face}).spec
    warned = [s.split()[0].removeprefix("spec.") for s in warnings(spec, frozenset())]
    assert warned == [sentence.split()[0] for sentence in unheeded]


SERVED = {"url": "http://llm.tools/v1", "model": "m"}


@pytest.mark.parametrize(
    ("engine", "failover", "seconds"),
    [
        (SERVED, None, 60),
        (SERVED | {"timeout": "5m"}, None, 300),
        (SERVED | {"timeout": "5m"}, {}, 30),
        (SERVED | {"timeout": "5m"}, {"timeout": "10m"}, 300),
        (SERVED | {"timeout": "20s"}, {"timeout": "2m"}, 20),
    ],
)
def test_a_language_server_may_take_as_long_as_the_spec_says(
    engine: dict[str, Any], failover: dict[str, Any] | None, seconds: float, tmp_path: Path
) -> None:
    file = tmp_path / "runtime.json"
    availability = {} if failover is None else {"failover": failover}
    file.write_text(_document({"llm": {"openAI": engine}, "availability": availability}))
    model = settings.load({"DIGITAL_HUMAN_CONFIG": str(file)}).model
    assert isinstance(model, ServedModel)
    assert model.timeout_seconds == seconds


@pytest.mark.parametrize(
    "spec",
    [
        {"privacy": {"retention": "8760h"}},
        {"sessions": {"idleTimeout": "720h", "drainDeadline": "24h"}},
        {"availability": {"failover": {"timeout": "10m"}}},
        {"llm": {"openAI": {"url": "http://llm.tools/v1", "model": "m", "timeout": "1h"}}},
    ],
)
def test_the_longest_times_that_the_api_takes_are_taken_by_the_runtime(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "runtime.json"
    file.write_text(_document(spec))
    settings.load({"DIGITAL_HUMAN_CONFIG": str(file)})


def test_what_the_runtime_does_not_heed_of_privacy_is_what_the_operator_warns_of(
    tmp_path: Path,
) -> None:
    hashed = {"hashFields": ["email"], "keySecret": {"name": "s", "key": "k"}}
    spec = {"privacy": hashed | {"freeText": "Redact", "retention": "720h"}}
    file = tmp_path / "runtime.json"
    file.write_text(_document(spec))
    told = settings.load({"DIGITAL_HUMAN_CONFIG": str(file)})
    assert told.sessions.retention_seconds == 720 * 3600
    unheeded = {sentence.split()[0] for sentence in told.unheeded}
    warned = {s.split()[0].removeprefix("spec.") for s in warnings(a_human(spec).spec, frozenset())}
    # The key never reaches the document: only the operator can tell of it.
    assert warned == unheeded | {"privacy.keySecret"}


def test_pruning_that_nobody_does_keeps_no_runtime_from_starting(tmp_path: Path) -> None:
    spec = {"gpu": {"profile": "l4", "pruning": {"sparsity": 0.5}}}
    assert any("spec.gpu.pruning" in said for said in warnings(a_human(spec).spec, frozenset()))
    file = tmp_path / "runtime.json"
    file.write_text(_document(spec))
    settings.load({"DIGITAL_HUMAN_CONFIG": str(file)})
