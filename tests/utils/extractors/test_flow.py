"""Flow as the feature, of a network whose flow is the difference of means."""

import numpy as np
import pytest
import torch

from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo
from utils.extractors.flow import FlowExtractor
from utils.extractors.flow_config import FlowConfig
from utils.extractors.windows import Dense
from utils.nn.prepare import ComputeMode
from utils.transforms.pillow import resize_pillow

FRAMES = torch.randint(0, 256, (4, 30, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
INFO = VideoStreamInfo(25.0, 30, 40, np.arange(4) / 25)


class Differences(torch.nn.Module):
    """Padded by a column, which `crop_to_frame` takes off."""

    fixed_work = True

    def encode(self, frames):
        assert frames.dtype == torch.float32 and frames.shape[1] == 3
        return frames[:, 0], frames[:, 1]

    def between(self, first, second, size):
        flow = torch.stack([second[0] - first[0], second[1] - first[1]], dim=1)
        assert size == flow.shape[-2:]
        return torch.nn.functional.pad(flow, (0, 1))

    def pairs_at_once(self, size):
        return 7


class DifferencesExtractor(FlowExtractor):
    key = "differences"

    def load_network(self, path):
        return Differences()

    def crop_to_frame(self, flow, size):
        return flow[..., : size[1]]


def extractor(compile: bool = False, **flags: object) -> DifferencesExtractor:
    compute = ComputeMode("float32", compile)
    return DifferencesExtractor(FlowConfig(**flags), {}, torch.device("cpu"), compute)  # pyright: ignore[reportArgumentType]  # flags of several types


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_flow_is_between_neighbours(dtype: str) -> None:
    model = extractor(flow_dtype=dtype)
    assert model.pairs is not None and model.sampling(INFO) == Dense(2, 1) and model.keys == ("differences",)
    encoded = model.pairs.encode(FRAMES)
    first, second = (tuple(part[rows] for part in encoded) for rows in (slice(0, 3), slice(1, 4)))
    rows = model.pairs.between(first, second, (30, 40))
    expected = FRAMES[1:].int() - FRAMES[:-1].int()
    assert rows.shape == (3, 2, 30, 40) and rows.dtype == getattr(torch, dtype)
    assert torch.equal(rows.int(), expected[..., :2].permute(0, 3, 1, 2))
    assert model.pairs.pairs_at_once((30, 40)) == 7 and model.pairs.multiple == 1
    batch = {"flow": rows}
    assert model.window(FRAMES[:2], rows[:1])["flow"].equal(rows[0]) and model.forward(batch)["differences"] is rows


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        ({}, (30, 40)),
        ({"side_size": 15}, (15, 20)),
        ({"side_size": 20, "resize_to_larger_edge": True}, (15, 20)),
        ({"resize": "squash:32x16"}, (16, 32)),
    ],
)
def test_frames_are_resized_as_pillow_does(flags: dict, size: tuple[int, int]) -> None:
    assert torch.equal(extractor(**flags).prepare(FRAMES), resize_pillow(FRAMES, size))


def test_what_gives_no_flow_is_said() -> None:
    assert extractor().no_windows(1, INFO).reason == "1 frame, and flow needs two; leave the file out"
    assert "raise --extraction_fps" in extractor(extraction_fps=0.1).no_windows(0, INFO).reason
    with pytest.raises(UserError, match="--compile: differences is not faster compiled on a CPU"):
        extractor(compile=True)
