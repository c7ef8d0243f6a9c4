"""The networks of mmaction2 that are a ResNet3D and a classifier, from files in their published layout."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import (
    GOLDEN,
    case,
    check_input,
    check_stages,
    golden_clips,
    layout,
    relative_error,
    watched,
    write_checkpoint,
)

from models.i3d_r50 import pretrained as of_i3d_r50
from models.i3d_r50.weights import load_i3d_r50, random_i3d_r50
from models.slowonly import pretrained as of_slowonly
from models.slowonly.weights import load_slowonly, random_slowonly
from utils.errors import UserError
from utils.nn.resnet3d import Classifier3D
from utils.nn.skip_init import SkipInit
from utils.weights.pretrained import Published


@dataclass(frozen=True)
class Kind:
    """One of the networks: its golden folder, loader, random one, published files, and frames of a clip."""

    golden: str
    load: Callable[[Path], Classifier3D]
    random: Callable[[], Classifier3D]
    files: Sequence[Published]
    n_frames: int


I3D_R50 = Kind(
    "i3d_r50_nl",
    load_i3d_r50,
    random_i3d_r50,
    [file for file in of_i3d_r50.FILES if file is not of_i3d_r50.BASELINE],
    32,
)
SLOWONLY = Kind("slowonly_r50", load_slowonly, random_slowonly, of_slowonly.FILES, 4)
CASES = [
    *((I3D_R50, name) for name in ("case_2x32x64x64", "case_1x32x80x72", "case_1x32x224x224")),
    *((SLOWONLY, name) for name in ("case_2x4x64x64", "case_1x8x72x88", "case_1x4x224x224")),
]
each = pytest.mark.parametrize("kind", [I3D_R50, SLOWONLY], ids=lambda kind: kind.golden)


@pytest.fixture(scope="module", autouse=True)
def skip_init() -> Iterator[None]:
    """Build networks without initial values, as the program does: all of them are given weights."""
    with SkipInit():
        yield


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("resnet3d")
    return {
        kind.golden: write_checkpoint(folder / f"{kind.golden}.pth", kind.golden, wrapper="state_dict")
        for kind in (I3D_R50, SLOWONLY)
    }


@pytest.fixture(scope="module")
def networks(checkpoints):
    return {kind.golden: kind.load(checkpoints[kind.golden]).to(DEVICE) for kind in (I3D_R50, SLOWONLY)}


@pytest.mark.parametrize(("kind", "name"), CASES, ids=lambda value: getattr(value, "golden", value))
def test_features_and_logits_equal_the_reference(kind, name, networks):
    expected, meta = case(kind.golden, name)
    clips, network = golden_clips(meta["input"]), networks[kind.golden]
    check_input(clips, expected)
    layers = {f"layer{i}": stage for i, stage in enumerate(network.backbone.stages, 1)}
    with torch.inference_mode(), watched(layers) as stages:
        features, logits = network(clips.to(DEVICE))
    check_stages(stages, stages["layer4"], expected)
    assert relative_error(features, expected["output_feature"]) < TOLERANCE
    assert relative_error(features.mean(0, keepdim=True), expected["output_clip"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE


@each
def test_published_files_are_those_of_the_layout(kind):
    spec = json.loads((GOLDEN / kind.golden / "keys.json").read_text())
    assert [(file.name, file.url) for file in kind.files] == list(zip(spec["file"], spec["url"], strict=True))
    assert all(file.name.endswith(f"-{file.sha256}.pth") for file in kind.files)


@pytest.mark.parametrize(
    ("kind", "other", "message"),
    [
        (I3D_R50, SLOWONLY, r"not a checkpoint of I3DR50 \(55 missing: .*non_local"),
        (SLOWONLY, I3D_R50, r"not a checkpoint of SlowOnly \(55 unexpected: .*non_local"),
    ],
    ids=["i3d_r50_nl", "slowonly_r50"],
)
def test_a_file_of_another_network_is_refused(kind, other, message, tmp_path):
    tensors = {name: torch.zeros(shape) for name, (shape, *_) in layout(other.golden)["tensors"].items()}
    torch.save({"state_dict": tensors}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=message):
        kind.load(tmp_path / "other.pth")


@each
def test_a_fine_tuned_file_with_other_classes_is_read(kind, checkpoints, tmp_path):
    content = torch.load(checkpoints[kind.golden], weights_only=True)
    state = content["state_dict"]
    for part in ("weight", "bias"):
        state[f"cls_head.fc_cls.{part}"] = state[f"cls_head.fc_cls.{part}"][:7].clone()
    torch.save(content, tmp_path / "seven.pth")
    assert kind.load(tmp_path / "seven.pth").classifier.out_features == 7


@each
def test_random_weights_give_finite_features(kind):
    with torch.inference_mode():
        features, logits = kind.random()(torch.rand(1, 3, kind.n_frames, 64, 64))
    assert (features.shape, logits.shape) == ((1, 2048), (1, 400))
    assert features.isfinite().all()
