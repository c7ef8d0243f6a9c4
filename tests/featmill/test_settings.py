"""Keyword arguments become the settings of flags."""

import warnings
from pathlib import Path

import pytest

from featmill.settings import plan_of, run_of
from utils.engines import devices
from utils.errors import UserError


def test_values_are_as_flags_give_them() -> None:
    run, given, resources = run_of("i3d", "cpu", {"streams": "rgb", "batch_size": 3, "weights_dir": Path("w")})
    assert (run.batch_size, run.weights_dir, run.device) == (3, "w", "cpu")
    assert given == {"streams": ["rgb"]} and resources.devices == ("cpu",)
    assert run_of("i3d", "cpu", {"streams": ("flow", "rgb")})[1] == {"streams": ["flow", "rgb"]}


@pytest.mark.parametrize(
    ("feature_type", "device", "flags", "words"),
    [
        ("i3dd", "cpu", {}, r"no feature type 'i3dd' \(did you mean i3d"),
        (["i3d"], "cpu", {}, "no feature type"),
        ("i3d", "cpu", {"stack_sise": 3}, r"i3d has no argument stack_sise \(did you mean stack_size"),
        ("i3d", "cpu", {"output_path": "x"}, "output_path belongs to the command `featmill`"),
        ("i3d", "gpu", {}, "device is 'gpu'; it must be auto"),
        ("i3d", "cuda:x", {}, "device is 'cuda:x'"),
        ("i3d", "cpu", {"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_what_is_wrong_is_named(feature_type, device, flags, words) -> None:
    with pytest.raises(UserError, match=words):
        run_of(feature_type, device, flags)


@pytest.mark.parametrize(
    ("n_gpus", "device", "expected"), [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cuda:1", "cuda:1")]
)
def test_one_device(monkeypatch: pytest.MonkeyPatch, n_gpus: int, device: str, expected: str) -> None:
    monkeypatch.setattr(devices, "n_gpus", lambda: n_gpus)
    assert run_of("vggish", device, {"precision": "float32"})[2].devices == (expected,)


def test_random_weights_are_warned_of_where_the_caller_is() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        plan = plan_of("tvl1", "cpu", {"weights": "random"})
    assert [str(each.message)[:16] for each in found] == ["--weights random"]
    assert [feature.feature_type for feature in plan.features] == ["tvl1"] and plan.devices == ("cpu",)


def test_a_recipe_lies_below_the_arguments() -> None:
    run, given, _ = run_of("clip", "cpu", {"recipe": "clip_l14_1fps"})
    assert run.recipe is None and given["model_name"] == "ViT-L/14" and given["extraction_fps"] == 1
    assert run_of("clip", "cpu", {"recipe": "clip_l14_1fps", "batch_size": 3})[0].batch_size == 3
    with pytest.raises(UserError, match="clip_l14_1fps"):
        run_of("clip", "cpu", {"recipe": "clip_l14_1fps", "extraction_fps": 2.0})
