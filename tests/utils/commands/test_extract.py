from support.program import run

from models import MODELS
from utils.commands.extract import _rounding
from utils.run.prepare import Requested


def test_the_first_lines_on_a_gpu_say_what_tf32_changes():
    requested = {name: Requested(MODELS[name], MODELS[name].config_class()()) for name in ("i3d", "vggish")}
    assert "i3d 5e-04, vggish 6e-04 (docs/performance.md)" in _rounding(requested)


def test_decoding_on_a_gpu_needs_one():
    for feature_type in ("resnet", "s3d"):  # of Pillow's resizes, and of others
        done = run(
            *("--feature_type", feature_type, "--weights", "random", "--device", "cpu", "--decode", "gpu"),
            *("--video_paths", "sample/camera_pan.mp4"),
        )
        assert (done.returncode, "--decode gpu needs an NVIDIA GPU" in done.stderr) == (2, True)
