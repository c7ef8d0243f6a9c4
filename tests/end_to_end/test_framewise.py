"""clip, timm and resnet through main.py."""

import numpy as np
import pytest
from support.golden import relative_error
from support.program import arrays, manifest, needs_compiler, run, run_anew

NO_TRIAL_BUILDS = {"TORCHINDUCTOR_VEC_ISA_OK": "1"}  # one for each set of instructions


SAMPLES = {  # feature type: flags, numbers of a row, rows of each clip
    "resnet": (["--resnet.model_name", "resnet18", "--resnet.extraction_fps", 2, "--resnet.show_pred"], 512, (13, 10)),
    "timm": (["--timm.model_name", "test_vit2", "--timm.extraction_total", 7], 64, (7, 7)),
    "clip": (
        ["--clip.model_name", "ViT-S-32", "--clip.extraction_fps", 4, "--clip.clip_len", 2, "--normalize"], 384, (3, 2)
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What one run of all types on the sample clips printed, and the folder of its outputs."""
    folder = tmp_path_factory.mktemp("framewise")
    flags = [flag for own, *_ in SAMPLES.values() for flag in own]
    result = run(
        "--feature_type", *SAMPLES, *flags, "--weights", "random", "--file_with_video_paths",
        "sample/sample_video_paths.txt", "--on_extraction", "save_numpy", "--output_path", folder,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "FEATURES MEAN NOTHING" in result.stderr
    return result, folder


@pytest.mark.parametrize("key", SAMPLES)
def test_the_sample_clips_with_random_weights(done, key):
    result, folder = done
    _, size, rows = SAMPLES[key]
    features = times_ms = np.empty(0)
    for name, n_rows in zip(("bouncing_shapes", "camera_pan"), rows, strict=True):
        features = np.load(folder / key / f"{name}_{key}.npy")
        assert (features.shape, features.dtype) == ((n_rows, size), np.float32)
        assert np.isfinite(features).all()
        times_ms = np.load(folder / key / f"{name}_timestamps_ms.npy")
        assert times_ms.shape == (n_rows,)
        assert (np.diff(times_ms) > 0).all()
        assert manifest(folder / key)[name]["weights"] == {key: "random"}
    if key == "clip":
        np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
        assert times_ms.tolist() == [1750, 3750]  # the last frame of each clip
    if key == "resnet":
        assert result.stdout.count("camera_pan.mp4 window") == 10
        assert times_ms.tolist() == [500.0 * i for i in range(10)]


def test_fast_resizing_gives_nearly_the_same_and_is_a_setting(tmp_path):
    wanted = (
        "--feature_type", "timm", "i3d", "--model_name", "test_vit2", "--streams", "rgb", "--min_side_size", 230,
        "--stack_size", 10, "--weights", "random", "--extraction_fps", 5, "--on_extraction", "save_numpy",
        "--video_paths", "sample/bouncing_shapes.mp4",
    )  # fmt: skip
    features = {}
    for decode in ("exact", "fast"):
        result = run(*wanted, "--decode", decode, "--output_path", tmp_path / decode)
        assert result.returncode == 0, result.stderr
        features[decode] = arrays(tmp_path / decode)
    for key in ("timm/bouncing_shapes_timm.npy", "i3d/bouncing_shapes_rgb.npy"):
        error = relative_error(features["fast"][key], features["exact"][key])
        assert 0 < error < 3e-3  # measured: 1e-3 and less
    again = run(*wanted, "--decode", "fast", "--output_path", tmp_path / "exact")
    assert again.returncode == 2
    assert "decode: exact there, fast now" in again.stderr


@needs_compiler
def test_a_compiled_run_gives_the_same(done, tmp_path):
    result = run_anew(
        "--feature_type", "timm", "--model_name", "test_vit2", "--weights", "random", "--compile",
        "--extraction_total", 7, "--on_extraction", "save_numpy", "--video_paths", "sample/camera_pan.mp4",
        "--output_path", tmp_path / "out",
        env={"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"), **NO_TRIAL_BUILDS},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "leaked" not in result.stderr  # of the compiler's helper processes
    compiled, plain = (np.load(folder / "timm" / "camera_pan_timm.npy") for folder in (tmp_path / "out", done[1]))
    assert relative_error(compiled, plain) < 1e-5
    assert any((tmp_path / "cache").rglob("*.so"))  # compiled code, for later runs


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["timm"], "--model_name is missing"),
        (["timm", "--model_name", "resnt50", "--weights", "random"], "did you mean resnet50"),
        (["clip", "--model_name", "ViT-B-16"], "--pretrained must be one of its tags"),
        (["clip", "--checkpoint", "absent.pt"], "absent.pt: no such checkpoint"),
    ],
)
def test_requests_that_cannot_work_are_refused(flags, words):
    result = run("--feature_type", *flags, "--video_paths", "sample/camera_pan.mp4")
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
