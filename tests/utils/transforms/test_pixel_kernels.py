"""The kernels on a CPU, by Triton's interpreter."""

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch
from support.compiled import GENERATIONS, compiling
from torch import Tensor

from utils.transforms import floats, opencv, pillow, yuv
from utils.transforms.crops import MEAN, STD
from utils.transforms.geometry import Region
from utils.transforms.image_input import IMAGENET_MEAN, IMAGENET_STD
from utils.transforms.kernels import pixels_right

NAME = "utils.transforms.pixel_kernels"
CASES = [  # size before and after, the part that is wanted, the filter, the view of the frames
    ((17, 53), (6, 23), Region(2, 3, 3, 15), "bicubic", "dense"),
    ((6, 23), (13, 47), Region(11, 0, 2, 47), "lanczos", "gaps between rows"),
    ((5, 20), (5, 11), Region(1, 10, 4, 1), "bilinear", "gaps between rows"),
    ((20, 5), (11, 5), None, "bilinear", "gaps between colours"),
    ((1, 7), (5, 1), Region(4, 0, 1, 1), "bicubic", "dense"),
    ((9, 1), (1, 1), None, "bilinear", "gaps between rows"),
    ((9, 8), (3, 4), None, "bilinear", "none"),
    ((2, 200), (3, 101), None, "bilinear", "dense"),
]


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the kernels for tensors on a CPU, which the resizes use from now on where they are `usable`."""
    # Imported without the variable: it stays for the rest of the process. The interpreter takes numpy 2.4 since 3.9.
    pytest.importorskip("triton", minversion="3.9" if np.lib.NumpyVersion(np.__version__) >= "2.4.0" else None)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    spec = importlib.util.find_spec(NAME)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, NAME, module)
    return module


def test_the_trial_succeeds(kernels: ModuleType) -> None:
    assert pixels_right(kernels, torch.device("cpu"))


@pytest.mark.parametrize("before, size, part, filter, view", CASES)
def test_kernels_equal_tensor_operations(before, size, part, filter, view, kernels, monkeypatch) -> None:
    frames = views(*before)[view]
    resizes: list[Callable[[], Tensor]] = [
        lambda: pillow.resize_by_taps(frames, size, filter, part),
        lambda: opencv.resize_fixed_point(frames, size),
    ]
    expected = [resize() for resize in resizes]
    monkeypatch.setattr(pillow, "usable", lambda _: True)
    monkeypatch.setattr(opencv, "usable", lambda _: True)
    assert all(torch.equal(resize(), values) for resize, values in zip(resizes, expected, strict=True))


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("matrix, full_range", [(1, False), (2, True), (9, False)])
def test_colours_equal_tensor_operations(matrix, full_range, interleaved, kernels, monkeypatch) -> None:
    planes = views(9, 22)["dense"][..., 0].repeat(2, 1, 1)  # uint8 [4, 9, 22]: 6 rows of luma
    shape, order = ((4, 3, 11, 2), (0, 1, 2, 3)) if interleaved else ((4, 2, 3, 11), (0, 2, 3, 1))
    luma, chroma = planes[:, :6], planes[:, 6:].reshape(shape).permute(order)
    expected = yuv.to_rgb(luma, chroma, matrix, full_range)
    monkeypatch.setattr(yuv, "usable", lambda _: True)
    assert torch.equal(yuv.to_rgb(luma, chroma, matrix, full_range), expected)


@pytest.mark.parametrize(
    "mean, std, divisor", [((1.0,) * 3, (1.0,) * 3, 127.5), (MEAN, STD, 1.0), (IMAGENET_MEAN, IMAGENET_STD, 255)]
)
def test_bytes_are_normalized_as_by_tensor_operations(mean, std, divisor, kernels, monkeypatch) -> None:
    pixels = views(9, 22)["gaps between rows"].contiguous()[None]  # 1,188 values: the last block is not full
    expected = floats.normalize(pixels, mean, std, divisor)
    monkeypatch.setattr(floats, "usable", lambda _: True)
    found = floats.normalize(pixels, mean, std, divisor)
    assert torch.equal(found, expected) and found.is_contiguous()
    halves = floats.normalize(pixels, mean, std, divisor, torch.float16)
    assert halves.dtype == torch.float16 and torch.equal(halves, expected.half())


@pytest.mark.parametrize("generation, dtype", GENERATIONS)
def test_kernels_compile_for_gpus(generation, dtype, tmp_path, monkeypatch) -> None:
    from utils.transforms import pixel_kernels

    frames = views(8, 8)["dense"]
    planes, at = frames[..., 0].contiguous(), torch.arange(8)
    pairs = (at, at, at.int(), at.int())
    with compiling(generation, tmp_path, monkeypatch) as compiled:
        for dim in (1, 2):
            pixel_kernels.sum_taps(frames, dim, at.int()[None], at.int()[None], 22)
        pixel_kernels.interpolate(frames, pairs, pairs)
        pixel_kernels.yuv_to_rgb(planes, planes[:, :4].reshape(2, 4, 4, 2), range(8))
        pixel_kernels.normalize(frames, MEAN, STD, 255.0, dtype)
        before = compiled["_normalize"]
        pixel_kernels.normalize(frames, (0, 0, 0), (1, 1, 1), 255, dtype)
    assert set(compiled) == {"_sum_taps", "_interpolate", "_yuv_to_rgb", "_normalize"} and all(compiled.values())
    assert compiled["_normalize"] == 2 * before  # whole numbers are the same kernel, found again


def views(height: int, width: int) -> dict[str, Tensor]:
    """Return frames of noise, often at the ends of the range."""
    noise = torch.randint(0, 256, (3, height, width + 2, 3), generator=torch.Generator().manual_seed(0))
    noise = torch.where(noise < 128, noise // 100 * 255, noise).to(torch.uint8)
    return {
        "dense": noise[:2, :, :width].contiguous(),
        "gaps between rows": noise[1:, :, 1:-1],
        "gaps between colours": noise[1:, :, 2:].permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1),
        "none": noise[:0, :, 2:],
    }
