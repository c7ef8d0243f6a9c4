"""What each stream is given; with networks that show their input. Whole runs: tests/end_to_end/test_i3d.py."""

import pytest
import torch

from models.i3d.config import I3DConfig
from models.i3d.extractor import I3DExtractor
from models.i3d.preprocess import crop_frames, flow_input, rgb_input
from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo
from utils.extractors.views_config import Resize
from utils.extractors.windows import Dense
from utils.nn.prepare import ComputeMode

INFO = VideoStreamInfo(25.0, 256, 300)
FRAMES = torch.randint(0, 256, (11, 256, 300, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def extractor(**flags) -> I3DExtractor:
    made = I3DExtractor.__new__(I3DExtractor)
    made.config, made.views, made.resize = I3DConfig(stack_size=10, step_size=10, **flags), None, Resize(side=256)
    made.compute = ComputeMode()

    def shown(clips):
        return clips.mean((2, 3, 4)), clips.amax((2, 3, 4))

    vars(made)["_networks"] = {"rgb": shown, "flow": shown}
    return made


@pytest.mark.parametrize(("streams", "keys"), [(["flow", "rgb"], ["rgb", "flow"]), (["flow"], ["flow"])])
def test_each_stream_sees_its_part_of_the_window(streams: list[str], keys: list[str]) -> None:
    model = extractor(streams=streams, show_pred=True)
    assert list(model.keys) == keys
    pairs = torch.randn(10, 2, 224, 224).half()
    batch = model.window(FRAMES, pairs)
    assert ("rgb" in batch) == ("rgb" in keys) and torch.equal(batch["flow"], pairs)
    if "rgb" in batch:
        assert torch.equal(batch["rgb"], crop_frames(FRAMES[:10]))
    outputs = model.forward({name: each[None] for name, each in batch.items()})
    for name, prepared in (("rgb", rgb_input), ("flow", flow_input)):
        if name in batch:
            clips = prepared(batch[name][None])
            torch.testing.assert_close(outputs[name], clips.mean((2, 3, 4)))
            torch.testing.assert_close(outputs[f"logits/{name}"], clips.amax((2, 3, 4)))


def test_windows_have_a_frame_more_than_the_network_sees() -> None:
    sampling = extractor().sampling(INFO)
    assert isinstance(sampling, Dense)
    windows = [list(window.indices) for window in sampling.over(31)]
    assert windows == [list(range(start, start + 11)) for start in (0, 10, 20)]
    assert extractor(short_video="error").no_windows(10, INFO).status == "failed"


def test_without_flow_frames_are_cropped_at_once() -> None:
    assert extractor(streams=["rgb"]).prepare(FRAMES).shape == (11, 224, 224, 3)
    assert torch.equal(extractor(streams=["rgb"]).prepare(FRAMES), crop_frames(extractor().prepare(FRAMES)))


def test_input_of_whole_frames_refuses_flags_that_it_would_ignore() -> None:
    ignored = {"resize": "short:300", "crop_type": "center", "min_side_size": 300, "decode": "fast"}
    for name, value in ignored.items():
        with pytest.raises(UserError, match=f"drop --{name}"):
            I3DConfig(i3d_input="mstcn", **{name: value})
