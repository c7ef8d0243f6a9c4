import json

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import GOLDEN, case, layout, relative_error

from models.internvideo2.network import SPECS, InternVideo2
from models.internvideo2.pretrained import BY_MODEL
from models.internvideo2.weights import convert, interpolate, load_internvideo2
from utils.errors import UserError
from utils.nn.skip_init import SkipInit

TOLERANCE = 2e-5  # tells both GELUs apart
CASES = {"case_S14_8f_erf": (8, "exact"), "case_S14_4f_tanh": (4, "tanh")}
pytestmark = pytest.mark.usefixtures("skip_init")


@pytest.mark.parametrize("name", CASES)
def test_features_and_logits_equal_the_reference(name, internvideo2_checkpoint):
    expected, meta = case("internvideo2", name)
    network = load_internvideo2(internvideo2_checkpoint, "S14", *CASES[name]).to(DEVICE)
    clips = np.random.default_rng(meta["input"]["seed"]).normal(0, 1, meta["input"]["shape"]).astype(np.float32)
    with torch.inference_mode():
        features, logits = network(torch.from_numpy(clips[:1]).to(DEVICE))
    assert relative_error(features, expected["output_mean_patches"][:1]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"][:1]) < TOLERANCE


LAYOUTS = {
    "keys_S14.json": ("S14", 8, 710),
    "keys_B14.json": ("B14", 8, 710),
    "keys_1B.json": ("1B", 8, 710),
    "keys_S14_dist.json": ("S14", 8, 0),
    "keys_1B_pretrain.json": ("1B", 16, 0),
}


@pytest.mark.parametrize("keys", LAYOUTS)
def test_every_published_name_has_its_place(keys):
    size, n_frames, n_classes = LAYOUTS[keys]
    with SkipInit():
        state = InternVideo2(SPECS[size], n_frames, n_classes).state_dict()
    published = {name: shape for name, (shape, _) in layout("internvideo2", keys)["tensors"].items()}
    assert convert(published) == {name: list(value.shape) for name, value in state.items()}


def test_positions_keep_that_of_the_class_token():
    positions = torch.arange(1 + 2 * 256.0)[None, :, None].expand(1, -1, 3)
    more = interpolate(positions, 4, SPECS["S14"])
    assert more.shape == (1, 1 + 4 * 256, 3)
    assert torch.equal(more[:, 0], positions[:, 0])
    assert torch.equal(more[0, 1::256, 0], torch.tensor([1.0, 65.0, 193.0, 257.0]))
    assert interpolate(positions, 2, SPECS["S14"]) is positions


def test_other_files_are_refused(internvideo2_checkpoint, tmp_path):
    with pytest.raises(UserError, match=r"not a checkpoint of InternVideo2 \(.*wrong shape"):
        load_internvideo2(internvideo2_checkpoint, "B14", 8)
    torch.save({"pos_embed": torch.zeros(1, 100, 384)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"missing: .*wrong shape: pos_embed \[1, 100, 384\]"):
        load_internvideo2(tmp_path / "other.pth", "S14", 8)


def test_published_files_are_those_of_the_layouts():
    files = {"S14_ft_k710_f8": "keys_S14.json", "B14_ft_k710_f8": "keys_B14.json", "1B_ft_k710_f8": "keys_1B.json"}
    for name, keys in files.items():
        spec = json.loads((GOLDEN / "internvideo2" / keys).read_text())
        assert [BY_MODEL[name].url] == [url.replace("/blob/", "/resolve/") for url in spec["url"]]
    assert len({file.name for file in BY_MODEL.values()}) == len(BY_MODEL)
