"""Checkpoint files for a comparison: the same ones for this program and for video_features, with seeded weights.

Published files cannot be had everywhere; speed does not depend on the numbers in them. The layouts are those that the
tests hold, so this reads tests/support.py.
"""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from utils.weights.seeded import fill_random

TESTS = Path(__file__).parent.parent / "tests"
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
}


def prepare(folder: Path, peer: Path) -> None:
    """Write the files into `folder`, and copies where the peer looks for them; what is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    support, clip = _module(TESTS / "support.py"), _module(TESTS / "models" / "clip" / "conftest.py")
    writers = {
        "i3d_rgb.pt": lambda path: support.write_checkpoint(path, "i3d_rgb"),
        "i3d_flow.pt": lambda path: support.write_checkpoint(path, "i3d_flow"),
        "raft-sintel.pth": lambda path: support.write_checkpoint(path, "raft"),
        "vggish-10086976.pth": lambda path: support.write_checkpoint(path, "vggish", "keys_torch.json"),
        "vggish_pca_params-970ea276.pth": _write_pca,
        "ViT-B-32.pt": lambda path: clip.write_archive(path, clip.seeded_tensors("keys_ViT-B-32.json")),
        "resnet50-0676ba61.pth": _write_resnet,
    }
    for name, place in PLACES.items():
        if not (folder / name).exists():
            writers[name](folder / name)
        theirs = Path(place.format(peer=peer))
        if not theirs.exists():
            theirs.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, theirs)


def _write_pca(path: Path) -> None:
    """Write the identity as principal axes: the peer loads them, and does not apply them."""
    torch.save({"pca_eigen_vectors": torch.eye(PCA_SIZE), "pca_means": torch.zeros(PCA_SIZE, 1)}, path)


def _write_resnet(path: Path) -> None:
    from torchvision.models import resnet50

    network: nn.Module = resnet50()
    fill_random(network)
    torch.save(network.state_dict(), path)


def _module(path: Path) -> ModuleType:
    """Return a test's helper as a module; it imports its neighbours by their plain names."""
    if str(TESTS) not in sys.path:
        sys.path.insert(0, str(TESTS))
    spec = importlib.util.spec_from_file_location(f"benchmarks_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
