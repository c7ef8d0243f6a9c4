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
from utils.errors import UserError
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


@pytest.mark.bits
def test_a_frame_does_not_depend_on_its_batch():
    extractor = TimmExtractor(TimmConfig(model_name="test_vit", show_pred=True), {"timm": None}, DEVICE)
    frames = torch.randint(0, 256, (17, 160, 160, 3), dtype=torch.uint8)
    with torch.inference_mode():
        rows = extractor.outputs({"frame": frames})
        for n in (1, 2, 3, 5, 7, 16):
            found = extractor.outputs({"frame": frames[:n]})
            assert all(torch.equal(found[key], rows[key][:n]) for key in ("timm", "logits/timm"))


def test_predictions_need_a_classifier(tmp_path):
    safetensors.torch.save_file(network("test_vit", num_classes=0).state_dict(), tmp_path / "a.safetensors")
    config = TimmConfig(model_name="test_vit", show_pred=True)
    with pytest.raises(UserError, match="--show_pred: test_vit has no classifier"):
        TimmExtractor(config, {"timm": tmp_path / "a.safetensors"}, DEVICE)


def test_a_model_that_does_not_pool_is_refused():
    extractor = TimmExtractor(TimmConfig(model_name="test_vit"), {"timm": None}, DEVICE)
    cast(Any, extractor.network).global_pool = ""
    with pytest.raises(UserError, match=r"test_vit returns \[101, 64\] per frame"):
        extractor.forward({"frame": torch.zeros(1, 160, 160, 3, dtype=torch.uint8, device=DEVICE)})
