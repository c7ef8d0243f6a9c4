import sys
from typing import Any, cast

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image
from support.device import DEVICE, TOLERANCE
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform

from models.timm.config import TimmConfig
from models.timm.extractor import TimmExtractor
from models.timm.pretrained import needs
from models.timm.weights import load_timm, pretrained_config, random_timm
from utils.errors import UserError
from utils.weights.pretrained import LibraryCheckpoint
from utils.weights.seeded import fill_random


def network(name, **options):
    made = timm.create_model(name, **options).eval()
    fill_random(made)
    return made


@pytest.mark.parametrize("name", ["test_vit.r160_in1k", "resnet10t.c3_in1k", "test_convnext.r160_in1k"])
def test_features_are_timms(name, tmp_path):
    reference: Any = network(name, num_classes=5)
    torch.save(reference.state_dict(), tmp_path / "a.pth")
    frames = np.random.default_rng(2).integers(0, 256, (2, 130, 90, 3), dtype=np.uint8)
    transform: Any = create_transform(**resolve_model_data_config(reference))
    extractor = TimmExtractor(TimmConfig(model_name=name, show_pred=True), {"timm": tmp_path / "a.pth"}, DEVICE)
    with torch.inference_mode():
        images = torch.stack([transform(Image.fromarray(frame)) for frame in frames])
        expected_logits = reference(images)
        reference.reset_classifier(0)
        expected = reference(images)
        ours = extractor.forward({"frame": extractor.prepare(torch.from_numpy(frames).to(DEVICE))})
    torch.testing.assert_close(ours["timm"].cpu(), expected, rtol=TOLERANCE, atol=TOLERANCE)
    torch.testing.assert_close(ours["logits/timm"].cpu(), expected_logits, rtol=TOLERANCE, atol=TOLERANCE)
    assert ours["timm"].shape == (2, reference.num_features)


def test_predictions_need_a_classifier(tmp_path):
    safetensors.torch.save_file(network("test_vit", num_classes=0).state_dict(), tmp_path / "a.safetensors")
    config = TimmConfig(model_name="test_vit", show_pred=True)
    with pytest.raises(UserError, match="--show_pred: test_vit has no classifier"):
        TimmExtractor(config, {"timm": tmp_path / "a.safetensors"}, DEVICE)


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


def test_a_model_that_does_not_pool_is_refused():
    extractor = TimmExtractor(TimmConfig(model_name="test_vit"), {"timm": None}, DEVICE)
    cast(Any, extractor.network).global_pool = ""
    with pytest.raises(UserError, match=r"test_vit returns \[101, 64\] per frame"):
        extractor.forward({"frame": torch.zeros(1, 160, 160, 3, dtype=torch.uint8, device=DEVICE)})


def test_without_timm_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match="need the package timm"):
        random_timm("test_vit")
