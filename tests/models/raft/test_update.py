import torch
from torchvision.models.optical_flow.raft import ConvGRU

from models.raft.update import GatedUnit


def test_it_is_torchvisions_unit() -> None:
    for kernel, padding in (((1, 5), (0, 2)), ((5, 1), (2, 0))):
        torch.manual_seed(0)
        unit = ConvGRU(input_size=12, hidden_size=6, kernel_size=kernel, padding=padding).requires_grad_(False)
        state, context, motion = torch.randn(2, 6, 7, 9).tanh(), torch.randn(2, 8, 7, 9), torch.randn(2, 4, 7, 9)
        expected = unit(state, torch.cat((context, motion), dim=1))
        found = GatedUnit(unit, context)(state, motion)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        assert (found - state).abs().max() > 0.1
