import pytest
import torch

from models.pwc.preprocess import network_size, to_network, to_pixels


@pytest.mark.parametrize(
    ("size", "stretched"),
    [((256, 340), (256, 384)), ((64, 64), (64, 64)), ((65, 1), (128, 64)), ((1080, 1920), (1088, 1920))],
)
def test_both_sides_become_multiples_of_64(size: tuple[int, int], stretched: tuple[int, int]) -> None:
    assert network_size(size) == stretched


def test_the_network_reads_bgr_from_0_to_1() -> None:
    frames = torch.tensor([255.0, 51.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 70, 70)
    images = to_network(frames)
    assert images.shape == (1, 3, 128, 128)
    torch.testing.assert_close(images[0, :, 5, 5], torch.tensor([0.0, 0.2, 1.0]))


def test_flow_is_scaled_by_20_and_by_the_stretch_of_each_axis() -> None:
    flow = to_pixels(torch.ones(1, 2, 32, 48), (100, 96))  # stretched to 128 x 128
    assert flow.shape == (1, 2, 100, 96)
    torch.testing.assert_close(flow[0, :, 50, 50], torch.tensor([20 * 96 / 128, 20 * 100 / 128]))
