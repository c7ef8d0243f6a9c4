from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error
from torch import Tensor

from models.raft.network import RAFT
from models.raft.weights import load_raft, random_raft
from utils.errors import VideoError


@pytest.fixture(scope="module")
def quick_network() -> RAFT:
    return random_raft(iterations=2)


def noise(n: int, height: int, width: int) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(0)) * 255


@pytest.mark.parametrize(
    ("name", "iterations", "output"),
    [
        ("case_flow_133x203", 20, "output_flow_padded"),
        ("case_flow_133x203", 1, "output_flow_iter1"),
        ("case_flow_256x341", 20, "output_flow_padded"),
    ],
)
def test_flow_matches_the_reference(
    raft_file: Path,
    golden_frames: Callable[[dict[str, Any]], Tensor],
    name: str,
    iterations: int,
    output: str,
) -> None:
    arrays, meta = case("raft", name)
    frames = golden_frames(meta["input"]).to(DEVICE)
    flow = load_raft(raft_file, iterations).to(DEVICE)(frames[:-1], frames[1:])
    assert relative_error(flow, arrays[output]) < TOLERANCE


def test_frames_encoded_once_give_the_flow_of_each_pair_alone(quick_network: RAFT) -> None:
    frames = noise(3, 121, 130)
    encoded = quick_network.encode(frames)
    together = quick_network.between([part[:-1] for part in encoded], [part[1:] for part in encoded], (121, 130))
    alone = torch.cat([quick_network(frames[i : i + 1], frames[i + 1 : i + 2]) for i in range(2)])
    assert together.shape == (2, 2, 128, 136)
    assert relative_error(together, alone) < 1e-5


def test_frames_below_the_smallest_size_are_refused(quick_network: RAFT) -> None:
    with pytest.raises(VideoError, match="160x120"):
        quick_network(noise(1, 120, 160), noise(1, 120, 160))


def test_reduced_precision_gives_float32_flow() -> None:
    network = random_raft(iterations=1).to(torch.bfloat16)
    flow = network(noise(1, 128, 128), noise(1, 128, 128).flip(-1))
    assert flow.dtype == torch.float32
    assert flow.isfinite().all()


def test_a_batch_shrinks_as_frames_grow(quick_network: RAFT) -> None:
    batches = [quick_network.pairs_at_once(size) for size in ((128, 128), (256, 341), (1080, 1920), (9999, 9999))]
    assert batches == sorted(batches, reverse=True)
    assert batches[0] > batches[-1] == 1
