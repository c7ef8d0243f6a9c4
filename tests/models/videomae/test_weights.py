import argparse
import json

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import GOLDEN, case, layout, relative_error

from models.videomae.network import SPECS, VideoMAE
from models.videomae.pretrained import BY_MODEL
from models.videomae.weights import convert, load_videomae
from utils.errors import UserError
from utils.nn.prepare import ComputeMode, prepare_network
from utils.nn.skip_init import SkipInit

SMALL = "vit_small_patch16_224"
KEYS = {name: f"keys_{name.split('_patch')[0]}.json" for name in SPECS}
TOLERANCE = 2e-5  # tells both GELUs apart
pytestmark = pytest.mark.usefixtures("skip_init")


@pytest.fixture(scope="module")
def network(videomae_checkpoint):
    return load_videomae(videomae_checkpoint, SMALL).to(DEVICE)


def test_features_and_logits_equal_the_reference(network):
    expected, meta = case("videomae_v2", "case_small_net")
    drawn = np.random.default_rng(meta["input"]["seed"]).normal(0.45, 0.25, meta["input"]["shape"]).astype(np.float32)
    with torch.inference_mode():
        features, logits = network(torch.from_numpy(drawn[:1]).to(DEVICE))
    assert relative_error(features, expected["output_features"][:1]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"][:1]) < TOLERANCE


@pytest.mark.parametrize("name", SPECS)
def test_every_published_name_has_its_place(name):
    tensors = {key: torch.empty(shape) for key, (shape, _) in layout("videomae_v2", KEYS[name])["tensors"].items()}
    with SkipInit():
        state = VideoMAE(SPECS[name]).state_dict()
    ours = {key: value.shape for key, value in convert(tensors).items()}
    assert ours == {key: value.shape for key, value in state.items()}


def test_prefixes_and_other_objects_in_a_file_are_left_out(videomae_checkpoint, network, tmp_path):
    tensors = torch.load(videomae_checkpoint, weights_only=True)["module"]
    wrapped = {f"_orig_mod.backbone.{name}": value for name, value in tensors.items()}
    torch.save({"model": wrapped, "epoch": 30, "args": argparse.Namespace(lr=1e-4)}, tmp_path / "compiled.pth")
    state = load_videomae(tmp_path / "compiled.pth", SMALL).state_dict()
    assert all(torch.equal(state[name], value.cpu()) for name, value in network.state_dict().items())


def test_a_file_without_some_biases_is_refused_by_name(videomae_checkpoint, tmp_path):
    tensors = torch.load(videomae_checkpoint, weights_only=True)["module"]
    del tensors["blocks.3.attn.v_bias"]
    torch.save({"module": tensors}, tmp_path / "lacking.pth")
    with pytest.raises(UserError, match=r"missing: blocks\.3\.attn\.qkv\.bias; 1 unexpected: blocks\.3\.attn\.q_bias"):
        load_videomae(tmp_path / "lacking.pth", SMALL)


def test_biases_that_are_all_zero_were_lost(videomae_checkpoint, tmp_path):
    tensors = torch.load(videomae_checkpoint, weights_only=True)["module"]
    for name in [name for name in tensors if name.endswith(("q_bias", "v_bias"))][:-1]:
        tensors[name].zero_()
    torch.save({"module": tensors}, tmp_path / "zeros.pth")
    load_videomae(tmp_path / "zeros.pth", SMALL)  # one is left
    tensors["blocks.11.attn.v_bias"].zero_()
    torch.save({"module": tensors}, tmp_path / "zeros.pth")
    with pytest.raises(UserError, match=r"zeros.pth: q_bias and v_bias are 0 in all blocks"):
        load_videomae(tmp_path / "zeros.pth", SMALL)


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [("blocks.3.attn.q_bias", torch.zeros(7, 7), "missing: blocks.3.attn.qkv.bias"),
     ("head.bias", torch.tensor(0.0), "wrong shape: head.bias []"),
     ("blocks.3.mlp.fc1.bias", torch.zeros(1536, dtype=torch.int64), "wrong type: blocks.3.mlp.fc1.bias torch.int64")],
)  # fmt: skip
def test_a_file_with_an_odd_tensor_is_refused_by_its_name(videomae_checkpoint, tmp_path, name, tensor, words):
    tensors = torch.load(videomae_checkpoint, weights_only=True)["module"]
    torch.save({"module": tensors | {name: tensor}}, tmp_path / "odd.pth")
    with pytest.raises(UserError) as caught:
        load_videomae(tmp_path / "odd.pth", SMALL)
    assert words in str(caught.value)


def test_a_file_is_read_in_the_type_that_it_is_needed_in(videomae_checkpoint, network):
    half = load_videomae(videomae_checkpoint, SMALL, torch.bfloat16)
    assert {value.dtype for value in half.parameters()} == {torch.bfloat16}
    assert torch.equal(half.head.weight, network.head.weight.cpu().bfloat16())
    prepare_network(half, torch.device("cpu"), ComputeMode("bf16"), ("fc_norm", "head"))
    assert half.get_parameter("blocks.0.mlp.fc1.weight").dtype == torch.bfloat16
    assert half.head.weight.dtype == torch.float32


def test_published_files_are_those_of_the_layouts():
    for name, keys in KEYS.items():
        spec = json.loads((GOLDEN / "videomae_v2" / keys).read_text())
        assert ([BY_MODEL[name].name], [BY_MODEL[name].url]) == (spec["file"], spec["url"])
