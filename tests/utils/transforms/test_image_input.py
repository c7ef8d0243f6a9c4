"""Frames to network input, against the transforms of torchvision, timm and open_clip on Pillow images."""

from typing import Any

import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from timm.data.transforms import ResizeKeepRatio
from timm.data.transforms_factory import create_transform
from torchvision.models import ResNet50_Weights
from torchvision.transforms import InterpolationMode

from models.resnet.extractor import INPUT
from utils.transforms.image_input import ImageInput

HALVES = (0.5, 0.5, 0.5)
# None that loses more than twice as many rows as columns: there Pillow 13 rounds in another order (resize_pillow).
SIZES = [(120, 161), (260, 200), (33, 40), (224, 224), (16, 16), (240, 427)]


def same(image, transform, height, width):
    frame = np.random.default_rng(height).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    ours = image.normalized(image.crops(torch.from_numpy(frame)))
    reference = transform(Image.fromarray(frame[0]))[None]
    return ours.dtype == torch.float32 and torch.equal(ours, reference)


@pytest.mark.parametrize("size", SIZES)
def test_resnet_input_is_torchvisions(size):
    preset = ResNet50_Weights.IMAGENET1K_V1.transforms()
    assert same(INPUT, preset, *size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("crop_mode", "fit", "fill"),
    [("center", "shortest", (0, 0, 0)), ("squash", "squash", (0, 0, 0)), ("border", "longest", (128, 102, 26))],
)
@pytest.mark.parametrize("input_size", [(65, 65), (48, 80)])
@pytest.mark.parametrize("share", [0.875, 1.0, 1.1])
def test_inputs_are_timms(size, crop_mode, fit, fill, input_size, share):
    mean = (0.5, 0.4, 0.1)
    resize = (int(input_size[0] / share), int(input_size[1] / share))
    image = ImageInput(input_size, resize, fit, "bicubic", mean, (0.2, 0.3, 0.4), fill)
    transform: Any = create_transform(
        (3, *input_size), interpolation="bicubic", mean=mean, std=(0.2, 0.3, 0.4), crop_pct=share, crop_mode=crop_mode
    )
    for step in transform.transforms:
        if isinstance(step, ResizeKeepRatio):  # versions before 1.0.31 forget to tell it the filter
            step.interpolation = InterpolationMode.BICUBIC
    assert same(image, transform, *size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fit", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
def test_inputs_are_open_clips(size, fit, filter):
    config = PreprocessCfg(64, mean=HALVES, std=HALVES, interpolation=filter, resize_mode=fit)
    image = ImageInput((64, 64), (64, 64), fit, filter, HALVES, HALVES)
    assert same(image, image_transform_v2(config, is_train=False), *size)
