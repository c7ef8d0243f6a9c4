"""SlowFast through main.py: from a video file and a checkpoint file to what published tools give."""

import io
import tarfile
from typing import IO, cast

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.door import check_same_in_python
from support.golden import case, moving_frames, relative_error
from support.prepared import prepared
from support.program import ROOT, manifest, run
from torchvision.transforms import functional as tv

from models.slowfast import clips
from models.slowfast import extractor as slowfast_extractor
from models.slowfast.config import SlowFastConfig
from models.slowfast.extractor import SlowFastExtractor
from models.slowfast.preprocess import network_input
from utils.config.recipe import read_recipe
from utils.extractors.base import VideoStreamInfo
from utils.extractors.views_config import Resize
from utils.extractors.windows import Listed
from utils.media.input import BytesFile
from utils.media.video import VideoStream
from utils.worker.window_builder import WindowBuilder

TOLERANCE = 1e-4  # the cases allow 1e-2, for decoders and colour conversions that differ between builds


def extract(folder, *flags):
    """Run main.py on a CPU; return (what it did, the saved arrays by key)."""
    result = run(
        "--feature_type", "slowfast", "--device", "cpu", "--on_extraction", "save_numpy", "--output_path", folder,
        *flags,
    )  # fmt: skip
    return result, {path.stem: np.load(path) for path in (folder / "slowfast").glob("*.npy")}


def test_two_second_clips_equal_the_script(tmp_path, slowfast_files):
    expected, _ = case("slowfast_e2e", "case_seed003")
    video = tmp_path / "waves.mp4"
    video.write_bytes(expected["input_mp4"].tobytes())
    result, arrays = extract(
        tmp_path, "--video_paths", video, "--preset", "squash", "--clip_len", 2, "--show_pred",
        "--weights_dir", slowfast_files["pytorchvideo"].parent,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert relative_error(arrays["waves_slowfast"], expected["output_features"]) < TOLERANCE
    np.testing.assert_allclose(arrays["waves_timestamps_ms"], [49 * 40, 99 * 40])
    assert arrays["waves_fps"] == 25
    assert result.stdout.count("waves.mp4 window") == 2
    line = manifest(tmp_path / "slowfast")["waves"]
    assert (line["status"], line["windows"], line["repeated"]) == ("done", 2, 0)


def test_layers_of_files_equal_acav100m(tmp_path, slowfast_files):
    expected, meta = case("slowfast_e2e", "case_acav_shard")
    with tarfile.open(fileobj=io.BytesIO(expected["input_tar"].tobytes())) as shard:
        shard.extractall(tmp_path, filter="data")
    names = [entry["filename"] for entry in meta["input"]["shard_json"]]
    paths = [next(tmp_path.rglob(name)) for name in names]
    result, arrays = extract(
        tmp_path, "--video_paths", *paths, "--preset", "acav100m", "--layers", "--average", "clips",
        "--checkpoint", slowfast_files["caffe2"],
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for i, path in enumerate(paths):
        for layer in range(5):
            ours = arrays.pop(f"{path.stem}_layer_{layer}")
            assert relative_error(ours, expected[f"output_{i}_video_layer_{layer}"]) < TOLERANCE
    assert not arrays
    flags = {"preset": "acav100m", "layers": True, "average": "clips", "checkpoint": slowfast_files["caffe2"]}
    check_same_in_python(tmp_path / "slowfast", "slowfast", paths, **flags)


def test_frames_equal_those_of_the_tools():
    script, _ = case("slowfast_e2e", "case_seed003")
    shard, meta = case("slowfast_e2e", "case_acav_shard")
    recorded = [(script["input_mp4"].tobytes(), script["output_frame_means"])]
    with tarfile.open(fileobj=io.BytesIO(shard["input_tar"].tobytes())) as tar:
        for i, entry in enumerate(meta["input"]["shard_json"]):
            member = next(name for name in tar.getnames() if name.endswith(entry["filename"]))
            recorded.append((cast(IO[bytes], tar.extractfile(member)).read(), shard[f"output_{i}_frame_means"]))
    for data, means in recorded:
        with VideoStream(BytesFile(data, "clip.mp4")) as stream:
            frames = np.concatenate([chunk.pixels for chunk in stream])
        np.testing.assert_allclose(frames[: len(means)].mean((1, 2)), means, rtol=1e-5)


def test_wrong_requests_end_before_any_work(tmp_path):
    result, arrays = extract(
        tmp_path, "--weights", "random", "--video_paths", "sample/camera_pan.mp4", "--clip_len", 2, "--whole_video"
    )
    assert result.returncode == 2
    assert "--clip_len and --whole_video exclude each other" in result.stderr
    result, _ = extract(tmp_path, "--video_paths", "sample/camera_pan.mp4", "--checkpoint", "README.md")
    assert result.returncode == 2
    assert "README.md: neither a PyTorch nor a Caffe2 checkpoint" in result.stderr
    assert not arrays


class Sampler(SlowFastExtractor):
    """Without a network."""

    def load(self):
        self._resize = Resize()


def windows(n_frames, fps=25.0, **flags):
    extractor = Sampler(SlowFastConfig(**flags), {}, DEVICE)
    info = VideoStreamInfo(fps, 240, 320, np.arange(n_frames) / fps)
    sampling = extractor.sampling(info)
    assert isinstance(sampling, Listed)
    return [[sampling.wanted[i] for i in window.indices] for window in sampling.full()], extractor, info


def test_clips_of_a_video():
    found, *_ = windows(130)
    assert [(clip[0], clip[1], clip[-1], len(clip)) for clip in found] == [(0, 1, 49, 32), (50, 51, 99, 32)]
    assert [(clip[0], clip[-1]) for clip in windows(130, stack_size=64)[0]] == [(0, 63), (64, 127)]
    assert [(clip[0], clip[-1]) for clip in windows(130, whole_video=True)[0]] == [(0, 129)]
    ego4d = windows(39, stack_size=32, step_size=16, tail="back")[0]
    assert ego4d == [list(range(32)), list(range(7, 39))]
    assert [(clip[0], clip[-1]) for clip in windows(110, window_s=2.0, step_s=1.0)[0]] == [(0, 49), (25, 74), (50, 99)]
    assert [(clip[0], clip[-1]) for clip in windows(400, preset="acav100m")[0]] == [(0, 250)]
    assert [(clip[0], clip[-1]) for clip in windows(400, preset="acav100m", clip_len=8.0)[0]] == [(0, 199), (200, 399)]
    assert [(clip[0], clip[-1]) for clip in windows(130, fps=29.97, preset="squash")[0]] == [(0, 58), (59, 117)]


@pytest.mark.parametrize("flags", [{}, {"preset": "squash"}, {"stack_size": 50}])
def test_short_videos(flags):
    (clip,), *_ = windows(9, **flags)
    assert clip[:8] == [0, 1, 3, 4, 6, 7, 0, 2]  # 50 frames in turn, 32 of those
    for choice, status in (("skip", "skipped"), ("error", "failed")):
        found, extractor, info = windows(9, short_video=choice, **flags)
        assert found == []
        nothing = extractor.no_windows(0, info)
        assert nothing.status == status
        assert "9 frames" in nothing.reason


def test_a_video_without_frames():
    found, extractor, info = windows(0, whole_video=True)
    assert found == []
    assert extractor.no_windows(0, info).reason == "no frame could be decoded; get the file again"


@pytest.mark.parametrize("sample", ["pan", "shapes"])
def test_qvhighlights_equals_the_reference(slowfast, sample):
    expected, meta = case("qvhighlights", f"case_slowfast_{sample}")
    extractor = Sampler(SlowFastConfig(**read_recipe("qvhighlights").flags["slowfast"]), {}, DEVICE)
    frames, info = prepared(extractor, ROOT / "sample" / meta["sample"])
    sampling = cast(Listed, extractor.sampling(info))
    rows = {window.row: [sampling.wanted[i] for i in window.indices] for window in sampling.full()}
    assert rows[0] == expected["output_indices"].tolist()
    fast = torch.stack([network_input(frames[rows[row]][None])[0] for row in sorted(rows)])
    assert relative_error(fast[:, :, ::4, ::32, ::32], expected["output_fast"]) < 1e-6
    if "output_features" in expected:
        with torch.inference_mode():
            features = slowfast(fast[:1].to(DEVICE))[0][-1]
        assert relative_error(features, expected["output_features"]) < 1e-5


def test_the_end_of_a_video_is_filled_up_as_hero_does():
    (clip,) = clips.hero(11, 30, 60, 30.0)
    assert clip == [*range(0, 11, 2), *[10] * 9, *range(0, 11, 2), *[10] * 11]
    first, last = clips.hero(40, 30, 30, 25.0)  # clips of 1 s
    assert (first[:3], first[-1], last[:6]) == ([0, 1, 3], 29, [30, 31, 33, 35, 36, 38])
    assert clips.hero(0, 30, 60, 30.0) == []


class Pooled(torch.nn.Module):
    """Stands in for the network: means of parts of its input."""

    def __init__(self):
        super().__init__()
        self.classifier = torch.nn.Identity()

    def forward(self, fast):
        return [torch.nn.functional.adaptive_avg_pool3d(fast, (4, 4, 4)).flatten(1)], None


def test_five_crops_are_those_of_torchvision(monkeypatch):
    monkeypatch.setattr(slowfast_extractor, "random_slowfast", lambda _depth: Pooled())
    config = SlowFastConfig(crop_type="5-crop", resize="short:280", stack_size=40)
    extractor = SlowFastExtractor(config, {"slowfast": None}, DEVICE)
    frames = torch.from_numpy(moving_frames(0, 40, 60, 80))
    sampling = extractor.sampling(VideoStreamInfo(25.0, 60, 80, np.arange(40) / 25))
    assert isinstance(sampling, Listed)
    builder = WindowBuilder(extractor, sampling)
    with torch.inference_mode():
        windows = [*builder.push(extractor.prepare(frames[list(sampling.wanted)]), np.arange(32) / 25)]
        windows += builder.finish()
        rows = extractor.outputs(windows[0].inputs)["slowfast"].cpu()
    seen = frames[torch.linspace(0, 39, 32).long()].permute(0, 3, 1, 2) / 255
    resized = torch.nn.functional.interpolate(seen, (280, int(80 / 60 * 280)), mode="bilinear", align_corners=False)
    views = [((view - 0.45) / 0.225).transpose(0, 1)[None] for view in tv.five_crop(resized, [256, 256])]
    expected = torch.cat([Pooled()(view)[0][0] for view in views])
    assert rows.shape == (1, 5, 192)
    assert relative_error(rows[0], expected) < 1e-6
