import pytest
import torch
from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

from models.swin.attention import WindowAttention, region_mask

WINDOW = (4, 3, 3)


@pytest.mark.parametrize("sizes", [(8, 6, 6), (7, 5, 8), (4, 3, 9), (2, 2, 2)], ids=str)
@pytest.mark.parametrize("shift", [(0, 0, 0), (2, 1, 1)], ids=str)
def test_attention_is_torchvisions(sizes, shift):
    attention = ShiftedWindowAttention3d(8, list(WINDOW), list(shift), 2)
    torch.nn.init.normal_(attention.relative_position_bias_table)
    x = torch.randn(2, *sizes, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(WindowAttention(attention)(x), attention(x))


def test_the_mask_is_made_once():
    arguments = ((8, 6, 6), WINDOW, (2, 1, 1), torch.device("cpu"), torch.float32)
    assert region_mask(*arguments) is region_mask(*arguments)
