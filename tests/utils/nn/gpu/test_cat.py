import torch

from utils.nn.gpu.cat import cat_channels, rows_joined


def test_rows_of_channels_are_what_pytorch_joins():
    parts = [torch.randn(2, n, 3, 4, 5).contiguous(memory_format=torch.channels_last_3d) for n in (3, 1, 8)]
    for given in (parts, [parts[0], parts[2].contiguous()]):
        joined = rows_joined(given)
        assert torch.equal(joined, torch.cat(given, 1)) and torch.equal(cat_channels(given), joined)
        assert joined.is_contiguous(memory_format=torch.channels_last_3d)
