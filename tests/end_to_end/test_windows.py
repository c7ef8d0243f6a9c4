"""Which frames and samples make a row: one run of the program, against the networks on what each row should see."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.golden import relative_error
from support.media import moving_frames, waveform, write_clip
from support.program import manifest, run

from models.i3d.config import I3DConfig
from models.i3d.extractor import I3DExtractor
from models.r21d.config import R21DConfig
from models.r21d.extractor import R21DExtractor
from models.resnet.config import ResNetConfig
from models.resnet.extractor import ResNetExtractor
from models.timm.config import TimmConfig
from models.timm.extractor import TimmExtractor
from models.vggish.config import VGGishConfig
from models.vggish.extractor import VGGishExtractor
from utils.media.audio import AudioStream
from utils.media.video import VideoStream

FLAGS = [
    "--timm.model_name", "test_vit", "--timm.window_s", 0.8, "--timm.step_s", 0.5, "--timm.tail", "back",
    "--resnet.model_name", "resnet18", "--resnet.stack_size", 8, "--resnet.pool", "middle",
    "--r21d.stack_size", 8, "--r21d.step_size", 7, "--r21d.tail", "back", "--r21d.frames_per_window", 4,
    "--i3d.stack_size", 11, "--i3d.step_size", 8, "--i3d.streams", "rgb", "--i3d.align_rows", "middle",
    "--vggish.hop_s", 0.32, "--vggish.align_rows", "middle",
]  # fmt: skip
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames in 2 s, with sound."""
    path = tmp_path_factory.mktemp("clip") / "a.mkv"
    return write_clip(path, moving_frames(20), fps=10, audio=waveform(0, 2.0, 16000), audio_rate=16000)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """Where a run of all types has saved its outputs."""
    folder = tmp_path_factory.mktemp("rows")
    result = run(
        "--feature_type", "timm", "resnet", "r21d", "i3d", "vggish", *FLAGS, "--device", "cpu", "--weights", "random",
        "--video_paths", clip, "--on_extraction", "save_numpy", "--output_path", folder,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def frames(clip: Path) -> torch.Tensor:
    """The decoded frames, uint8 [20, 48, 64, 3]."""
    with VideoStream(str(clip)) as stream:
        return torch.from_numpy(np.concatenate([chunk.pixels for chunk in stream]))


def check(folder: Path, key: str, rows: torch.Tensor, start_s: list[float], end_s: list[float]) -> None:
    """Compare the saved rows and times of a feature type with these; `key` also names the files."""
    feature_type = "i3d" if key == "rgb" else key
    saved = np.load(folder / feature_type / f"a_{key}.npy")
    assert saved.shape == rows.shape
    assert relative_error(saved, rows.numpy()) < 1e-5
    for name, times_s in (("start_s", start_s), ("end_s", end_s)):
        np.testing.assert_allclose(np.load(folder / feature_type / f"a_{name}.npy"), times_s, atol=1e-6)
    assert manifest(folder / feature_type)["a"]["windows"] == len(rows)


@torch.inference_mode()
def test_rows_are_means_over_windows_in_seconds(done: Path, frames: torch.Tensor) -> None:
    timm = TimmExtractor(TimmConfig(model_name="test_vit"), {"timm": None}, CPU)
    each = timm.forward({"frame": timm.prepare(frames)})["timm"].double()
    starts = [0, 5, 10, 12]  # the last ends at the last frame
    means = torch.stack([each[start : start + 8].mean(0) for start in starts]).float()
    check(done, "timm", means, [start / 10 for start in starts], [(start + 7) / 10 for start in starts])


@torch.inference_mode()
def test_rows_are_those_of_middle_frames(done: Path, frames: torch.Tensor) -> None:
    resnet = ResNetExtractor(ResNetConfig(model_name="resnet18"), {"resnet": None}, CPU)
    rows = resnet.forward({"frame": resnet.prepare(frames[[4, 12]])})["resnet"]
    check(done, "resnet", rows, [0.4, 1.2], [0.4, 1.2])


@torch.inference_mode()
def test_a_network_sees_some_frames_of_each_window_and_the_last_ends_with_the_video(
    done: Path, frames: torch.Tensor
) -> None:
    r21d = R21DExtractor(R21DConfig(), {"r21d": None}, CPU)
    prepared = r21d.prepare(frames)
    clips = torch.stack([prepared[start : start + 8][[0, 2, 4, 7]].transpose(0, 1) for start in (0, 7, 12)])
    check(done, "r21d", r21d.forward({"clips": clips})["r21d"], [0, 0.7, 1.2], [0.7, 1.4, 1.9])


@torch.inference_mode()
def test_the_first_and_the_last_frame_stand_outside_of_a_video(done: Path, frames: torch.Tensor) -> None:
    i3d = I3DExtractor(I3DConfig(streams=["rgb"]), {"i3d_rgb": None}, CPU)
    windows = [np.clip(np.arange(start, start + 12), 0, 19) for start in (-2, 6)]
    crops = torch.stack([i3d.window(i3d.prepare(frames[window]), None)["rgb"] for window in windows])
    check(done, "rgb", i3d.forward({"rgb": crops})["rgb"], [0, 0.6], [0.9, 1.7])
    assert manifest(done / "i3d")["a"]["repeated"] == 2


@torch.inference_mode()
def test_zeros_stand_outside_of_a_sound(done: Path, clip: Path) -> None:
    vggish = VGGishExtractor(VGGishConfig(), {"vggish": None}, CPU)
    with AudioStream(str(clip), 16000) as stream:
        sound = np.concatenate(list(stream))
        start_s = stream.start_s
    hop, first = 5120, -5240  # samples; the middles of [0, 5120) and of the first window are both 2560
    padded = torch.from_numpy(np.pad(sound, 20000))
    starts = [first + hop * row for row in range(len(sound) // hop)]
    samples = torch.stack([padded[20000 + start : 20000 + start + 15600] for start in starts])
    times_s = [start_s + start / 16000 for start in starts]
    check(done, "vggish", vggish.forward({"samples": samples})["vggish"], times_s, [t + 0.975 for t in times_s])
