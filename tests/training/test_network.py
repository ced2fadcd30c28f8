"""The network in torch: pieces, its ONNX twin, and that training is reproducible."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch")
onnx: Any = pytest.importorskip("onnx")

from digital_human_runtime.engines.face.embedded.network import MODEL, load  # noqa: E402
from digital_human_runtime.engines.face.features import BANDS  # noqa: E402
from digital_human_runtime.engines.face.mouth import OUTPUTS  # noqa: E402
from digital_human_training import export, noise  # noqa: E402
from digital_human_training.__main__ import _train  # noqa: E402
from digital_human_training.dataset import Strip  # noqa: E402
from digital_human_training.evaluate import perform  # noqa: E402
from digital_human_training.network import LOOK_AHEAD, FaceNetwork  # noqa: E402
from digital_human_training.train import Plan, fit  # noqa: E402


def some_features(*shape: int) -> Any:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(*shape, BANDS, generator=generator) * 15 - 50


@pytest.fixture(autouse=True)
def only_learning_needs_gradients(request: pytest.FixtureRequest) -> Iterator[None]:
    with torch.set_grad_enabled("training" in request.node.name):
        yield


def test_pieces_give_what_the_whole_gives() -> None:
    torch.manual_seed(0)
    network = FaceNetwork().eval()
    features = some_features(2, 60)
    whole, _, last = network(features)
    state, parts = None, []
    for piece in features.split([1, 2, 30, 7, 20], dim=1):
        mouth, _, state = network(piece, state)
        parts.append(mouth)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(state, last, atol=1e-5, rtol=0)


def test_an_answer_sees_as_far_ahead_as_it_says_and_no_farther() -> None:
    torch.manual_seed(0)
    network = FaceNetwork().eval()
    features = some_features(1, 40)
    before = network(features)[0]
    features[0, 25] += 30
    after = network(features)[0]
    changed = (before != after).any(dim=2)[0].nonzero().flatten()
    assert changed[0] == 25  # and with it the frame LOOK_AHEAD before it
    assert LOOK_AHEAD == 10


def test_onnx_says_what_torch_says() -> None:
    import onnxruntime  # noqa: PLC0415 - only where torch is

    torch.manual_seed(1)
    network = FaceNetwork().eval()
    session = onnxruntime.InferenceSession(export.model(network).SerializeToString())
    state = torch.zeros(3, network.state_size)
    for _ in range(3):
        features = some_features(3, 50)
        mouth, _, following = network(features, state)
        told, onward = session.run(None, {"features": features.numpy(), "state": state.numpy()})
        np.testing.assert_allclose(told, mouth.numpy(), atol=1e-4)
        np.testing.assert_allclose(onward, following.numpy(), atol=1e-4)
        state = following


def test_the_committed_model_is_this_network() -> None:
    """Its weights, put back into torch, give what onnxruntime gives."""
    import onnxruntime  # noqa: PLC0415 - only where torch is

    stored = onnx.load(MODEL)
    network = FaceNetwork().eval()
    missing, unknown = network.load_state_dict(export.weights(stored), strict=False)
    assert unknown == []
    assert set(missing) == {"viseme.weight", "viseme.bias"}
    features = some_features(2, 100)
    state = torch.zeros(2, network.state_size)
    session = onnxruntime.InferenceSession(stored.SerializeToString())
    told, _ = session.run(None, {"features": features.numpy(), "state": state.numpy()})
    np.testing.assert_allclose(told, network(features, state)[0].numpy(), atol=1e-4)


def test_training_from_speech_to_a_model_that_serves(tmp_path: Path) -> None:
    model = tmp_path / "new" / "face.onnx"
    _train(model, seed=2, steps=2, seconds=60)
    told = json.loads(model.with_suffix(".json").read_text())
    assert told["training"]["steps"] == 2
    made = perform(load(model), np.zeros(16000, np.int16), 16000, 30)
    assert len(made) == 30


def strip() -> Strip:
    """A toy language: loud low bands open the jaw."""
    random = np.random.default_rng(0)
    loud = np.repeat(random.random(400) < 0.5, 20)
    power = np.where(loud[:, None], 1e-3, 1e-7) * random.uniform(0.5, 1.5, (8000, BANDS))
    mouth = np.zeros((8000, len(OUTPUTS)), np.float32)
    mouth[loud, 0] = 0.6
    return Strip(power.astype(np.float32), mouth, np.where(loud, 10, 0))


def test_training_learns_and_the_same_seed_gives_the_same_network() -> None:
    pool = noise.pool(np.random.default_rng(0), seconds=3.0)
    plan = Plan(steps=50, batch=8, frames=80, seed=5)
    told: list[float] = []
    twice = [
        fit(strip(), pool, plan, lambda _a, _b, parts, _c: told.append(parts["position"]))
        for _ in range(2)
    ]
    assert told[1] < 0.6 * told[0]
    first, second = (network.state_dict() for network in twice)
    assert all(torch.equal(first[name], second[name]) for name in first)
