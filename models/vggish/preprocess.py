"""Waveform → log-mel examples, as tensorflow/models research/audioset computes them for VGGish."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from utils.nn.prepare import exact_float32

SAMPLE_RATE_HZ = 16000
FRAME_SAMPLES = 400  # 25 ms: one spectrum
FRAME_STEP = 160  # samples, 10 ms
FFT_SAMPLES = 512  # a frame with zeros appended
N_FRAMES = 96  # of one example
N_MELS = 64
EXAMPLE_SAMPLES = 15600  # 0.975 s: the 96 frames of one example, FRAME_STEP * 95 + FRAME_SAMPLES
EXAMPLE_STEP = 15360  # 0.96 s: 96 frames, so that examples share no frame
MEL_LOWEST_HZ = 125.0
MEL_HIGHEST_HZ = 7500.0
LOG_OFFSET = 0.01


def log_mel(waveforms: Tensor) -> Tensor:
    """Log mel magnitudes, float32 [B, 96 frames, 64 mel bands], on the waveforms' device.

    Frames are neither padded nor centred, so an example depends only on its own samples.

    waveforms: float32 [B, 15600], mono in [-1, 1] at 16000 Hz.
    """
    if waveforms.ndim != 2 or waveforms.shape[1] != EXAMPLE_SAMPLES:
        raise ValueError(f"waveforms are {list(waveforms.shape)}, not [B, {EXAMPLE_SAMPLES}]")
    if not len(waveforms):  # PyTorch 2.11 has no transform of nothing
        return waveforms.new_empty((0, N_FRAMES, N_MELS))
    window, mel = _constants(waveforms.device)
    frames = waveforms.unfold(1, FRAME_SAMPLES, FRAME_STEP) * window  # [B, 96, 400]
    magnitudes = torch.fft.rfft(frames, FFT_SAMPLES).abs()  # [B, 96, 257]; not squared
    with exact_float32(waveforms.device):
        return torch.log(magnitudes @ mel + LOG_OFFSET)


def hann_window() -> np.ndarray:
    """Periodic Hann window, float64 [400]."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES)


def mel_matrix() -> np.ndarray:
    """Weight of each spectrum bin in each mel band, float64 [257, 64].

    Triangles with a peak of 1, evenly spaced and with straight sides on the mel scale (HTK's, not Slaney's; not
    normalized by area). The bin at 0 Hz has no weight.
    """
    bins_hz = np.linspace(0, SAMPLE_RATE_HZ / 2, FFT_SAMPLES // 2 + 1)
    bins = _mel(bins_hz)[:, None]
    edges = np.linspace(_mel(MEL_LOWEST_HZ), _mel(MEL_HIGHEST_HZ), N_MELS + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return weights


def _mel(frequency_hz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(frequency_hz) / 700.0)


@cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """The window [400] and the mel matrix [257, 64] on the device, float32, built once per process."""
    window, mel = (torch.from_numpy(array.astype(np.float32)) for array in (hann_window(), mel_matrix()))
    return window.to(device), mel.to(device)
