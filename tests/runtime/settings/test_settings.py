import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime import settings
from digital_human_runtime.settings import SettingsError, file
from digital_human_runtime.settings.environment import SECRETS, Environment
from digital_human_runtime.settings.face import FaceFunction, FaceServer
from digital_human_runtime.settings.settings import (
    BuiltinModel,
    EspeakVoice,
    LocalModel,
    PiperVoice,
    RivaVoice,
    ServedModel,
    ServedVoice,
    Transcription,
)

GOLDEN = sorted((Path(__file__).parents[2] / "render" / "golden").glob("*.yaml"))


def manifests(path: Path, kind: str) -> list[dict[str, Any]]:
    found = (m for m in yaml.safe_load_all(path.read_text()) if m and m["kind"] == kind)
    return [m for m in found if m["metadata"]["name"] in {"ada", "ada-config"}]


@pytest.fixture
def configured(tmp_path: Path) -> Any:
    """Loads settings from a file with this content and these variables."""

    def load(document: Any = None, **variables: str) -> settings.Settings:
        path = tmp_path / "runtime.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document or {}))
        return settings.load({"DIGITAL_HUMAN_CONFIG": str(path), **variables})

    return load


def mounted(deployment: dict[str, Any], folder: Path) -> Path:
    """What a Pod of this Deployment finds of its Secrets, at their paths below ``folder``."""
    pod = deployment["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in pod["containers"][0]["volumeMounts"]:
        secret = volumes[mount["name"]].get("secret")
        if secret is None:
            continue
        place = folder / Path(mount["mountPath"]).relative_to(SECRETS)
        place.mkdir()
        for item in secret["items"]:
            (place / item["path"]).write_text(f"{secret['secretName']}/{item['key']}")
    return folder


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_the_operator_renders_is_understood(
    path: Path, configured: Any, tmp_path: Path
) -> None:
    (config,) = manifests(path, "ConfigMap")
    document = config["data"]["runtime.json"]
    (deployment,) = manifests(path, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {e["name"]: e["value"] for e in container["env"] if "value" in e}
    del variables["DIGITAL_HUMAN_CONFIG"]
    (secrets := tmp_path / "secrets").mkdir()
    variables["DIGITAL_HUMAN_SECRETS"] = str(mounted(deployment, secrets))
    found = configured(document, **variables)
    told = json.loads(document)
    assert found.name == told["name"]
    assert found.sessions.max_sessions == told["sessions"]["perReplica"]
    assert found.sessions.drain_seconds == told["sessions"]["drainSeconds"]
    assert (found.sessions.redis is not None) == (told["sessions"]["store"]["kind"] == "redis")
    assert (found.face is not None) == (told["face"]["kind"] == "audio2face")
    assert found.model.name == variables["MODEL_NAME"]
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    env = found.environment
    for name in ("http", "websocket", "grpc", "health"):
        assert getattr(env, f"digital_human_{name}_address").endswith(f":{ports[name]}")
    fields = ["gpu.tensorRT"] if "tensorRT" in told.get("gpu", {}) else []
    assert [sentence.split()[0] for sentence in found.unheeded] == fields


def test_a_cloud_function_of_the_operator_is_the_face(configured: Any, tmp_path: Path) -> None:
    (path,) = (path for path in GOLDEN if path.stem == "nvidia-cloud")
    (config,), (deployment,) = manifests(path, "ConfigMap"), manifests(path, "Deployment")
    (secrets := tmp_path / "secrets").mkdir()
    told = {"DIGITAL_HUMAN_SECRETS": str(mounted(deployment, secrets))}
    face = configured(config["data"]["runtime.json"], **told).face
    assert (face.address, face.tls, face.ca_file) == ("grpc.nvcf.nvidia.com:443", True, None)
    assert face.function.function_id == "00000000-0000-0000-0000-000000000000"
    assert face.function.api_key_file.read_text() == "nvidia/api-key"


def test_alone_it_is_the_demonstration() -> None:
    found = settings.load({"PATH": "/bin", "HOME": "/root"})
    assert isinstance(found.model, BuiltinModel)
    assert isinstance(found.voice, EspeakVoice)
    assert found.face is None
    assert found.sessions.redis is None
    assert found.secret_files == ()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "runtime.json: it must be a JSON object"),
        ({"lmm": {}}, "lmm is not known; did you mean llm?"),
        ({"persona": {"voise": "x"}}, "persona.voise is not known; did you mean voice?"),
        ({"llm": {"openAi": {}}}, "did you mean openAI?"),
        ({"llm": {"openAI": {"url": "http://a"}}}, "llm.openAI.model is missing"),
        (
            {"llm": {"builtin": {}, "openAI": {"url": "http://a", "model": "m"}}},
            "runtime.json: llm must name one engine only",
        ),
        ({"speech": {"espeak": {}, "piper": {}}}, "runtime.json: speech must name one engine only"),
        ({"face": {"kind": "audio2face"}}, "runtime.json: face has no address: kind audio2face"),
        (
            {"sessions": {"store": {"kind": "redis"}}},
            "runtime.json: sessions.store has no url: kind redis needs redis://host:port/0",
        ),
        ({"sessions": {"perReplica": 0}}, "sessions.perReplica"),
        ({"failover": {"timeout": "soon"}}, "such as 30s or 1m30s"),
        ({"gpu": {"pruning": {"sparsity": 0.5}}}, "gpu.pruning"),
        (
            {
                "gpu": {"quantization": {"method": "int8"}},
                "llm": {"transformers": {"model": "a/b", "precision": "bf16"}},
            },
            "name the same format",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_named(configured: Any, document: Any, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        configured(document)
    assert said in str(error.value)
    assert len(error.value.sentences) == 1


def test_a_file_that_cannot_be_read() -> None:
    with pytest.raises(SettingsError, match=r"/nowhere\.json.*DIGITAL_HUMAN_CONFIG.*No such file"):
        settings.load({"DIGITAL_HUMAN_CONFIG": "/nowhere.json"})


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DIGITAL_HUMAN_LOG_LEVLE": "INFO"}, "did you mean DIGITAL_HUMAN_LOG_LEVEL?"),
        ({"DIGITAL_HUMAN_XYZZY": "1"}, "DIGITAL_HUMAN_XYZZY is not known"),
        ({"DIGITAL_HUMAN_LOG_LEVEL": "loud"}, "DIGITAL_HUMAN_LOG_LEVEL must be"),
        ({"BATCH_SIZE": "0"}, "BATCH_SIZE"),
        ({"BATCH_SIZE": "many"}, "BATCH_SIZE must be a whole number; it is 'many'"),
        ({"AUDIO2FACE_ENABLED": "perhaps"}, "AUDIO2FACE_ENABLED must be true or false"),
        ({"AUDIO2FACE_ENABLED": "true"}, "AUDIO2FACE_SERVER does not say where"),
        ({"AUDIO2FACE_SERVER": "http://a2f"}, "AUDIO2FACE_SERVER must be host:port"),
        ({"DIGITAL_HUMAN_HTTP_ADDRESS": "8000"}, "must be host:port"),
        ({"DIGITAL_HUMAN_HTTP_ADDRESS": "0.0.0.0:99999"}, "must be host:port"),
        ({"DIGITAL_HUMAN_RATE_LIMIT": "fast"}, "600/minute, or off"),
        ({"DIGITAL_HUMAN_ALLOWED_ORIGINS": "talk.example.com"}, "https://talk.example.com"),
        ({"DIGITAL_HUMAN_TLS_CERT_FILE": "/c"}, "belong together"),
        ({"DIGITAL_HUMAN_GRPC_CLIENT_CA_FILE": "/c"}, "needs TLS"),
        ({"DIGITAL_HUMAN_LLM_URL": "http://a/v1"}, "MODEL_NAME is not"),
        ({"DIGITAL_HUMAN_LLM_URL": "ollama:11434"}, "DIGITAL_HUMAN_LLM_URL must be an address"),
        ({"DIGITAL_HUMAN_LLM_URL": "http://u:p@a"}, "without a password"),
        ({"MODEL_NAME": "llama3:70b"}, "DIGITAL_HUMAN_LLM_URL"),
        ({"MODEL_NAME": "buildin"}, "did you mean builtin?"),
    ],
)
def test_what_is_wrong_with_a_variable_is_named(variables: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.load(variables)
    assert said in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        settings.load({"BATCH_SIZE": "0", "DIGITAL_HUMAN_NOPE": "1"})
    assert len(error.value.sentences) == 2


def test_links_to_services_are_no_mistake() -> None:
    links = {
        "DIGITAL_HUMAN_SERVICE_HOST": "10.0.0.1",
        "DIGITAL_HUMAN_SERVICE_PORT": "8000",
        "DIGITAL_HUMAN_SERVICE_PORT_HTTP": "8000",
        "DIGITAL_HUMAN_PORT": "tcp://10.0.0.1:8000",
        "DIGITAL_HUMAN_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "DIGITAL_HUMAN_PORT_8000_TCP_ADDR": "10.0.0.1",
        "DIGITAL_HUMAN_ADA_REDIS_SERVICE_HOST": "10.0.0.2",
        "REDIS_PORT": "tcp://10.0.0.2:6379",
        "DIGITAL_HUMAN_OPERATOR_WORKERS": "4",
    }
    assert settings.load(links) == settings.load({})


def test_no_own_variable_looks_like_one_of_kubernetes() -> None:
    names = [name.upper() for name in Environment.model_fields]
    assert not [name for name in names if name.endswith(("_PORT", "_SERVICE_HOST"))]


@pytest.mark.parametrize(
    ("variables", "model"),
    [
        ({"MODEL_NAME": "builtin"}, BuiltinModel),
        ({"MODEL_NAME": ""}, BuiltinModel),
        ({"MODEL_NAME": "Qwen/Qwen2.5-7B-Instruct"}, LocalModel),
        ({"MODEL_NAME": "/models/llama"}, LocalModel),
        ({"MODEL_NAME": "llama3:70b", "DIGITAL_HUMAN_LLM_URL": "http://ollama/v1"}, ServedModel),
    ],
)
def test_which_model_a_name_means(variables: dict[str, str], model: type) -> None:
    assert isinstance(settings.load(variables).model, model)


def test_several_servers_and_failover(configured: Any) -> None:
    found = configured(
        {"failover": {"timeout": "20s", "maxRetries": 5}},
        MODEL_NAME="llama3:8b",
        DIGITAL_HUMAN_LLM_URL="http://a/v1, http://b/v1",
    ).model
    assert (found.urls, found.timeout_seconds, found.tries) == (
        ("http://a/v1", "http://b/v1"),
        20,
        5,
    )


def test_failover_is_thirty_seconds_and_three_tries_by_itself() -> None:
    variables = {"MODEL_NAME": "m:1", "DIGITAL_HUMAN_LLM_URL": "http://a/v1"}
    found = settings.load(variables).model
    assert isinstance(found, ServedModel)
    assert (found.timeout_seconds, found.tries) == (30.0, 3)


@pytest.mark.parametrize(
    ("source", "models", "folder"),
    [
        ({"oci": {"reference": "r@sha256:0"}}, None, "/models"),
        (
            {"persistentVolumeClaim": {"claimName": "c", "path": "llama"}},
            "/models",
            "/models/llama",
        ),
        ({"huggingFace": {"repository": "a/b"}}, "/models/abc", "/models/abc"),
    ],
)
def test_where_the_operator_puts_the_weights(
    configured: Any, source: dict[str, Any], models: str | None, folder: str
) -> None:
    document = {"llm": {"transformers": {"model": "llama3:8b", "source": source}}}
    found = configured(document | ({"models": models} if models else {}), MODEL_NAME="llama3:8b")
    assert isinstance(found.model, LocalModel)
    assert found.model.directory == Path(folder)
    assert found.model.name == "llama3:8b"


@pytest.mark.parametrize(
    ("document", "variables", "voice"),
    [
        ({"speech": {}}, {}, EspeakVoice()),
        ({"speech": {"piper": {}}}, {}, PiperVoice()),
        ({"speech": {"piper": {"url": "http://q:5000"}}}, {}, PiperVoice("http://q:5000")),
        ({}, {"DIGITAL_HUMAN_PIPER_URL": "http://p:5000"}, PiperVoice("http://p:5000")),
        (
            {"speech": {"riva": {"address": "riva:50051", "tls": "Disabled"}}},
            {},
            RivaVoice("riva:50051", tls=False, api_key_file=None),
        ),
        (
            {"speech": {"http": {"url": "http://s/v1", "model": "kokoro"}}},
            {},
            ServedVoice("http://s/v1", "kokoro", None),
        ),
    ],
)
def test_which_voice(
    configured: Any, document: dict[str, Any], variables: dict[str, str], voice: object
) -> None:
    assert configured(document, **variables).voice == voice


@pytest.mark.parametrize(
    ("variables", "face"),
    [
        ({"AUDIO2FACE_SERVER": "a2f:50051"}, FaceServer("a2f:50051", tls=False, ca_file=None)),
        ({"AUDIO2FACE_SERVER": "a2f:50051", "AUDIO2FACE_ENABLED": "false"}, None),
        ({"AUDIO2FACE_ENABLED": "false"}, None),
    ],
)
def test_which_face(variables: dict[str, str], face: FaceServer | None) -> None:
    assert settings.load(variables).face == face


NVCF = {
    "AUDIO2FACE_SERVER": "grpc.nvcf.nvidia.com:443",
    "DIGITAL_HUMAN_FACE_FUNCTION_ID": "8efc-55f5",
    "DIGITAL_HUMAN_FACE_TLS": "true",
    "DIGITAL_HUMAN_FACE_API_KEY_FILE": "/keys/nvcf",
}


def test_a_face_in_the_cloud_of_nvidia(configured: Any, tmp_path: Path) -> None:
    function = FaceFunction("8efc-55f5", Path("/keys/nvcf"))
    found = settings.load(NVCF)
    assert found.face == FaceServer("grpc.nvcf.nvidia.com:443", True, None, function)
    assert Path("/keys/nvcf") in found.secret_files
    (tmp_path / "face-api-key").mkdir()
    key = tmp_path / "face-api-key" / "value"
    key.write_text("k")
    face = {"kind": "audio2face", "address": "c:443", "tls": True, "functionId": "f-1"}
    mounted = configured({"face": face}, DIGITAL_HUMAN_SECRETS=str(tmp_path))
    assert mounted.face == FaceServer("c:443", True, None, FaceFunction("f-1", key))
    assert settings.load({**NVCF, "AUDIO2FACE_ENABLED": "false"}).face is None


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["DIGITAL_HUMAN_FACE_FUNCTION_ID"], ["face.functionId"]),
        (["DIGITAL_HUMAN_FACE_TLS"], ["face.tls"]),
        (["DIGITAL_HUMAN_FACE_API_KEY_FILE"], ["face-api-key/value"]),
        (
            ["DIGITAL_HUMAN_FACE_API_KEY_FILE", "DIGITAL_HUMAN_FACE_TLS"],
            ["DIGITAL_HUMAN_FACE_API_KEY_FILE", "DIGITAL_HUMAN_FACE_TLS"],
        ),
        (["AUDIO2FACE_SERVER"], ["AUDIO2FACE_SERVER"]),
    ],
)
def test_half_of_the_cloud_of_nvidia_is_refused(missing: list[str], named: list[str]) -> None:
    variables = {name: value for name, value in NVCF.items() if name not in missing}
    with pytest.raises(SettingsError) as caught:
        settings.load(variables)
    (sentence,) = caught.value.sentences
    for name in [*missing, *named]:
        assert name in sentence
    assert ("DIGITAL_HUMAN_FACE_TLS" in sentence) == ("DIGITAL_HUMAN_FACE_TLS" in missing)


def test_secrets_that_are_mounted_are_found(configured: Any, tmp_path: Path) -> None:
    for name in ("llm-api-key/value", "redis/password", "api-key/value"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    found = configured(
        {
            "llm": {"openAI": {"url": "http://a", "model": "m"}},
            "sessions": {"store": {"kind": "redis", "url": "redis://r:6379/0"}},
            "security": {"apiKey": str(tmp_path / "api-key")},
        },
        DIGITAL_HUMAN_SECRETS=str(tmp_path),
    )
    names = {str(path.relative_to(tmp_path)) for path in found.secret_files}
    assert names == {"llm-api-key/value", "redis/password", "api-key/value"}


def test_what_hears_comes_from_the_file_and_a_variable_wins(
    configured: Any, tmp_path: Path
) -> None:
    assert configured().transcription is None
    document = {"transcription": {"http": {"url": "http://file/v1"}}}
    secrets = {"DIGITAL_HUMAN_SECRETS": str(tmp_path)}
    assert configured(document, **secrets).transcription == Transcription(
        "http://file/v1", "whisper-1", None
    )
    key = tmp_path / "transcription-api-key" / "value"
    key.parent.mkdir()
    key.write_text("secret")
    document["transcription"]["http"]["model"] = "large"
    assert configured(document, **secrets).transcription == Transcription(
        "http://file/v1", "large", key
    )
    told = {
        "DIGITAL_HUMAN_TRANSCRIPTION_URL": "http://variable/v1",
        "DIGITAL_HUMAN_TRANSCRIPTION_MODEL": "small",
        "DIGITAL_HUMAN_TRANSCRIPTION_API_KEY_FILE": "/key",
    }
    assert configured(document, **secrets, **told).transcription == Transcription(
        "http://variable/v1", "small", Path("/key")
    )


def test_batch_size_bounds_the_answers_made_at_once(configured: Any) -> None:
    document = {"sessions": {"perReplica": 8}}
    assert configured(document).sessions.max_turns == 8
    assert configured(document, BATCH_SIZE="1").sessions.max_turns == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_document_is_understood_or_refused_in_sentences(document: Any) -> None:
    said: tuple[str, ...] = ()
    try:
        file.parse(json.dumps(document), "runtime.json")
    except SettingsError as error:
        said = error.sentences
    assert all(sentence.startswith("runtime.json: ") for sentence in said)


def test_emotions_of_the_face_come_from_the_file_and_a_variable_wins(configured: Any) -> None:
    document = {"face": {"emotion": {"preferred": {"joy": 0.3}, "contrast": 2, "strength": 1}}}
    found = configured(document).emotion
    assert (found.preferred, found.contrast, found.strength) == ({"joy": 0.3}, 2, 1)
    assert (found.preferred_strength, found.max_emotions) == (None, None)
    told = {
        "DIGITAL_HUMAN_FACE_EMOTION": "fear=0.5",
        "DIGITAL_HUMAN_FACE_EMOTION_STRENGTH": "0",
        "DIGITAL_HUMAN_FACE_EMOTION_PREFERRED_STRENGTH": "0.9",
        "DIGITAL_HUMAN_FACE_EMOTION_MAX": "2",
    }
    found = configured(document, **told).emotion
    assert (found.preferred, found.strength, found.contrast) == ({"fear": 0.5}, 0, 2)
    assert (found.preferred_strength, found.max_emotions) == (0.9, 2)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("", "joi=0.4", "joi is none; did you mean joy?; take one of amazement, anger"),
        ("", "joy", "must be emotions with their strengths, such as joy=0.4,amazement=0.2"),
        ("", "joy=2", "must be less than or equal to 1"),
        ("", "joy=much", "must be a number"),
        ("_CONTRAST", "0.2", "must be greater than or equal to 0.3"),
        ("_CONTRAST", "nan", "number"),
        ("_PREFERRED_STRENGTH", "1.1", "must be less than or equal to 1"),
        ("_MAX", "7", "must be less than or equal to 6"),
    ],
)
def test_emotions_that_cannot_be_are_named(variable: str, value: str, said: str) -> None:
    name = f"DIGITAL_HUMAN_FACE_EMOTION{variable}"
    with pytest.raises(SettingsError) as refused:
        settings.load({name: value})
    assert str(refused.value).startswith(name)
    assert said in str(refused.value)


def test_an_emotion_of_the_file_that_is_none_is_named(configured: Any) -> None:
    with pytest.raises(SettingsError, match=r"face\.emotion\.preferred must hold emotions: joi is"):
        configured({"face": {"emotion": {"preferred": {"joi": 0.4}}}})


@pytest.mark.parametrize("name", ["DIGITAL_HUMAN_LLM_URL", "DIGITAL_HUMAN_SPEECH_URL"])
def test_a_password_in_an_address_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.load({name: "https://me:hunter2@llm.example.com/v1"})
    said = str(refused.value)
    assert said.startswith(f"{name} must be an address")
    assert "hunter2" not in said
    assert "llm.example.com" in said


def test_a_long_value_comes_back_cut() -> None:
    with pytest.raises(SettingsError) as refused:
        settings.load({"DIGITAL_HUMAN_RATE_LIMIT": "x" * 5000})
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("url", ["redis:6379", "http://redis", "redis://r:99999", "redis://[zz]"])
def test_an_address_that_is_no_redis_is_named(configured: Any, url: str) -> None:
    said = "must be an address such as redis://redis:6379/0"
    with pytest.raises(SettingsError, match=f"DIGITAL_HUMAN_REDIS_URL {said}"):
        settings.load({"DIGITAL_HUMAN_REDIS_URL": url})
    with pytest.raises(SettingsError, match=rf"sessions\.store\.url {said}"):
        configured({"sessions": {"store": {"kind": "redis", "url": url}}})


@pytest.mark.parametrize(
    "url", ["redis://redis:6379/0", "rediss://me@r:6380/1", "redis://[::1]:6379", "unix:///r.sock"]
)
def test_an_address_of_redis_is_taken(url: str) -> None:
    redis = settings.load({"DIGITAL_HUMAN_REDIS_URL": url}).sessions.redis
    assert redis is not None
    assert redis.url == url
