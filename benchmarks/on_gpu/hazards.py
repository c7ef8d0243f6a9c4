"""What may go wrong on a GPU or be decided only there, a row each: samplers, pools, memory, resizes, layouts."""

import functools
import time
from collections.abc import Callable
from unittest import mock

import torch
from support.golden import relative_error
from torch import Tensor
from torch.nn import functional as F

from benchmarks.on_gpu import layers
from benchmarks.on_gpu.common import Options, Out, timed_ms, wait
from utils.nn.cpu.pooling import max_pool
from utils.nn.host_copy import HostCopy
from utils.nn.out_of_memory import is_out_of_memory
from utils.nn.prepare import ComputeMode, set_process_flags
from utils.transforms import floats, opencv, pillow
from utils.transforms.crops import resize_rounded
from utils.transforms.fast import resize_fast
from utils.transforms.image_input import IMAGENET_MEAN, IMAGENET_STD
from utils.transforms.kernels import usable
from utils.transforms.opencv import resize_opencv
from utils.transforms.pillow import resize_pillow

POSITIONS = 1376  # of a pair of 340x256 frames in RAFT; 48 pairs pass the 65,535 rows that cuDNN's sampler takes
RESIZES: dict[str, Callable[[Tensor, tuple[int, int]], Tensor]] = {
    "pillow bilinear": resize_pillow,
    "pillow bicubic": functools.partial(resize_pillow, filter="bicubic"),
    "opencv": resize_opencv,
    "fast": resize_fast,
    "rounded": resize_rounded,
}
ALLOWED_OFF = {  # grey levels, and share of the values
    "fast": (2, 0.05),
    "rounded": (1, 1e-3),  # sums of floats, rounded: PyTorch's, as in the published tools on a GPU
}
SIZES = [((240, 320), (256, 341)), ((360, 640), (256, 455)), ((1080, 1920), (256, 455)), ((100, 140), (224, 313))]
LAYERS = {  # of I3D: channels in and out, kernel, stride, frames, side
    "conv3d_1a_7x7": (3, 64, 7, 2, 64, 224),
    "mixed_3c, 3x3x3": (128, 192, 3, 1, 32, 28),
    "mixed_4f, 3x3x3": (160, 320, 3, 1, 16, 14),
}


def measure(out: Out, options: Options) -> None:
    """Check and measure each."""
    device = options.torch_device
    set_process_flags(ComputeMode("float32"), device)
    with torch.inference_mode():
        for n_pairs in (1,) if options.tiny else (15, 47, 48, 64):
            with out.guarded(name=f"grid_sample, {n_pairs} pairs"):
                _sampler(out, device, n_pairs)
        with out.guarded(name="max pool"):
            _pools(out, device, options.tiny)
        if options.on_gpu:
            with out.guarded(name="copy to the host"):
                _host_copy(out, device)
            _too_little_memory(out, device)
        layers.measure(out, options)
        set_process_flags(ComputeMode("float32"), device)
        for size, new in SIZES[:1] if options.tiny else SIZES:
            _resizes(out, device, size, new)
        with out.guarded(name="normalization"):
            _normalization(out, device, options.tiny)
        _layouts(out, options)


def _sampler(out: Out, device: torch.device, n_pairs: int) -> None:
    """Compare cuDNN's sampler with PyTorch's own."""
    n_rows = n_pairs * POSITIONS
    values, grid = torch.rand(n_rows, 1, 32, 43, device=device), torch.rand(n_rows, 9, 9, 2, device=device) * 2.4 - 1.2
    with torch.backends.cudnn.flags(enabled=False):
        plain = F.grid_sample(values, grid, align_corners=True)
        plain_ms = timed_ms(lambda: F.grid_sample(values, grid, align_corners=True), device)
    error = relative_error(F.grid_sample(values, grid, align_corners=True).cpu(), plain.cpu())
    ms = timed_ms(lambda: F.grid_sample(values, grid, align_corners=True), device)
    out.row(name=f"grid_sample, {n_pairs} pairs", relative_error=error, cudnn_ms=ms, plain_ms=plain_ms, ok=error < 1e-5)


def _pools(out: Out, device: torch.device, tiny: bool) -> None:
    """Compare PyTorch's pools, which write an index for each value, with pooling one dimension after the other."""
    shape = (1, 8, 4, 28, 28) if tiny else (8, 192, 32, 28, 28)
    x = torch.rand(shape, device=device).to(torch.bfloat16, memory_format=torch.channels_last_3d)

    def by_dimension() -> Tensor:
        return max_pool(x, (3, 3, 3), (1, 1, 1), [(1, 1)] * 3)

    equal = torch.equal(by_dimension(), F.max_pool3d(x, 3, 1, 1))
    plain_ms = timed_ms(lambda: F.max_pool3d(x, 3, 1, 1), device)
    out.row(name="max pool", ok=equal, torch_ms=plain_ms, by_dimension_ms=timed_ms(by_dimension, device))


def _host_copy(out: Out, device: torch.device) -> None:
    """Check that a result is there before the work that was launched after it is done."""
    factor = torch.randn(8192, 8192, device=device)
    wait(device)
    start = time.perf_counter()
    copy = HostCopy({"rows": factor[:8] @ factor})
    for _ in range(30):
        torch.matmul(factor, factor)
    copy.wait()
    waited = time.perf_counter() - start
    wait(device)
    whole = time.perf_counter() - start
    out.row(name="copy to the host", waited_ms=1000 * waited, all_ms=1000 * whole, ok=waited < whole / 2)


def _too_little_memory(out: Out, device: torch.device) -> None:
    """Check that the errors of too little memory are known."""
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.empty(int(free * 0.97), dtype=torch.uint8, device=device)

    def ones(*shape: int) -> Tensor:
        return torch.ones(shape, device=device)

    works: dict[str, Callable[[], Tensor]] = {
        "allocation": lambda: ones(2 << 30),
        "convolution": lambda: F.conv3d(ones(4, 64, 32, 56, 56), ones(192, 64, 3, 3, 3), padding=1),
        "product": lambda: ones(30000, 30000) @ ones(30000, 30000),
    }
    for name, work in works.items():
        try:
            work()
            out.row(name=f"too little memory, {name}", found="it fitted")
        except Exception as error:
            out.row(name=f"too little memory, {name}", found=str(error)[:160], ok=is_out_of_memory(error))
        torch.cuda.empty_cache()
    del held
    torch.cuda.empty_cache()


def _resizes(out: Out, device: torch.device, size: tuple[int, int], new: tuple[int, int]) -> None:
    """Compare resizes on the device with those on the CPU, in grey levels."""
    noise = torch.randint(0, 256, (3, *size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    on_device = noise.to(device)
    for name, resize in RESIZES.items():
        with out.guarded(name=f"resize {name} of {size[1]}x{size[0]}"):
            off = (resize(noise, new).int() - resize(on_device, new).cpu().int()).abs()
            frame_ms = timed_ms(lambda resize=resize: resize(on_device, new), device) / len(noise)
            levels, share = int(off.max()), float((off > 0).float().mean())
            most_levels, most_share = ALLOWED_OFF.get(name, (0, 0.0))
            row = {"most_levels_off": levels, "share_off": share, "frame_ms": frame_ms}
            ok = levels <= most_levels and share <= most_share
            out.row(name=f"resize {name} of {size[1]}x{size[0]}", **row, ok=ok)
        if name not in ("fast", "rounded"):
            with out.guarded(name=f"resize kernel {name} of {size[1]}x{size[0]}"):
                _resize_kernel(out, name, on_device.repeat(16, 1, 1, 1), new)


def _resize_kernel(out: Out, name: str, frames: Tensor, new: tuple[int, int]) -> None:
    """Compare a resize's kernel with its tensor operations, both on the device."""
    resize, (n_frames, height, width, _) = RESIZES[name], frames.shape
    with mock.patch.object(pillow, "usable", lambda _: False), mock.patch.object(opencv, "usable", lambda _: False):
        plain = resize(frames, new)
        plain_ms = timed_ms(lambda: resize(frames, new), frames.device) / n_frames
    equal = torch.equal(resize(frames, new), plain)
    frame_ms = timed_ms(lambda: resize(frames, new), frames.device) / n_frames
    row = {"has_kernel": usable(frames.device), "frame_ms": frame_ms, "plain_frame_ms": plain_ms}
    out.row(name=f"resize kernel {name} of {width}x{height}", **row, ok=equal)


def _normalization(out: Out, device: torch.device, tiny: bool) -> None:
    """Compare inputs normalized by one kernel with tensor operations, both on the device, in bf16."""
    shape = (1, 2, 16, 16, 3) if tiny else (8, 64, 224, 224, 3)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)

    def normalized() -> Tensor:
        return floats.normalize(pixels, IMAGENET_MEAN, IMAGENET_STD, 255.0, torch.bfloat16)

    with mock.patch.object(floats, "usable", lambda _: False):
        plain, plain_ms = normalized(), timed_ms(normalized, device)
    error = relative_error(normalized().float().cpu(), plain.float().cpu())
    row = {"has_kernel": usable(device), "ms": timed_ms(normalized, device), "plain_ms": plain_ms}
    out.row(name="normalization", relative_error=error, **row, ok=error < 1e-3)


def _layouts(out: Out, options: Options) -> None:
    """Measure convolutions with channels first and last, with their ReLU apart and in one call."""
    for name, layer in LAYERS.items():
        for precision in ("bf16",) if options.on_gpu else ("float32",):
            for layout in (torch.contiguous_format, torch.channels_last_3d):
                with out.guarded(name=name, precision=precision, layout=str(layout)):
                    _layer(out, options, name, layer, precision, layout)


def _layer(
    out: Out, options: Options, name: str, layer: tuple[int, ...], precision: str, layout: torch.memory_format
) -> None:
    n_in, n_out, kernel, stride, n_frames, side = layer
    batch, n_frames, side = (1, 4, 14) if options.tiny else (8, n_frames, side)
    device, compute = options.torch_device, ComputeMode(precision)
    set_process_flags(compute, device)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, device=device).to(compute.dtype, memory_format=layout)

    x, weight = random(batch, n_in, n_frames, side, side), random(n_out, n_in, kernel, kernel, kernel)
    bias, sizes = torch.zeros(n_out, device=device, dtype=compute.dtype), ([stride] * 3, [kernel // 2] * 3)
    start = time.perf_counter()
    y = F.conv3d(x, weight, bias, *sizes)
    wait(device)
    row = {"first_call_s": time.perf_counter() - start}
    ms = timed_ms(lambda: F.relu_(F.conv3d(x, weight, bias, *sizes)), device)
    tflop = 2 * y.numel() * n_in * kernel**3 / 1e12
    if options.on_gpu:
        row["one_call_ms"] = timed_ms(
            lambda: torch.cudnn_convolution_relu(x, weight, bias, *sizes, [1, 1, 1], 1), device
        )
    out.row(name=name, precision=precision, layout=str(layout), layer_ms=ms, tflop_per_s=1000 * tflop / ms, **row)
