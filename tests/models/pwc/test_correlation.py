import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import case, relative_error

from models.pwc.correlation import correlation, warp

TOLERANCE = 1e-5  # recorded in the cases


def test_correlation_matches_the_reference() -> None:
    arrays, _ = case("pwc", "case_correlation")
    volume = correlation(*(torch.from_numpy(arrays[f"input_{part}"]).to(DEVICE) for part in ("one", "two")))
    assert relative_error(volume, arrays["output"]) < TOLERANCE


def test_correlation_of_a_map_smaller_than_the_radius() -> None:
    first, second = torch.randn(2, 3, 5, 1, 2, generator=torch.Generator().manual_seed(0)).unbind(0)
    volume = correlation(first, second)
    centre = 4 * 9 + 4
    torch.testing.assert_close(volume[:, centre], (first * second).mean(1))
    torch.testing.assert_close(volume[:, centre + 1, :, 0], (first[..., 0] * second[..., 1]).mean(1))
    outside = [k for k in range(81) if k not in (centre - 1, centre, centre + 1)]
    assert not volume[:, outside].any()


@pytest.mark.parametrize("align_corners", [True, False])
def test_warp_matches_the_reference(align_corners: bool) -> None:
    arrays, _ = case("pwc", "case_warp")
    variant = f"align_{str(align_corners).lower()}"
    image, flow = (torch.from_numpy(arrays[part]).to(DEVICE) for part in ("input", "flow"))
    warped = warp(image, flow, align_corners)
    assert relative_error(warped, arrays[f"output_{variant}"]) < TOLERANCE
    kept = (warped != 0).any(dim=1, keepdim=True).cpu().numpy()
    np.testing.assert_array_equal(kept, arrays[f"mask_{variant}"].astype(bool))


def test_no_motion_keeps_every_pixel_also_at_the_border() -> None:
    image = torch.rand(1, 2, 65, 47, generator=torch.Generator().manual_seed(1)) + 1
    torch.testing.assert_close(warp(image, torch.zeros(1, 2, 65, 47)), image)


def test_coordinates_stay_float32_when_features_are_halves() -> None:
    image = torch.ones(1, 4, 3, 300, dtype=torch.bfloat16)
    flow = torch.zeros(1, 2, 3, 300, dtype=torch.bfloat16)
    warped = warp(image, flow)  # bfloat16 has no number between 256 and 258: columns would fall out of the image
    assert warped.dtype == torch.bfloat16
    assert (warped == 1).all()
