import pytest
import torch
from support.golden import case, moving_frames, relative_error

from models.slowfast.clips import spread
from models.slowfast.network import SLOW_OF_FAST
from models.slowfast.preprocess import PRESETS, network_input

OURS = {"acav": "acav100m", "pytorchvideo": "pytorchvideo", "seed003": "squash"}
CASES = [
    f"{tool}_{shape}"
    for tool in OURS
    for shape in ("landscape", "portrait_odd", "downscale")
    if (tool, shape) != ("seed003", "downscale")
]


@pytest.mark.parametrize("name", CASES)
def test_input_equals_the_tools(name):
    expected, meta = case("slowfast_preprocess", f"case_{name}")
    rule = meta["input"]
    chosen = spread(range(rule["n"]))
    assert chosen == rule["frame_indices"]
    frames = moving_frames(rule["seed"], rule["n"], rule["height"], rule["width"])[chosen]
    clip = network_input(PRESETS[OURS[name.partition("_")[0]]](torch.from_numpy(frames))[None])[0]
    assert (clip.shape, clip.dtype) == ((3, 32, 256, 256), torch.float32)
    tolerance = 1e-5  # the cases allow 1e-2 for OpenCV's resize; it is the same to the bit here
    assert relative_error(clip[:, :, 3::16, 5::16], expected["output_fast_grid"]) < tolerance
    slow = clip[:, list(SLOW_OF_FAST)]
    assert relative_error(slow[:, :, 3::16, 5::16], expected["output_slow_grid"]) < tolerance
    assert relative_error(slow[1, 3], expected["output_slow_frame3_green"]) < tolerance
    assert relative_error(clip.mean((2, 3)), expected["output_fast_mean"]) < tolerance
