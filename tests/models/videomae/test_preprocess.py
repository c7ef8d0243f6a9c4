import numpy as np
import pytest
import torch
from support.golden import case, moving_frames

from models.videomae.preprocess import to_network


@pytest.mark.parametrize("size", ["120x160", "360x480"])
def test_frames_are_squashed_as_in_the_published_script(size):
    expected, meta = case("videomae_v2", f"case_resize_{size}")
    drawn = meta["input"]
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    images = to_network(torch.from_numpy(frames)).transpose(0, 1)
    np.testing.assert_allclose(images[:, :, ::4, ::4], expected["output_resized"], atol=1e-5)
    np.testing.assert_allclose(images.double().mean((2, 3)), expected["output_mean"], atol=1e-5)


def test_normalizing_is_a_flag():
    white = torch.full((1, 4, 4, 3), 255, dtype=torch.uint8)
    assert torch.allclose(to_network(white), torch.tensor(1.0))
    assert torch.allclose(
        to_network(white, normalize=True)[0, :, 0, 0], torch.tensor([2.2489, 2.4286, 2.6400]), atol=1e-4
    )
