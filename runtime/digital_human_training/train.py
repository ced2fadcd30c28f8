"""Trains the network; the same seed gives the same network on the same machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .augment import Augment
from .dataset import Batch, Strip, batches
from .losses import loss
from .network import LOOK_AHEAD, FaceNetwork


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how the network is trained."""

    seconds: float = 4200.0
    steps: int = 2000
    batch: int = 64
    frames: int = 160
    rate: float = 3e-3
    seed: int = 1
    threads: int = 1


Report = Callable[[int, int, dict[str, float], float], None]
"""Told the step, all steps, the parts of the loss and the seconds so far."""


def fit(strip: Strip, noise: NDArray[np.float32], plan: Plan, report: Report) -> FaceNetwork:
    """Train a network on ``strip``."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    random = np.random.default_rng(plan.seed)
    network = FaceNetwork()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda at: _rate(at, plan.steps))
    began = time.monotonic()
    stream = batches(
        strip,
        Augment(noise, random),
        size=plan.batch,
        frames=plan.frames,
        count=plan.steps,
        random=random,
    )
    for step, batch in enumerate(stream, start=1):
        parts = _step(network, optimiser, batch)
        schedule.step()
        if step % 25 == 0 or step == plan.steps:
            report(step, plan.steps, parts, time.monotonic() - began)
    network.eval()
    return network


def _rate(at: int, steps: int) -> float:
    warm = min(1.0, (at + 1) / 40)
    return warm * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * at / steps)))


def _step(network: FaceNetwork, optimiser: torch.optim.Optimizer, batch: Batch) -> dict[str, float]:
    outputs, logits, _ = network(torch.from_numpy(batch.features))
    parts = loss(
        outputs[:, LOOK_AHEAD:],
        logits[:, LOOK_AHEAD:],
        torch.from_numpy(batch.mouth)[:, :-LOOK_AHEAD],
        torch.from_numpy(batch.visemes)[:, :-LOOK_AHEAD],
    )
    optimiser.zero_grad()
    torch.stack(list(parts.values())).sum().backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return {name: float(part.detach()) for name, part in parts.items()}
