import cv2
import numpy as np
import torch

from models.internvideo2.preprocess import network_input, resized

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 120, 160, 3), np.uint8)


def test_frames_are_squashed_by_opencv() -> None:
    expected = np.stack([cv2.resize(frame, (224, 224)) for frame in FRAMES])
    np.testing.assert_array_equal(resized(torch.from_numpy(FRAMES)), expected)
    wide = np.stack([cv2.resize(frame, (300, 240)) for frame in FRAMES])
    np.testing.assert_array_equal(resized(torch.from_numpy(FRAMES), (240, 300), crop=False), wide)
    np.testing.assert_array_equal(resized(torch.from_numpy(FRAMES), (240, 300)), wide[:, 8:232, 38:262])


def test_clips_are_normalized_by_imagenet() -> None:
    clips = torch.from_numpy(FRAMES)[None]
    found = network_input(clips)
    expected = (FRAMES / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert found.shape == (1, 3, 2, 120, 160) and found.dtype == torch.float32
    np.testing.assert_allclose(found[0], expected.transpose(3, 0, 1, 2), atol=1e-5)
