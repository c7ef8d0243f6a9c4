"""Keyword arguments as settings: the command's refusals as exceptions, and warnings."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import featmill
from featmill.settings import run_of
from utils.engines import devices
from utils.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:--weights random")


@pytest.mark.parametrize(
    ("feature_type", "flags", "words"),
    [
        (None, {}, "no feature type None"),
        ("i3dd", {}, "no feature type 'i3dd' (did you mean i3d?)"),
        ("i3d", {"stak_size": 3}, "i3d has no argument stak_size (did you mean stack_size?)"),
        ("i3d", {"stack_size": 3}, "stack_size is 3; it must be at least 10"),
        ("i3d", {"streams": "sound"}, "--streams is 'sound'; choose from"),
        *(
            ("i3d", {flag: other}, f"--{flag} is {other!r}; choose from {choices} (did you mean {meant}?)")
            for flag, choices, meant, others in (
                ("precision", "auto, float32, tf32, bf16, fp16", "float32", ("fp32", "FP32", "float", "full")),
                ("precision", "auto, float32, tf32, bf16, fp16", "fp16", ("half", "float16")),
                ("precision", "auto, float32, tf32, bf16, fp16", "bf16", ("bfloat16", "bf-16")),
                ("dtype", "float32, float16", "float16", ("half", "fp16")),
            )
            for other in others
        ),
        ("i3d", {"output_path": "out"}, "output_path belongs to the command `featmill`"),
        ("i3d", {"name_template": "{stem}"}, "name_template belongs to the command `featmill`"),
        ("pwc", {"dtype": "float16", "weights": "random"}, "pwc has --flow_dtype float16"),
        ("i3d", {"unlike_recipe": True}, "--unlike_recipe is for --recipe: give that, or drop it"),
        ("i3d", {"device": "tpu"}, "device is 'tpu'; it must be auto, cpu"),
        ("i3d", {"device": "cuda:99"}, "no such GPU"),
        ("tvl1", {"device": "mps"}, "--device mps: PyTorch finds no GPU of Apple's here"),
    ],
)
def test_wrong_arguments_are_refused(feature_type, flags, words):
    with pytest.raises(featmill.UserError) as caught:
        featmill.Extractor(feature_type, **flags)
    assert words in str(caught.value) and isinstance(caught.value, featmill.FeatmillError)


def test_warnings_name_the_caller_s_line_once(tiny, clips, monkeypatch):
    monkeypatch.setattr("utils.worker.text.embed", lambda *_: None)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        flow = featmill.extract(clips[2], "tvl1", weights="random", side_size=np.int64(16), end_s=np.float32(0.08))
        assert flow["tvl1"].flags.writeable  # though it is read from disk as it is used
        featmill.Extractor("resnet", model_name="resnet18", weights="random").close()
        featmill.embed_text("a dog", "clip", weights="random")
        featmill.Extractor("vggish", weights="random", recipe="xd_violence").close()
    assert [one.filename for one in said] == [__file__] * 4
    assert ["NOISE" in str(one.message) for one in said] == [True, True, False, True]
    assert "puts rows on the windows of i3d" in str(said[2].message)


def test_values_are_as_flags_give_them() -> None:
    run, given, resources = run_of("i3d", "cpu", {"streams": "rgb", "batch_size": 3, "weights_dir": Path("w")})
    assert (run.batch_size, run.weights_dir, run.device) == (3, "w", "cpu")
    assert given == {"streams": ["rgb"]} and resources.devices == ("cpu",)
    assert run_of("i3d", "cpu", {"streams": ("flow", "rgb")})[1] == {"streams": ["flow", "rgb"]}


@pytest.mark.parametrize(
    ("n_gpus", "device", "expected"), [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cuda:1", "cuda:1")]
)
def test_one_device(monkeypatch: pytest.MonkeyPatch, n_gpus: int, device: str, expected: str) -> None:
    monkeypatch.setattr(devices, "n_gpus", lambda: n_gpus)
    assert run_of("vggish", device, {"precision": "float32"})[2].devices == (expected,)


def test_a_recipe_lies_below_the_arguments() -> None:
    run, given, _ = run_of("clip", "cpu", {"recipe": "clip_l14_1fps"})
    assert run.recipe is None and given["model_name"] == "ViT-L/14" and given["extraction_fps"] == 1
    assert run_of("clip", "cpu", {"recipe": "clip_l14_1fps", "batch_size": 3})[0].batch_size == 3
    with pytest.raises(UserError, match="clip_l14_1fps"):
        run_of("clip", "cpu", {"recipe": "clip_l14_1fps", "extraction_fps": 2.0})
