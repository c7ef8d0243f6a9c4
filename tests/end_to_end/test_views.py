"""--resize and --crop_type through main.py: the rows are those of the networks, run by hand on views cut by hand."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from support.media import moving_frames, write_clip
from support.program import arrays, run
from torchvision.transforms import functional as tv

import featmill
from models.i3d.config import I3DConfig
from models.i3d.extractor import I3DExtractor
from models.i3d.preprocess import flow_input, rgb_input
from models.internvideo2 import preprocess as of_internvideo2
from models.pwc.config import PWCConfig
from models.r21d import preprocess as of_r21d
from models.raft.config import RAFTConfig
from models.resnet.weights import random_resnet
from models.s3d import preprocess as of_s3d
from models.slowfast import preprocess as of_slowfast
from models.videomae import preprocess as of_videomae
from utils.errors import UserError, VideoError
from utils.extractors.views_config import Resize
from utils.media.video import VideoStream
from utils.transforms.crops import TORCHVISION, cut
from utils.transforms.geometry import height_dim

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def squashed(frames: np.ndarray, width: int, height: int) -> torch.Tensor:
    """Return frames resized by Pillow, uint8 [n, height, width, 3]."""
    resized = [Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR) for frame in frames]
    return torch.from_numpy(np.stack([np.asarray(image) for image in resized]))


def resnet_by_hand(frames: torch.Tensor) -> torch.Tensor:
    """Return rows [n, 10, 512] of frames uint8 [n, H, W, 3]."""
    network = random_resnet("resnet18")
    network.add_module("fc", torch.nn.Identity())
    views = torch.stack(tv.ten_crop(frames.permute(0, 3, 1, 2), [224, 224]), 1)
    return network(((views.flatten(0, 1) / 255) - MEAN) / STD).unflatten(0, (-1, 10))


def i3d_by_hand(frames: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return rows [1, 1024] of RGB and flow, of the middle of frames uint8 [11, 224, 232, 3]."""
    weights = {"i3d_rgb": None, "i3d_flow": None, "pwc": None}
    extractor = I3DExtractor(I3DConfig(), weights, torch.device("cpu"))
    assert extractor.pairs is not None
    encoded = extractor.pairs.encode(frames)
    levels = extractor.pairs.between(
        tuple(part[:-1] for part in encoded), tuple(part[1:] for part in encoded), (224, 232)
    )
    inputs = {"rgb": rgb_input(frames[None, :-1, :, 4:228]), "flow": flow_input(levels[None])}
    return {stream: extractor._networks[stream](values)[0] for stream, values in inputs.items()}


def test_rows_are_those_of_views_cut_by_hand(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", moving_frames(11, 72, 96), fps=5)
    result = run(
        "--feature_type", "resnet", "i3d", "--model_name", "resnet18", "--extraction_total", 2,
        "--resnet.resize", "squash:340x256", "--resnet.crop_type", "10-crop",
        "--i3d.stack_size", 10, "--i3d.resize", "squash:232x224", "--i3d.crop_type", "3-crop", "--show_pred",
        "--weights", "random", "--device", "cpu", "--video_paths", clip, "--output_path", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[0] == f"features are saved in {tmp_path / 'out'} (--on_extraction save_numpy)"
    (run_file,) = (tmp_path / "out" / "i3d").glob("run-*.json")
    assert json.loads(run_file.read_text())["command"].startswith("python main.py --feature_type resnet i3d --model_n")
    assert sum("clip.mp4 window" in line for line in result.stdout.splitlines()) == 4  # of 2 frames and 2 streams
    saved = arrays(tmp_path / "out")
    with VideoStream(str(clip)) as stream:
        frames = np.concatenate([chunk.pixels for chunk in stream])
    with torch.inference_mode():
        np.testing.assert_allclose(
            saved["resnet/clip_resnet.npy"], resnet_by_hand(squashed(frames[[2, 8]], 340, 256)), rtol=1e-4, atol=1e-4
        )
        for key, expected in i3d_by_hand(squashed(frames, 232, 224)).items():
            ours = saved[f"i3d/clip_{key}.npy"]
            assert ours.shape == (1, 3, 1024)
            np.testing.assert_allclose(ours[:, 2], expected, rtol=1e-3, atol=1e-3)
            assert np.abs(ours[:, 1] - ours[:, 2]).max() > 1e-3


PREPARED = {  # the code of a type, with a resize where its own leaves nothing to crop from
    "r21d": (of_r21d.to_network, 112),
    "s3d": (of_s3d.to_network, 224),
    "s3d, squashed": (partial(of_s3d.to_network, signed=True, resize=Resize(size=(226, 249))), 224),
    "s3d, howto100m": (of_s3d.to_howto100m, 224),
    "videomae": (partial(of_videomae.to_network, size=(256, 340)), 224),
    "internvideo2": (partial(of_internvideo2.resized, size=(256, 340)), 224),
    "slowfast": (of_slowfast.pytorchvideo, 256),
    "slowfast, squash": (partial(of_slowfast.squash, resize=Resize(side=260)), 256),
}


@pytest.mark.parametrize("name", PREPARED)
def test_the_crop_of_a_type_is_a_view_of_its_whole_frames(name):
    prepare, side = PREPARED[name]
    frames = torch.from_numpy(moving_frames(2, 90, 121))
    whole, crop = prepare(frames, crop=False), prepare(frames)
    rows = height_dim(whole)
    (box,) = TORCHVISION["center"](whole.shape[rows], whole.shape[rows + 1], side)
    assert torch.equal(cut(whole, box, side), crop)


def test_a_frame_that_is_too_small_fails_its_video(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", moving_frames(16, 72, 96))
    with pytest.raises(VideoError, match="frames of 96x72 pixels are smaller than the 112x112 that the network sees"):
        featmill.extract(clip, "r21d", weights="random", device="cpu", crop_type="5-crop", resize="none")


def test_what_cannot_be_cropped_is_refused():
    flags = ("--weights", "random", "--crop_type", "5-crop", "--video_paths", "sample/camera_pan.mp4")
    result = run("--feature_type", "videomae", *flags)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "squashed to the 224x224 that the network sees" in result.stderr
    with pytest.raises(UserError, match="--resize and --min_side_size exclude each other"):
        I3DConfig(resize="short:256", min_side_size=300)
    with pytest.raises(UserError, match="--resize and --side_size exclude each other"):
        RAFTConfig(resize="short:256", side_size=300)
    assert not hasattr(PWCConfig(), "crop_type")  # a crop of flow is no feature
