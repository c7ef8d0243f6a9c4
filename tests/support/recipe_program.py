"""main.py, once per recipe, with networks that return rows of zeros; names, shapes and numbers of rows are real.

python recipe_program.py FOLDER CLIP RECIPE ...
"""

import multiprocessing
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[2]))

import models.clip.extractor as clip
import models.i3d.extractor as i3d
import models.i3d_r50.extractor as i3d_r50
import models.r21d.extractor as r21d
import models.slowfast.extractor as slowfast
import models.vggish.extractor as vggish
from main import main
from utils.extractors.base import Extractor
from utils.transforms.image_input import ImageInput


class Zeros(nn.Module):
    """A network whose features are zeros."""

    fixed_work = True  # as flow

    def __init__(self, width: int, form: str = "") -> None:
        super().__init__()
        self.width, self.form = width, form

    def forward(self, inputs: Tensor) -> Any:
        """Return features [B, width], as each network does: with logits, in a list of layers, or alone."""
        rows = torch.zeros(len(inputs), self.width)
        return {"": (rows, rows), "layers": ([rows], rows), "alone": rows}[self.form]

    def encode(self, frames: Tensor) -> tuple[Tensor]:
        """Return what flow keeps of each frame."""
        return (torch.zeros(len(frames), 1),)

    def between(self, first: tuple[Tensor], second: tuple[Tensor], size: tuple[int, int]) -> Tensor:
        """Return flow [n, 2, H, W]."""
        return torch.zeros(len(first[0]), 2, *size)

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return a few."""
        return 16


def replace_networks() -> None:
    """Let the extractors have networks of zeros."""
    networks: dict[Any, tuple[str, Zeros]] = {
        clip: ("random_tower", Zeros(512, "alone")),
        i3d: ("random_i3d", Zeros(1024)),
        i3d_r50: ("random_i3d_r50", Zeros(2048)),
        r21d: ("random_r21d", Zeros(512)),
        slowfast: ("random_slowfast", Zeros(2304, "layers")),
        vggish: ("random_vggish", Zeros(128)),
    }
    for module, (name, network) in networks.items():
        setattr(module, name, lambda *_arguments, network=network: network)
    clip.image_input = lambda *_arguments: ImageInput((224, 224), (224, 224))  # pyright: ignore[reportAttributeAccessIssue]  # replaced on purpose
    Extractor.prepare_network = lambda _self, network, *_parts, **_named: network  # pyright: ignore[reportAttributeAccessIssue]  # replaced on purpose
    i3d.I3DExtractor._flow_network = lambda _self: Zeros(2)  # pyright: ignore[reportAttributeAccessIssue]  # replaced on purpose


def run(folder: str, clip_path: str, recipes: list[str]) -> int:
    """Run the recipes, each into its own folder; return the sum of the exit codes."""
    replace_networks()
    forked = multiprocessing.get_context("fork")  # so that workers have these networks, and PyTorch is imported once
    multiprocessing.get_context = lambda _method=None: forked  # pyright: ignore[reportAttributeAccessIssue]  # replaced on purpose
    flags = ["--weights", "random", "--device", "cpu", "--video_paths", clip_path]
    return sum(main(["--recipe", name, *flags, "--output_path", f"{folder}/{name}"]) for name in recipes)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2], sys.argv[3:]))
