"""RAFT's update of the flow for inference: what is the same in every iteration is computed once.

The recurrent unit reads its state, the context of the frame and the motion. The context never changes, and a
convolution of a concatenation is the sum of the convolutions of its parts, so a third of the unit's work is done once.
"""

from typing import cast

import torch
from torch import Tensor

from utils.nn.cpu.convolution import convolve
from utils.nn.lean_torchvision import torchvision


class GatedUnit:
    """One convolutional GRU of the update block, for the context of a batch of frames."""

    def __init__(self, unit: torchvision.models.optical_flow.raft.ConvGRU, context: Tensor) -> None:
        """unit: reads a state of as many channels as it returns. context: [n, C, h, w]."""
        hidden = unit.convq.out_channels
        motion_start = hidden + context.shape[1]
        self.padding = cast(tuple[int, int], unit.convq.padding)  # which torchvision gives in numbers
        gates = (unit.convz, unit.convr, unit.convq)
        weight = torch.cat([gate.weight for gate in gates])
        bias = torch.cat([gate.bias for gate in gates if gate.bias is not None])  # they all have one
        of_context = convolve(context, weight[:, hidden:motion_start], bias, padding=self.padding)
        self.hidden = hidden
        self.context_zr, self.context_q = of_context.split((2 * hidden, hidden), dim=1)
        changing = torch.cat((weight[:, :hidden], weight[:, motion_start:]), dim=1)
        self.weight_zr, self.weight_q = changing.split((2 * hidden, hidden))

    def __call__(self, state: Tensor, motion: Tensor) -> Tensor:
        """Return the next state, [n, hidden, h, w]; motion: [n, 128, h, w]."""
        gates = self._convolved(self.weight_zr, state, motion) + self.context_zr
        update, reset = torch.sigmoid(gates).split(self.hidden, dim=1)
        proposal = torch.tanh(self._convolved(self.weight_q, reset * state, motion) + self.context_q)
        return torch.lerp(state, proposal, update)

    def _convolved(self, weight: Tensor, state: Tensor, motion: Tensor) -> Tensor:
        return convolve(torch.cat((state, motion), dim=1), weight, padding=self.padding)
