"""What makes the host wait for a GPU within a batch: nothing. Seen on fake CUDA tensors, which compute nothing."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models import MODELS
from utils.extractors.base import AudioStreamInfo, VideoStreamInfo
from utils.extractors.registry import load_extractor
from utils.media.crop import Crop
from utils.media.layout import Yuv
from utils.media.planes import upright_rgb
from utils.media.rotation import Orientation
from utils.nn import graphs
from utils.nn.graphs import CudaGraphs
from utils.worker.batch import stacked
from utils.worker.window_builder import WindowBuilder

pytestmark = pytest.mark.bits  # a real GPU and fake ones do not mix
GPU = torch.device("cuda", 0)
N_FRAMES, SIZE = 70, (140, 160)
CASES = [
    ("i3d", {"streams": ["rgb", "flow"], "stack_size": 16}),
    ("i3d", {"streams": ["flow"], "stack_size": 16, "flow_type": "raft", "crop_type": "5-crop"}),
    ("pwc", {}),
    ("raft", {}),
    ("slowfast", {"stack_size": 32}),
    ("swin", {"stack_size": 16}),
    ("i3d_r50", {}),
    ("slowonly", {}),
    ("tsn", {}),
    ("s3d", {"stack_size": 16, "crop_type": "3-crop"}),
    ("r21d", {}),
    ("resnet", {"model_name": "resnet18", "crop_type": "10-crop"}),
    ("clip", {}),
    ("vggish", {}),
    ("videomae", {}),
    ("internvideo2", {}),
    ("panns", {}),
]


class Waits(TorchDispatchMode):
    """Notes operations that need values on the host, or that copy between host and device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
            self.found.append(str(func))
        result = func(*args, **(kwargs or {}))
        values = [each for each in tree_leaves((args, kwargs, result)) if isinstance(each, Tensor) and each.ndim]
        if len({value.device.type for value in values}) > 1:
            self.found.append(str(func))
        return result


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeTensorMode]:
    """One for all tests: constants on the device are kept from one to the next."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        yield mode


def moved(network: nn.Module, device: torch.device | None = None, **_layout: Any) -> nn.Module:
    """Stand in for Module.to, which cannot exchange fake tensors."""
    for module in network.modules() if device is not None else ():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    on_device = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
                    is_weight = isinstance(tensor, nn.Parameter)
                    cast(Any, tensors)[name] = nn.Parameter(on_device, requires_grad=False) if is_weight else on_device
    return network


def called(_self: CudaGraphs, _name: object, function: graphs.Function, inputs: graphs.Tensors) -> graphs.Tensors:
    """Stand in for `CudaGraphs.run`: a function that reads values at its first call would never be a graph."""
    with graphs._Outside(inputs) as outside:
        outputs = function(inputs)
    assert not outside.reads
    return outputs


@pytest.fixture(autouse=True)
def without_weights(monkeypatch):
    """Leave the parameters unchanged: they are fake and have no memory."""
    for name in MODELS:
        module = {"clip": "tower", "tvl1": "network"}.get(name, "weights")
        weights = importlib.import_module(f"models.{name}.{module}")
        if hasattr(weights, "fill_random"):
            monkeypatch.setattr(weights, "fill_random", lambda network, *_: network)
    monkeypatch.setattr(nn.Module, "to", moved)
    monkeypatch.setattr(graphs, "_memory", lambda _values: set())  # fake tensors have none
    monkeypatch.setattr(CudaGraphs, "run", called)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (80 << 30, 80 << 30))


def batch(extractor: Any, frames: Tensor) -> None:
    """Take frames or samples through the extractor, as the pipeline does."""
    times_s = np.arange(len(frames)) / 25
    is_video = frames.ndim == 4
    if is_video:
        info = VideoStreamInfo(25.0, frames.shape[1], frames.shape[2], times_s)
    else:
        info = AudioStreamInfo(extractor.rate_hz)
    sampling = extractor.sampling(info)
    wanted = getattr(sampling, "wanted", None)
    if wanted is not None:
        frames, times_s = frames[: len(wanted)], times_s[: len(wanted)]
    builder = WindowBuilder(extractor, sampling)
    windows = [*builder.push(extractor.prepare(frames), times_s), *builder.finish()][:2]
    assert windows
    extractor.outputs(stacked(windows, len(windows)))


@pytest.mark.parametrize(("feature_type", "settings"), CASES, ids=lambda value: str(value))
def test_nothing_within_a_batch(feature_type, settings, fake):
    model = MODELS[feature_type]
    config = model.config_class()(**settings)
    extractor = load_extractor(model.extractor)(config, dict.fromkeys(model.needs(config)), GPU)
    frames = torch.empty(N_FRAMES, *SIZE, 3, dtype=torch.uint8, device=GPU)
    if model.media == "audio":
        frames = torch.empty(100_000, device=GPU)
    # cuDNN's sampler has no fake twin
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=False):
        batch(extractor, frames)  # copies constants to the device
        with Waits() as waits:
            batch(extractor, frames)
    assert waits.found == []


def test_nothing_while_planes_become_rgb(fake):
    planes = torch.empty(N_FRAMES, SIZE[0] * 3 // 2, SIZE[1], dtype=torch.uint8, device=GPU)
    yuv = Yuv(True, 1, False, Crop(2, 0, 0, 4), Orientation(True, True, False))
    upright_rgb(planes, yuv)  # copies constants to the device
    with Waits() as waits:
        assert upright_rgb(planes, yuv).shape == (N_FRAMES, SIZE[1] - 2, SIZE[0] - 4, 3)
    assert waits.found == []


WAITING: dict[str, Callable[[Tensor], Any]] = {
    "a constant": lambda x: x + torch.tensor([1.0, 2.0], device=GPU),
    "a list as index": lambda x: x[[0, 1]],
    "a copy to the host": lambda x: x.cpu(),
    "another one": lambda x: x.to("cpu", non_blocking=True),
    "a copy to the device": lambda x: torch.empty(2).to(GPU),
}


@pytest.mark.parametrize("name", WAITING)
def test_what_would_wait_is_seen(name, fake):
    with torch.inference_mode(), Waits() as waits:
        WAITING[name](torch.empty(2, device=GPU))
    assert waits.found


def test_a_value_that_the_host_reads_is_seen(fake):
    with Waits() as waits, pytest.raises(DataDependentOutputException):
        torch.empty(1, device=GPU).item()
    assert waits.found
