"""Stacks through a network that shows the means of what it sees."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from utils.config import shared_flags
from utils.extractors.base import NoWindows, VideoStreamInfo
from utils.extractors.stacks import StackExtractor, seen
from utils.extractors.stacks_config import GROUP, StackConfig
from utils.extractors.views_config import Resize
from utils.extractors.windows import Dense

INFO = VideoStreamInfo(25.0, 48, 64, np.arange(40) / 25)


@dataclass(frozen=True)
class Stacks(StackConfig):
    stack_size: int = shared_flags.stack_size(GROUP, 8, "frames")
    step_size: int | None = shared_flags.step_size(GROUP, None)

    @property
    def stack(self) -> tuple[int, int]:
        return self.stack_size, 4


class Means(torch.nn.Module):
    def forward(self, clips):
        features = clips.mean((3, 4)).flatten(1)
        return features, 2 * features


class MeansExtractor(StackExtractor[Stacks]):
    key, side, own_resize, float32_parts = "means", 32, Resize(), ()

    def load_network(self):
        return Means()


def extractor(**flags: object) -> MeansExtractor:
    return MeansExtractor(Stacks(**flags), {"means": None}, torch.device("cpu"))  # pyright: ignore[reportArgumentType]  # flags of several types


def test_the_network_sees_the_chosen_frames_of_a_stack() -> None:
    frames = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 32, 32)
    clips = extractor(frames_per_window=4, frame_choice="first").window(frames, None)["clips"]
    assert clips.shape == (3, 4, 32, 32) and clips[0, :, 0, 0].tolist() == [0, 1, 2, 3]
    assert seen(frames, 4, "demo")[:, 0, 0, 0].tolist() == [0, 2, 4, 6]
    assert seen(frames, 8, "first") is frames
    outputs = extractor(show_pred=True).forward({"clips": clips[None]})
    torch.testing.assert_close(outputs["logits/means"], 2 * outputs["means"])
    assert outputs["means"][0, :4].tolist() == [0, 1, 2, 3] and extractor().forward({"clips": clips[None]}).keys() == {
        "means"
    }


def test_stacks_follow_each_other() -> None:
    assert extractor().sampling(INFO) == Dense(8, 4, "cycle")
    assert extractor(window_s=1.0, step_s=0.2).sampling(INFO) == Dense(25, 5, "cycle")


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        ({"short_video": "error"}, "failed", "5 frames, "),
        ({"short_video": "skip"}, "skipped", "5 frames, "),
        ({"align_rows": "middle", "step_s": 0.4}, "failed", "5 frames, fewer than the 10 from row to row"),
    ],
)
def test_a_video_shorter_than_a_stack(flags: dict, status: str, words: str) -> None:
    found = extractor(**flags).no_windows(5, INFO)
    assert isinstance(found, NoWindows) and found.status == status and found.reason.startswith(words)
