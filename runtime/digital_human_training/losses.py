"""
What the network is punished for.

The mix follows the regression recipe that is published for Audio2Face-3D: positions, velocities,
the distance of the lips (closures matter most), phonemes, and stillness at low volume. Contact
asks for a decision where the others would be content with lips half closed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from digital_human_runtime.engines.face.mouth import CLOSED, JAW, OUTPUT_INDEX

POSITION, VELOCITY, CLOSURE, STILLNESS = 1.0, 10.0, 0.4, 3.0
CONTACT, VISEME = 0.5, 0.1
_SHARPNESS = 12.0
"""How fast the distance of lips stops to matter as they part."""
_LIPS = [OUTPUT_INDEX["mouthLowerDown"], OUTPUT_INDEX["mouthUpperUp"]]
_FUNNEL = OUTPUT_INDEX["mouthFunnel"]
_PARTS = {JAW: 4.0, CLOSED: 4.0}
"""Outputs that count more than one."""


def gap(mouth: Tensor) -> Tensor:
    """Distance of the lips, as ``engines.face.mouth.gap`` measures it but smooth everywhere."""
    lips = 0.5 * mouth[..., _LIPS].mean(dim=-1) + 0.3 * mouth[..., _FUNNEL]
    return (mouth[..., JAW] + lips) * (1.0 - mouth[..., CLOSED])


def loss(outputs: Tensor, logits: Tensor, mouth: Tensor, visemes: Tensor) -> dict[str, Tensor]:
    """The parts of the loss, already weighed; all tensors begin with (batch, frames)."""
    weights = torch.ones(mouth.shape[-1])
    for column, weight in _PARTS.items():
        weights[column] = weight
    wanted = gap(mouth)
    distance = (gap(outputs) - wanted).square()
    speaking = (visemes != 0).float()
    return {
        "position": POSITION * ((outputs - mouth).square() * weights).sum(-1).mean(),
        "velocity": VELOCITY
        * ((outputs.diff(dim=1) - mouth.diff(dim=1)).square() * weights).sum(-1).mean(),
        "closure": CLOSURE * 100.0 * (distance * torch.exp(-_SHARPNESS * wanted) * speaking).mean(),
        "contact": CONTACT
        * torch.nn.functional.binary_cross_entropy(outputs[..., CLOSED], mouth[..., CLOSED]),
        "viseme": VISEME
        * torch.nn.functional.cross_entropy(logits.flatten(0, 1), visemes.flatten()),
        "stillness": STILLNESS * 100.0 * (gap(outputs).square() * (wanted < 0.01)).mean(),
    }
