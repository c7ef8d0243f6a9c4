"""Waveform → log mel spectrogram, as torchlibrosa computes it for PANNs."""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.panns.config import FrontEnd
from models.panns.network import N_MELS
from utils.nn.prepare import exact_float32

LOWEST_HZ = 50.0
LEAST_POWER = 1e-10  # -100 dB, which is silence
# Slaney's mel scale is linear up to 1000 Hz, which are 15 mels, then logarithmic: 27 mels more are 6.4 times the Hz
LINEAR_HZ = 1000.0
LINEAR_MELS = 15.0
LOG_STEP = np.log(6.4) / 27


def log_mel(waveforms: Tensor, front_end: FrontEnd) -> Tensor:
    """Log mel powers in dB, float32 [B, 1 + n // hop, 64], on the waveforms' device.

    Frames are centred on multiples of the hop; the sound is mirrored at both ends.

    waveforms: float32 [B, n], mono in [-1, 1] at the front end's rate; n more than half of its FFT.
    """
    window, mel = _constants(front_end, waveforms.device)
    half = front_end.n_fft // 2
    padded = F.pad(waveforms.unsqueeze(1), (half, half), mode="reflect").squeeze(1)
    spectra = torch.fft.rfft(padded.unfold(1, front_end.n_fft, front_end.hop) * window)
    with exact_float32(waveforms.device):
        powers = (spectra.real.square() + spectra.imag.square()) @ mel
    return 10 * powers.clamp(min=LEAST_POWER).log10()


def mel_matrix(front_end: FrontEnd) -> np.ndarray:
    """Weight of each frequency of a spectrum in each mel band, float64 [n_fft / 2 + 1, 64].

    Triangles of area 1 / Hz, evenly spaced on Slaney's mel scale: librosa's defaults.
    """
    bins_hz = np.linspace(0, front_end.rate_hz / 2, front_end.n_bins)[:, None]
    edges_hz = _hz(np.linspace(_mel(LOWEST_HZ), _mel(front_end.highest_hz), N_MELS + 2))
    lower, centre, upper = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz - lower) / (centre - lower)
    falling = (upper - bins_hz) / (upper - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (upper - lower))


def _mel(hz: float) -> float:
    """Return Slaney's mels of a frequency."""
    if hz < LINEAR_HZ:
        return hz * LINEAR_MELS / LINEAR_HZ
    return LINEAR_MELS + np.log(hz / LINEAR_HZ) / LOG_STEP


def _hz(mels: np.ndarray) -> np.ndarray:
    """Return the frequencies of Slaney's mels."""
    logarithmic = LINEAR_HZ * np.exp(LOG_STEP * (mels - LINEAR_MELS))
    return np.where(mels < LINEAR_MELS, mels * LINEAR_HZ / LINEAR_MELS, logarithmic)


@cache
def _constants(front_end: FrontEnd, device: torch.device) -> tuple[Tensor, Tensor]:
    """The periodic Hann window [n_fft] and the mel matrix on the device, float32, built once per process."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(front_end.n_fft) / front_end.n_fft)
    window, mel = (torch.from_numpy(array.astype(np.float32)) for array in (window, mel_matrix(front_end)))
    return window.to(device), mel.to(device)
