"""Checkpoint files for a comparison: the same ones for this program and for video_features, with seeded weights.

Speed does not depend on the numbers, so the published files need not be downloaded. Their layouts are in tests/golden/,
read by tests/support/golden.py.
"""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from utils.weights.seeded import fill_random

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # as tests/conftest.py does
from support.golden import write_checkpoint

from tests.models.clip import conftest as clip

PCA_SIZE = 128
# file here → where video_features looks for it; {peer} is its folder
PLACES = {
    "i3d_rgb.pt": "{peer}/models/i3d/checkpoints/i3d_rgb.pt",
    "i3d_flow.pt": "{peer}/models/i3d/checkpoints/i3d_flow.pt",
    "raft-sintel.pth": "{peer}/models/raft/checkpoints/raft-sintel.pth",
    "vggish-10086976.pth": "{peer}/models/vggish/hub/checkpoints/vggish-10086976.pth",
    "vggish_pca_params-970ea276.pth": "{peer}/models/vggish/hub/checkpoints/vggish_pca_params-970ea276.pth",
    "ViT-B-32.pt": "{peer}/models/clip/checkpoints/CLIP-custom.pth",
    "resnet50-0676ba61.pth": "{peer}/torch_home/hub/checkpoints/resnet50-0676ba61.pth",
}  # pwc_net_sintel.pt is for us alone


def prepare(names: Iterable[str], folder: Path, peer: Path) -> None:
    """Write the files into `folder`, and copies where video_features looks for them. Existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    writers = {
        "i3d_rgb.pt": lambda path: write_checkpoint(path, "i3d_rgb"),
        "i3d_flow.pt": lambda path: write_checkpoint(path, "i3d_flow"),
        "raft-sintel.pth": lambda path: write_checkpoint(path, "raft"),
        "vggish-10086976.pth": lambda path: write_checkpoint(path, "vggish", "keys_torch.json"),
        "vggish_pca_params-970ea276.pth": _write_pca,
        "ViT-B-32.pt": lambda path: clip.write_archive(path, clip.seeded_tensors("keys_ViT-B-32.json")),
        "resnet50-0676ba61.pth": _write_resnet,
        "pwc_net_sintel.pt": lambda path: write_checkpoint(path, "pwc"),
    }
    for name in names:
        if not (folder / name).exists():
            writers[name](folder / name)
        theirs = Path(PLACES[name].format(peer=peer)) if name in PLACES else None
        if theirs and not theirs.exists():
            theirs.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, theirs)


def _write_pca(path: Path) -> None:
    """Write the identity as principal axes: video_features loads them but does not apply them."""
    torch.save({"pca_eigen_vectors": torch.eye(PCA_SIZE), "pca_means": torch.zeros(PCA_SIZE, 1)}, path)


def _write_resnet(path: Path) -> None:
    from torchvision.models import resnet50

    network: nn.Module = resnet50()
    fill_random(network)
    torch.save(network.state_dict(), path)
