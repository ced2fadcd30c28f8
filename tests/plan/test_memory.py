import math
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_operator.api.v1alpha1.body import GpuProfileName
from digital_human_operator.api.v1alpha1.mind import Precision, TransformersEngine
from digital_human_operator.plan import models
from digital_human_operator.plan.load import FaceLoad, Load, load_of, weights_gib
from digital_human_operator.plan.memory import memory
from digital_human_operator.plan.models import MODELS
from digital_human_operator.plan.options import face_options, options
from tests.support.builders import EXAMPLES, a_human, example

NAMES: tuple[GpuProfileName, ...] = tuple(n for n in get_args(GpuProfileName) if n != "none")
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def spec_with(model: str, profile: str, **changes: Any) -> dict[str, Any]:
    gpu = {"profile": profile} | changes.pop("gpu", {})
    return {"llm": {"transformers": {"model": model} | changes}, "gpu": gpu}


@pytest.mark.parametrize(
    ("model", "precision", "gib"),
    [
        ("llama3:70b", "bf16", "131"),
        ("llama3:70b", "int8", "65.7"),
        ("llama3:70b", "int4", "37.0"),
        ("llama3:8b", "bf16", "15.0"),
        ("llama3:8b", "fp32", "29.9"),
        ("mistral:7b", "bf16", "13.5"),
        ("qwen2.5:72b", "int8", "67.7"),
    ],
)
def test_weights_are_the_known_figures(model: str, precision: Precision, gib: str) -> None:
    found = weights_gib(MODELS[model], precision)
    assert (f"{found:.0f}" if found >= 100 else f"{found:.1f}") == gib


@pytest.mark.parametrize(
    ("model", "kib"), [("llama3:8b", 128), ("llama3:70b", 320), ("qwen2.5:7b", 56)]
)
def test_cache_per_token(model: str, kib: int) -> None:
    assert MODELS[model].kv_bytes_per_token == kib * 1024


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("meta-llama/Meta-Llama-3-70B-Instruct", "llama3:70b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama3.1:8b"),
        ("llama3:70b-instruct-q4_0", "llama3:70b"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral:7b"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral:8x7b"),
        ("mistralai/Mistral-Nemo-Instruct-2407", "mistral-nemo:12b"),
        ("Qwen/Qwen2.5-0.5B-Instruct", "qwen2.5:0.5b"),
        ("google/gemma-2-9b-it", "gemma2:9b"),
        ("microsoft/Phi-3-mini-4k-instruct", "phi3:mini"),
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "tinyllama:1.1b"),
    ],
)
def test_other_spellings_of_the_same_model(written: str, meant: str) -> None:
    assert models.find(TransformersEngine(model=written)) == MODELS[meant]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_catalogue_name_finds_itself(name: str) -> None:
    assert models.find(TransformersEngine(model=name)) == MODELS[name]


@pytest.mark.parametrize(
    "name", ["llama3:7000b", "my-own", "llama3", "codellama:70b", "llama30:8b"]
)
def test_strangers_are_not_guessed(name: str) -> None:
    assert models.find(TransformersEngine(model=name)) is None


def test_large_model_on_a_small_gpu_says_the_sum_and_what_would_fit() -> None:
    verdict = memory(a_human(spec_with("llama3:70b", "a100-40gb")).spec)
    assert verdict.fits is False
    assert verdict.message is not None
    assert verdict.message.startswith(
        "llama3:70b at bf16 needs 131 GiB for weights; the profile gives 1 x 40 GiB. Options: "
    )
    assert "precision int4 and gpu.profile a100-80gb (57.7 of 68.0 GiB)" in verdict.message
    assert verdict.plan is not None
    assert verdict.plan.model_dump() == {
        "weights": "131.4",
        "kv_cache": "20.0",
        "face": None,
        "contexts": "0.8",
        "total": "152.2",
        "available": "34.0",
        "fits": False,
    }


def test_cache_alone_can_be_too_much() -> None:
    verdict = memory(a_human(spec_with("llama3:8b", "l4")).spec)
    assert verdict.message is not None
    assert "weights 15.0, key/value cache 8.0, contexts 0.8" in verdict.message
    assert "memoryFraction 0.85 allows 19.0 GiB" in verdict.message
    assert "sessions.perReplica 3 (" in verdict.message


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_fits(path: Any) -> None:
    verdict = memory(example(path).spec)
    assert verdict.fits is not False
    assert verdict.message is None


def test_unknown_model_is_not_refused_but_told() -> None:
    verdict = memory(a_human(spec_with("my:70b", "a100-40gb")).spec)
    assert verdict.fits is None
    assert verdict.message is not None
    assert "not in the catalogue" in verdict.message
    assert verdict.plan is not None
    assert verdict.plan.total is None


def test_own_architecture_is_counted() -> None:
    shape = {"parametersBillions": 70.554, "layers": 80, "kvHeads": 8, "headDim": 128}
    verdict = memory(a_human(spec_with("my:70b", "a100-40gb", architecture=shape)).spec)
    assert verdict.fits is False


def test_nothing_to_plan_without_gpu() -> None:
    verdict = memory(a_human({"llm": {"transformers": {"model": "llama3:70b"}}}).spec)
    assert (verdict.plan, verdict.fits, verdict.message) == (None, None, None)


def test_face_is_held_against_its_own_gpu() -> None:
    face = {"managed": {"streams": 8, "gpu": {"profile": "a100-mig-2g.10gb"}}}
    verdict = memory(a_human(spec_with("llama3:8b", "a100-80gb") | {"face": face}).spec)
    assert verdict.fits is False
    assert verdict.message is not None
    assert "face.managed with 8 streams needs 10.2 GiB" in verdict.message
    assert "streams 5" in verdict.message
    assert verdict.plan is not None
    assert verdict.plan.face is not None
    assert verdict.plan.face.needs == "10.2"
    assert verdict.plan.total == "23.7"


@pytest.mark.parametrize("count", [1, 8])
def test_gpus_are_never_joined_as_the_runtime_uses_one(count: int) -> None:
    verdict = memory(a_human(spec_with("llama3:70b", "a100-40gb", gpu={"count": count})).spec)
    assert verdict.fits is False
    assert verdict.message is not None
    assert "the profile gives 1 x 40 GiB" in verdict.message
    assert "gpu.count" not in verdict.message


def test_autoscaler_target_bounds_the_offered_sessions() -> None:
    raw = spec_with("llama3:8b", "l4")
    raw["autoscaling"] = {"maxReplicas": 2, "sessionsPerReplica": 6}
    message = memory(a_human(raw).spec).message
    assert message is not None
    assert "sessions.perReplica" not in message


loads = st.builds(
    Load,
    model=st.sampled_from(list(MODELS.values())),
    precision=st.sampled_from(PRECISIONS),
    context_length=st.integers(256, 131072),
    sessions=st.integers(1, 64),
    profile=st.sampled_from(NAMES),
    fraction=st.floats(0.1, 0.95),
)


@given(loads, st.integers(0, 4096), st.integers(0, 8))
def test_more_context_or_sessions_never_need_less(load: Load, tokens: int, sessions: int) -> None:
    more = replace(
        load, context_length=load.context_length + tokens, sessions=load.sessions + sessions
    )
    assert more.total >= load.total
    assert load.fits or not more.fits


@given(
    st.sampled_from(sorted(MODELS)),
    st.sampled_from(PRECISIONS),
    st.sampled_from(NAMES),
    st.integers(1, 64),
    st.integers(1024, 131072),
)
def test_every_option_that_is_offered_fits_when_written_into_the_spec(
    model: str, precision: Precision, profile: GpuProfileName, sessions: int, context: int
) -> None:
    raw = spec_with(model, profile, precision=precision, contextLength=context)
    raw["sessions"] = {"perReplica": sessions}
    spec = a_human(raw).spec
    load = load_of(spec)
    assert load is not None
    if load.fits or (precision == "fp8" and not load.gpu.fp8):  # the API server refuses the latter
        return
    for option in options(spec, load):
        changed = spec_with(
            model,
            option.load.profile,
            precision=option.load.precision,
            contextLength=option.load.context_length,
        )
        changed["sessions"] = {"perReplica": option.load.sessions}
        assert memory(a_human(changed).spec).fits is True, option.text
        assert option.load.context_length > 512  # an answer of the default length has room
        assert option.load.precision == precision or option.load.precision != "fp8"


@given(st.integers(1, 256), st.sampled_from(NAMES))
def test_every_option_for_the_face_fits(streams: int, profile: GpuProfileName) -> None:
    face = FaceLoad(streams, profile)
    if not face.fits:
        assert all(other.fits for other, _ in face_options(face))
    assert not math.isnan(face.total)


FACE = {"managed": {"streams": 100, "gpu": {"profile": "a100-mig-2g.10gb"}}}


class TestPlan:
    """What status.memoryPlan shows never contradicts itself."""

    def test_face_has_a_sum_of_its_own(self) -> None:
        spec = spec_with("llama3:8b", "a100-80gb") | {"face": FACE}
        verdict = memory(a_human(spec).spec)
        plan = verdict.plan
        assert plan is not None
        assert plan.face is not None
        assert verdict.fits is False
        assert (plan.fits, plan.face.fits) == (True, False)
        assert plan.face.model_dump() == {"needs": "24.0", "available": "9.8", "fits": False}

    def test_face_alone(self) -> None:
        plan = memory(a_human({"face": FACE}).spec).plan
        assert plan is not None
        assert set(plan.model_dump(exclude_none=True)) == {"face"}

    def test_nothing_is_claimed_of_an_unknown_model(self) -> None:
        plan = memory(a_human(spec_with("mine", "l4") | {"face": FACE}).spec).plan
        assert plan is not None
        assert plan.face is not None
        assert (plan.total, plan.fits, plan.face.fits) == (None, None, False)

    @pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
    def test_fits_is_what_the_figures_say(self, path: Any) -> None:
        plan = memory(example(path).spec).plan
        if plan is None or plan.total is None or plan.available is None:
            return
        parts = [float(part) for part in (plan.weights, plan.kv_cache, plan.contexts) if part]
        assert sum(parts) == pytest.approx(float(plan.total), abs=0.2)
        assert plan.fits == (float(plan.total) <= float(plan.available))
