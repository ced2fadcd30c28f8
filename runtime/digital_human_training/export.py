"""
Writes the network as ONNX, node by node.

No tracing: the graph is the same for the same weights whatever torch is installed, its names are
ours, and each node has its counterpart in ``network``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from digital_human_runtime.engines.face.features import BANDS
from digital_human_runtime.engines.face.mouth import OUTPUTS

from .network import DILATIONS, LOOK_AHEAD, MEAN, SPREAD, FaceNetwork

__all__ = ["LOOK_AHEAD", "model", "weights"]
_OPSET, _IR = 17, 8


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._count = 0

    def constant(self, value: NDArray[np.generic], name: str = "") -> str:
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        names = [f"v{self._count + index}" for index in range(outputs)]
        self._count += outputs
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def one(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.add(kind, *inputs, **attributes)[0]

    def part(self, name: str, first: int, last: int) -> str:
        """Elements ``first`` to ``last`` of the last axis."""
        borders = [self.constant(np.array([at], dtype=np.int64)) for at in (first, last, -1)]
        return self.one("Slice", name, *borders)

    def shaped(self, name: str, *shape: int) -> str:
        return self.one("Reshape", name, self.constant(np.array(shape, dtype=np.int64)))

    def rename(self, name: str, to: str) -> None:
        self.nodes.append(helper.make_node("Identity", [name], [to]))


def model(network: FaceNetwork) -> onnx.ModelProto:
    """
    The network as a model: ``features`` (batch, frames, BANDS) and ``state`` (batch, n) give
    ``mouth`` (batch, frames, outputs) and ``state_out`` (batch, n).
    """
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    graph = _Graph()
    sizes = [*network.kept(), network.hidden]
    split = graph.constant(np.array(sizes, dtype=np.int64))
    *kept, hidden = graph.add("Split", "state", split, outputs=len(sizes), axis=1)
    normal = graph.one("Sub", "features", graph.constant(np.array(MEAN, dtype=np.float32)))
    normal = graph.one("Div", normal, graph.constant(np.array(SPREAD, dtype=np.float32)))
    flow = graph.one("Transpose", normal, perm=[0, 2, 1])
    onward = []
    for index in range(len(DILATIONS)):
        flow, rest = _convolution(graph, state, index, flow, kept[index])
        onward.append(rest)
    mouth, last = _head(graph, state, flow, hidden, network.hidden)
    graph.rename(mouth, "mouth")
    graph.rename(graph.one("Concat", *onward, last, axis=1), "state_out")
    return _model(graph, sum(sizes))


def weights(stored: onnx.ModelProto) -> dict[str, Tensor]:
    """
    What ``model`` wrote, as a state of ``FaceNetwork``.

    The classifier of visemes is left out: it only helps the training and is not exported.
    """
    held = {entry.name: numpy_helper.to_array(entry) for entry in stored.graph.initializer}

    def gates(value: NDArray[np.float32]) -> NDArray[np.float32]:
        update, reset, new = np.split(value, 3)
        return np.concatenate((reset, update, new))

    bias_ih, bias_hh = np.split(held["bias"][0], 2)
    found = {name: held[name] for name in held if name.startswith("convolutions.")}
    found |= {f"recurrence.{name}_l0": gates(held[name][0]) for name in ("weight_ih", "weight_hh")}
    found |= {"recurrence.bias_ih_l0": gates(bias_ih), "recurrence.bias_hh_l0": gates(bias_hh)}
    found |= {"mouth.weight": held["mouth.weight"].T, "mouth.bias": held["mouth.bias"]}
    return {name: torch.from_numpy(value.copy()) for name, value in found.items()}


def _convolution(
    graph: _Graph,
    state: dict[str, NDArray[np.float32]],
    index: int,
    flow: str,
    kept: str,
) -> tuple[str, str]:
    dilation = DILATIONS[index]
    kernel = state[f"convolutions.{index}.weight"]
    before = graph.shaped(kept, -1, kernel.shape[1], 2 * dilation)
    whole = graph.one("Concat", before, flow, axis=2)
    rest = graph.shaped(graph.part(whole, -2 * dilation, 2**31), -1, kernel.shape[1] * 2 * dilation)
    names = [f"convolutions.{index}.weight", f"convolutions.{index}.bias"]
    constants = [graph.constant(state[name], name) for name in names]
    moved = graph.one("Conv", whole, *constants, dilations=[dilation])
    moved = graph.one("Relu", moved)
    if index:
        moved = graph.one("Add", moved, graph.part(whole, dilation, -dilation))
    return moved, rest


def _head(
    graph: _Graph, state: dict[str, NDArray[np.float32]], flow: str, hidden: str, size: int
) -> tuple[str, str]:
    def gates(name: str) -> NDArray[np.float32]:
        reset, update, new = np.split(state[f"recurrence.{name}_l0"], 3)
        return np.concatenate((update, reset, new))[None]  # the order of ONNX

    inputs = [graph.constant(gates(name), name) for name in ("weight_ih", "weight_hh")]
    both = np.concatenate((gates("bias_ih"), gates("bias_hh")), axis=1)
    bias = graph.constant(both, "bias")
    begin = graph.shaped(hidden, 1, -1, size)
    middle = graph.one("Transpose", flow, perm=[2, 0, 1])
    every, last = graph.add(
        *("GRU", middle, *inputs, bias, "", begin),
        outputs=2,
        hidden_size=size,
        linear_before_reset=1,
    )
    recurrent = graph.one("Squeeze", every, graph.constant(np.array([1], dtype=np.int64)))
    seen = graph.one("Concat", middle, recurrent, axis=2)
    answer = graph.one("MatMul", seen, graph.constant(state["mouth.weight"].T, "mouth.weight"))
    answer = graph.one("Add", answer, graph.constant(state["mouth.bias"], "mouth.bias"))
    mouth = graph.one("Transpose", graph.one("Sigmoid", answer), perm=[1, 0, 2])
    return mouth, graph.shaped(last, -1, size)


def _model(graph: _Graph, state: int) -> onnx.ModelProto:
    def tensor(name: str, *shape: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))

    built = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "face",
            [tensor("features", "batch", "frames", BANDS), tensor("state", "batch", state)],
            [tensor("mouth", "batch", "frames", len(OUTPUTS)), tensor("state_out", "batch", state)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
        producer_name="digital_human_training",
    )
    onnx.checker.check_model(built, full_check=True)
    return built
