import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error
from torch import Tensor, nn

from models.pwc.network import PWCNet
from models.pwc.weights import load_pwc, random_pwc

CASES = (
    ("case_flow_100x140", True),
    ("case_flow_100x140", False),
    ("case_flow_256x340_align_true", True),
    ("case_flow_256x340_align_false", False),
)


@pytest.fixture(scope="module")
def random_network() -> PWCNet:
    return random_pwc()


def moving_noise(n: int, height: int, width: int) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(0)) * 255


@pytest.mark.parametrize(("name", "align_corners"), CASES)
def test_flow_matches_the_reference(
    pwc_file: Path, golden_frames: Callable[[dict[str, Any]], Tensor], name: str, align_corners: bool
) -> None:
    arrays, meta = case("pwc", name)
    frames = golden_frames(meta["input"]).to(DEVICE)
    flow = load_pwc(pwc_file, align_corners).to(DEVICE)(frames[:-1], frames[1:])
    assert relative_error(flow, arrays[f"output_flow_align_{str(align_corners).lower()}"]) < TOLERANCE


def test_flow_of_every_level_matches_the_reference(
    pwc_file: Path, golden_frames: Callable[[dict[str, Any]], Tensor]
) -> None:
    arrays, meta = case("pwc", "case_flow_100x140")
    frames = golden_frames(meta["input"]).to(DEVICE)
    network = load_pwc(pwc_file).to(DEVICE)
    flows: list[Tensor] = []
    for name in ("moduleSix", "moduleFiv", "moduleFou", "moduleThr", "moduleTwo"):
        decoder = network.get_submodule(name)
        decoder.register_forward_hook(lambda _module, _inputs, output: flows.append(output[0]))
    network(frames[:-1], frames[1:])
    for level, flow in zip((6, 5, 4, 3, 2), flows, strict=True):
        assert relative_error(flow, arrays[f"debug_flow_level{level}"]) < TOLERANCE


def test_frames_encoded_once_give_the_flow_of_each_pair_alone(random_network: PWCNet) -> None:
    frames = moving_noise(4, 70, 90)
    encoded = random_network.encode(frames)
    together = random_network.between([part[:-1] for part in encoded], [part[1:] for part in encoded], (70, 90))
    alone = torch.cat([random_network(frames[i : i + 1], frames[i + 1 : i + 2]) for i in range(3)])
    assert relative_error(together, alone) < 1e-5


def test_each_frame_is_encoded_to_levels_2_to_6(random_network: PWCNet) -> None:
    shapes = [tuple(part.shape) for part in random_network.encode(moving_noise(2, 70, 90))]
    assert shapes == [(2, 32, 32, 32), (2, 64, 16, 16), (2, 96, 8, 8), (2, 128, 4, 4), (2, 196, 2, 2)]


def test_frames_below_64_pixels_work(random_network: PWCNet) -> None:
    flow = random_network(moving_noise(1, 30, 20), moving_noise(1, 30, 20).flip(-1))
    assert flow.shape == (1, 2, 30, 20)
    assert flow.isfinite().all()


def test_reduced_precision_gives_float32_flow() -> None:
    network: nn.Module = random_pwc().to(torch.bfloat16)
    flow = network(moving_noise(1, 64, 64), moving_noise(1, 64, 64).flip(-1))
    assert flow.dtype == torch.float32
    assert flow.isfinite().all()


def test_a_batch_shrinks_as_frames_grow(random_network: PWCNet) -> None:
    batches = [random_network.pairs_at_once(size) for size in ((128, 128), (256, 340), (1080, 1920), (9999, 9999))]
    assert batches == sorted(batches, reverse=True)
    assert batches[0] > batches[-1] == 1


def test_channels_of_zeros_change_nothing(random_network: PWCNet) -> None:
    filled = copy.deepcopy(random_network)
    filled.fill_channels()
    layers = {name: layer for name, layer in filled.named_modules() if isinstance(layer, nn.Conv2d)}
    of_stacks = [layer for name, layer in layers.items() if not name.startswith("moduleExtractor")]
    assert len(of_stacks) == 5 * 6 + 7 and all(layer.weight.shape[1] % 8 == 0 for layer in of_stacks)
    frames = moving_noise(2, 64, 64)
    with torch.inference_mode():
        expected, flow = (network(frames[:1], frames[1:]) for network in (random_network, filled))
    assert relative_error(flow, expected) < 1e-5
