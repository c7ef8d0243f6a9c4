import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, moving_frames, relative_error

from models.i3d.preprocess import (
    crop_frames,
    crop_whole_flow,
    crop_whole_frames,
    flow_input,
    quantize_flow,
    resized_size,
    rgb_input,
)
from models.i3d.weights import load_i3d
from utils.transforms.pillow import resize_by_taps, resize_pillow

RESIZE, RESIZE_META = case("i3d_pipeline", "case_resize")


def digest(array: np.ndarray | torch.Tensor) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


@pytest.mark.parametrize("resize", [resize_pillow, resize_by_taps])
@pytest.mark.parametrize("index", range(len(RESIZE_META["rows"])))
def test_resize_and_crop_match_video_features(index: int, resize: Callable[..., torch.Tensor]) -> None:
    row = RESIZE_META["rows"][index]
    frames = moving_frames(410 + index, 1, row["height"], row["width"])
    assert digest(frames) == row["frame_sha256"]
    size = resized_size(row["height"], row["width"])
    assert size == (row["resized_height"], row["resized_width"])
    resized = resize(torch.from_numpy(frames), size)
    assert digest(resized) == row["resized_sha256"]
    crop = crop_frames(resized)[0]
    assert digest(crop) == row["crop_sha256"]
    stored = f"output_crop_{row['height']}x{row['width']}"
    assert stored not in RESIZE or np.array_equal(crop, RESIZE[stored])


@torch.inference_mode()
def test_frames_to_rgb_features_match_video_features(i3d_files: dict[str, Path]) -> None:
    arrays, meta = case("i3d_pipeline", "case_frames_120x160")
    frames = moving_frames(meta["input"]["seed"], meta["input"]["n"], 120, 160)
    assert digest(frames) == meta["input"]["sha256_of_frames"]
    crops = crop_frames(resize_pillow(torch.from_numpy(frames[:16]).to(DEVICE), resized_size(120, 160)))
    assert digest(crops.cpu()) == meta["rgb_input_sha256"]
    assert np.array_equal(crops.cpu()[meta["rgb_input_frames_stored"]], arrays["output_rgb_input"])
    network = load_i3d(i3d_files["rgb"], "rgb", 1e-5, "video_features").to(DEVICE)
    features, _ = network(rgb_input(crops[None]))
    assert relative_error(features, arrays["output_rgb"]) < TOLERANCE


def test_rgb_input_scales_and_orders() -> None:
    crops = torch.randint(0, 256, (2, 5, 224, 224, 3), dtype=torch.uint8)
    clips = rgb_input(crops)
    assert clips.shape == (2, 3, 5, 224, 224) and clips.dtype == torch.float32
    assert clips.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(clips[1, 2, 3], 2 * crops[1, 3, :, :, 2].float() / 255 - 1)


def test_flow_to_input_matches_video_features_exactly() -> None:
    arrays, meta = case("i3d_pipeline", "case_flow_to_input")
    spec, special = meta["input"], arrays["input_special"]
    flow = np.random.default_rng(spec["seed"]).normal(0, 12, (3, 2, spec["height"], spec["width"]))
    flow = flow.astype(np.float32)
    top, left = spec["top"], spec["left"]
    flow[0, 0, top, left : left + 16] = flow[1, 1, top + 3, left : left + 16] = special
    given = torch.from_numpy(flow).to(DEVICE)
    levels = quantize_flow(given)
    assert np.array_equal(levels.cpu().numpy(), arrays["output_quantised"])
    assert np.array_equal(given.cpu().numpy(), flow), "the flow itself is left alone"
    clips = flow_input(levels[None])
    assert clips.shape == (1, 2, 3, 224, 224)
    atol = 0 if DEVICE.type == "cpu" else 1e-6  # a GPU multiplies by the inverse of a constant
    np.testing.assert_allclose(clips[0, :, :, :8, :20].cpu(), arrays["output_net_corner"], rtol=0, atol=atol)


def test_a_broken_flow_stays_visible() -> None:
    assert quantize_flow(torch.full((1, 2, 224, 224), torch.nan)).isnan().all()


def test_flow_of_raft_is_cropped_in_its_padded_middle() -> None:
    _, meta = case("i3d_pipeline", "case_frames_120x160")
    geometry = meta["geometry"]
    height, width = geometry["raft_padded_height"], geometry["raft_padded_width"]
    columns = (torch.arange(width) - 172.0).div(20).expand(1, 2, height, width)
    left = geometry["raft_crop_left_in_padded"]
    assert torch.equal(quantize_flow(columns), quantize_flow(columns[..., left : left + 224]))
    assert resized_size(120, 160) == (geometry["resized_height"], geometry["resized_width"])


@pytest.mark.parametrize(("height", "width", "resized"), [(144, 176, (313, 256)), (404, 300, (256, 345))])
def test_whole_frames_and_their_flow_are_resized_by_opencv(height: int, width: int, resized: tuple[int, int]) -> None:
    frame = moving_frames(1, 1, height, width)
    flow = np.random.default_rng(1).normal(0, 12, (height, width, 2)).astype(np.float32)
    columns, rows = resized
    top, left = rows // 2 - 112, columns // 2 - 112
    part = np.s_[top : top + 224, left : left + 224]
    expected = np.clip(cv2.resize(flow, resized)[part], -20, 20).transpose(2, 0, 1) / 20
    given = torch.from_numpy(flow.transpose(2, 0, 1).copy())[None].to(DEVICE)
    for flow_of_network in (given, torch.nn.functional.pad(given, (4, 4, 2, 2))):
        crop = crop_whole_flow(flow_of_network, (height, width))[0]
        assert relative_error(crop, expected) < TOLERANCE
    crop = crop_whole_frames(torch.from_numpy(frame).to(DEVICE))
    assert np.array_equal(crop[0].cpu(), cv2.resize(frame[0], resized)[part])
