import numpy as np
import pytest
import torch
from PIL import Image
from support.device import DEVICE
from torchvision import models

from models.resnet.config import MODEL_NAMES, ResNetConfig
from models.resnet.extractor import ResNetExtractor
from models.resnet.pretrained import BY_MODEL, FILES, needs
from utils.errors import UserError


def test_features_and_logits_are_torchvisions(published):
    network, path = published
    frames = np.random.default_rng(1).integers(0, 256, (2, 120, 160, 3), dtype=np.uint8)
    preset = models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    config = ResNetConfig(model_name="resnet18", show_pred=True)
    extractor = ResNetExtractor(config, {"resnet": path}, DEVICE)
    with torch.inference_mode():
        inputs = torch.stack([preset(Image.fromarray(frame)) for frame in frames])
        into_fc = []
        hook = network.fc.register_forward_hook(lambda module, given, result: into_fc.append(given[0]))
        logits = network(inputs)
        hook.remove()
        ours = extractor.forward({"frame": extractor.prepare(torch.from_numpy(frames).to(DEVICE))})
    torch.testing.assert_close(ours["resnet"].cpu(), into_fc[0], rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(ours["logits/resnet"].cpu(), logits, rtol=1e-5, atol=1e-3)
    assert ours["resnet"].shape == (2, 512)


def test_each_network_has_its_file():
    assert set(BY_MODEL) == set(MODEL_NAMES)
    assert FILES[0].name == "resnet50-0676ba61.pth" == needs(ResNetConfig())["resnet"].published.name
    with pytest.raises(UserError, match=r"--model_name is 'resnet51'.*did you mean resnet"):
        ResNetConfig(model_name="resnet51")
