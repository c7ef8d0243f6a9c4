import json
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import GOLDEN, case, moving_frames, relative_error, seeded_arrays, write_checkpoint

from models.s3d.config import S3DConfig
from models.s3d.extractor import S3DExtractor
from models.s3d.weights import random_s3d
from utils.config.schema import output_settings
from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo
from utils.worker.window_builder import WindowBuilder

pytestmark = pytest.mark.usefixtures("skip_init")


def torchvision_file(path):
    """Write the seeded weights in the layout of s3d-d76dad2f.pth."""
    names = json.loads((GOLDEN / "s3d" / "map_torchvision.json").read_text())["map"]
    torch.save({names[name]: torch.from_numpy(array) for name, array in seeded_arrays("s3d").items()}, path)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [("case_s32", lambda path: write_checkpoint(path, "s3d")), ("case_s16", torchvision_file)],
    ids=["torchified", "torchvision"],
)
def test_features_of_frames_equal_the_reference(tmp_path, name, write):
    arrays, meta = case("s3d", name)
    drawn = meta["input"]
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    assert zlib.crc32(frames.tobytes()) == drawn["frames_crc32"]
    config = S3DConfig(stack_size=drawn["stack_size"], step_size=drawn["step_size"], show_pred=True)
    extractor = S3DExtractor(config, {"s3d": write(tmp_path / "published.pt")}, DEVICE)
    builder = WindowBuilder(extractor, extractor.sampling(VideoStreamInfo(25.0, 240, 320)))
    with torch.inference_mode():
        prepared = extractor.prepare(torch.from_numpy(frames).to(DEVICE))
        assert relative_error(prepared[:, :, 3::16, 5::16].transpose(0, 1), arrays["input_grid"]) < 1e-6
        cuts = [*builder.push(prepared, np.arange(len(frames)) / 25), *builder.finish()]
        outputs = extractor.forward({"clips": torch.cat([cut.inputs["clips"] for cut in cuts])})
    assert relative_error(outputs["s3d"], arrays["output_features"]) < TOLERANCE
    assert relative_error(outputs["logits/s3d"], arrays["output_logits"]) < TOLERANCE


def test_variants_have_their_own_windows_and_flags():
    assert (S3DConfig().stack, S3DConfig(variant="howto100m").stack) == ((64, 64), (32, 32))
    assert "variant" not in output_settings(S3DConfig()) and output_settings(S3DConfig())["stack_size"] == 64
    flags: dict[str, Any]
    for flags, message in (
        ({"projected": True}, "--projected is for --variant howto100m"),
        ({"variant": "howto100m", "show_pred": True}, "--show_pred is for --variant kinetics"),
        ({"variant": "howto100m", "stack_size": 15}, "needs an even number"),
    ):
        with pytest.raises(UserError, match=message):
            S3DConfig(**flags)


def test_wrong_requests_are_refused():
    S3DConfig(stack_size=13, extraction_fps=None)
    flags: dict[str, Any]
    for flags, message in (
        ({"stack_size": 12}, "it must be at least 13 frames"),
        ({"step_size": 0}, "--step_size is 0"),
        ({"extraction_fps": 0.0}, "--extraction_fps is 0"),
    ):
        with pytest.raises(UserError, match=message):
            S3DConfig(**flags)


def test_thirteen_frames_are_enough():
    with torch.inference_mode():
        features, logits = random_s3d()(torch.zeros(1, 3, 13, 224, 224))
    assert features.shape == (1, 1024) and logits.shape == (1, 400)
