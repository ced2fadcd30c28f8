"""
The network in torch: convolutions centred on a frame, then a recurrence.

Each convolution keeps the frames that it still needs, so that pieces give what the whole gives:
everything that flows on from piece to piece is one vector a stream. Answers come
``LOOK_AHEAD`` frames late, since each layer sees as far ahead as back.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from digital_human_runtime.engines.face.features import BANDS
from digital_human_runtime.engines.face.mouth import OUTPUTS

from .articulation import VISEMES

DILATIONS = (1, 2, 3, 4)
LOOK_AHEAD = sum(DILATIONS)
"""Frames that the network sees ahead: 100 ms."""
MEAN, SPREAD = -55.0, 18.0
"""What features in decibels are normalised by."""


class FaceNetwork(nn.Module):  # type: ignore[misc] # torch is not there where types are checked
    """(batch, frames, BANDS) -> outputs, viseme logits and the state to go on from."""

    def __init__(self, channels: int = 96, hidden: int = 112) -> None:
        super().__init__()
        self.channels, self.hidden = channels, hidden
        inputs = [BANDS, *[channels] * (len(DILATIONS) - 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(count, channels, 3, dilation=dilation)
            for count, dilation in zip(inputs, DILATIONS, strict=True)
        )
        self.recurrence = nn.GRU(channels, hidden, batch_first=True)
        self.mouth = nn.Linear(channels + hidden, len(OUTPUTS))
        self.viseme = nn.Linear(channels + hidden, len(VISEMES))

    @property
    def state_size(self) -> int:
        """Length of the vector that flows on."""
        return sum(self.kept()) + self.hidden

    def kept(self) -> list[int]:
        """Numbers that each convolution keeps."""
        counts = [BANDS, *[self.channels] * (len(DILATIONS) - 1)]
        return [2 * d * count for d, count in zip(DILATIONS, counts, strict=True)]

    def forward(self, features: Tensor, state: Tensor | None = None) -> tuple[Tensor, ...]:
        """``state`` is (batch, state_size), or None at the beginning of a stream."""
        if state is None:
            state = features.new_zeros(len(features), self.state_size)
        *kept, hidden = state.split([*self.kept(), self.hidden], dim=1)
        flow = ((features - MEAN) / SPREAD).transpose(1, 2)
        onward = []
        for index, (layer, dilation) in enumerate(zip(self.convolutions, DILATIONS, strict=True)):
            before = kept[index].reshape(len(flow), flow.shape[1], 2 * dilation)
            whole = torch.cat((before, flow), dim=2)
            onward.append(whole[:, :, -2 * dilation :].reshape(len(flow), -1))
            moved = torch.relu(layer(whole))
            centre = whole[:, :, dilation:-dilation]
            flow = moved if index == 0 else moved + centre
        middle = flow.transpose(1, 2)
        recurrent, last = self.recurrence(middle, hidden.unsqueeze(0).contiguous())
        seen = torch.cat((middle, recurrent), dim=2)
        outputs = torch.sigmoid(self.mouth(seen))
        return outputs, self.viseme(seen), torch.cat((*onward, last.squeeze(0)), dim=1)
