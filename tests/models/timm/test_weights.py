import sys
from typing import cast

import pytest
import safetensors.torch
import timm
import torch

from models.timm.config import TimmConfig
from models.timm.pretrained import needs
from models.timm.weights import load_timm, pretrained_config, random_timm
from utils.errors import UserError
from utils.weights.pretrained import LibraryCheckpoint
from utils.weights.seeded import fill_random


def network(name, **options):
    made = timm.create_model(name, **options).eval()
    fill_random(made)
    return made


def test_safetensors_without_a_classifier_and_converted_names_load(tmp_path):
    plain = network("test_vit", num_classes=0).state_dict()
    safetensors.torch.save_file(plain, tmp_path / "a.safetensors")
    loaded = load_timm(tmp_path / "a.safetensors", "test_vit").state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in plain.items())
    legacy = {f"module.{name}": tensor for name, tensor in plain.items()}
    torch.save({"state_dict": legacy}, tmp_path / "b.pth")
    assert torch.equal(load_timm(tmp_path / "b.pth", "test_vit").state_dict()["cls_token"], plain["cls_token"])


def test_other_files_and_names_are_refused(tmp_path):
    torch.save(network("test_vit").state_dict(), tmp_path / "vit.pth")
    with pytest.raises(UserError, match=r"vit\.pth: not a checkpoint of resnet10t.*Missing key.*conv1"):
        load_timm(tmp_path / "vit.pth", "resnet10t")
    state = network("test_vit").state_dict()
    torch.save({name: state[name] for name in list(state)[:-4]}, tmp_path / "less.pth")
    with pytest.raises(UserError, match=r"less\.pth: not a checkpoint of test_vit"):
        load_timm(tmp_path / "less.pth", "test_vit")
    with pytest.raises(UserError, match=r"resnt50: no model of timm.*did you mean resnet50"):
        random_timm("resnt50")
    with pytest.raises(UserError, match=r"resnet10t\.x: timm has no such tag; choose from resnet10t\.c3_in1k"):
        pretrained_config("resnet10t.x")
    with pytest.raises(UserError, match="timm has no weights for it"):
        cast(LibraryCheckpoint, needs(TimmConfig(model_name="vit_small_patch16_18x2_224"))["timm"].published).fetch()
    with pytest.raises(UserError, match="--model_name is missing"):
        TimmConfig()


def test_without_timm_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match="need the package timm"):
        random_timm("test_vit")
