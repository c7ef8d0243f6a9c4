"""Flow as the feature; what is tested with PWC-Net holds for RAFT, which has the same extractor."""

from typing import Any

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error
from support.program import ROOT

import featmill
from models.pwc.config import PWCConfig
from models.pwc.extractor import PWCExtractor
from models.pwc.pretrained import SINTEL, needs
from utils.errors import UserError, VideoError
from utils.extractors.base import VideoStreamInfo
from utils.worker.window_builder import WindowBuilder


def extracted(extractor: PWCExtractor, frames: torch.Tensor) -> torch.Tensor:
    """Return the rows of uint8 frames [n, H, W, 3] that arrive one after the other."""
    builder = WindowBuilder(extractor, extractor.sampling(VideoStreamInfo(25.0, 240, 320)))
    rows = []
    with torch.inference_mode():
        for i, frame in enumerate(extractor.prepare(frames.to(DEVICE))):
            rows += [cut.inputs["flow"] for cut in builder.push(frame[None], np.array([i / 25]))]
        return extractor.forward({"flow": torch.cat(rows)})["pwc"]


def test_flow_equals_the_reference(pwc_file, golden_frames):
    arrays, meta = case("pwc", "case_flow_100x140")
    frames = golden_frames(meta["input"]).permute(0, 2, 3, 1).to(torch.uint8)
    extractor = PWCExtractor(PWCConfig(), {"pwc": pwc_file}, DEVICE)
    assert relative_error(extracted(extractor, frames), arrays["output_flow_align_true"]) < TOLERANCE
    half = PWCExtractor(PWCConfig(flow_dtype="float16"), {"pwc": pwc_file}, DEVICE)
    assert relative_error(extracted(half, frames), arrays["output_flow_align_true"]) < 1 / 2048


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        ({}, (120, 160)),
        ({"side_size": 60}, (60, 80)),
        ({"side_size": 80, "resize_to_larger_edge": True}, (60, 80)),
        ({"side_size": 120, "resize_to_larger_edge": True}, (90, 120)),
    ],
)
def test_the_size_of_the_frames(flags, size):
    extractor = PWCExtractor.__new__(PWCExtractor)
    extractor.config = PWCConfig(**flags)
    for shape, expected in (((120, 160), size), ((160, 120), size[::-1])):
        assert extractor.prepare(torch.zeros(2, *shape, 3, dtype=torch.uint8)).shape == (2, *expected, 3)


@pytest.mark.filterwarnings("ignore:--weights random")
def test_one_frame_has_no_flow():
    clip, flags = ROOT / "sample" / "bouncing_shapes.mp4", {"extraction_fps": 0.1, "side_size": 48}
    with pytest.raises(VideoError, match="1 frame, and flow needs two; raise --extraction_fps"):
        featmill.extract(clip, "pwc", weights="random", **flags)


def test_wrong_requests_are_refused():
    flags: dict[str, Any]
    for flags, message in (
        ({"side_size": 0}, "--side_size is 0"),
        ({"resize_to_larger_edge": True}, "changes the meaning of --side_size"),
        ({"flow_dtype": "float8"}, "choose from float16, float32"),
        ({"extraction_fps": 0.0}, "--extraction_fps is 0"),
    ):
        with pytest.raises(UserError, match=message):
            PWCConfig(**flags)


def test_the_file_it_needs():
    assert needs(PWCConfig())["pwc"].published is SINTEL
    assert needs(PWCConfig(checkpoint="mine.pt"))["pwc"].path == "mine.pt"
