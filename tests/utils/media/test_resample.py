"""Resampling in blocks, against resampy on the whole signal."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import resampy
from support.golden import relative_error
from support.media import waveform

from utils.media.resample import Resampler, resample


@pytest.mark.parametrize("rate", [8000, 11025, 12345, 22050, 32000, 44100, 48000, 96000])
def test_same_as_resampy(rate: int) -> None:
    signal = waveform(rate, 1.1, rate).astype(np.float64)
    assert relative_error(resample(signal, rate, 16000), resampy.resample(signal, rate, 16000)) < 1e-6


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 12345])
def test_pieces_give_the_whole(rate: int) -> None:
    rng = np.random.default_rng(rate)
    signal = waveform(1, 2.3, rate)
    resampler, pieces, start = Resampler(rate, 16000), [], 0
    while start < len(signal):
        stop = start + int(rng.integers(1, 30000))
        pieces.append(resampler.push(signal[start:stop]))
        start = stop
    pieces.append(resampler.finish())
    whole = resample(signal, rate, 16000)
    assert len(np.concatenate(pieces)) == len(whole) == int(len(signal) * 16000 / rate)
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 300])
def test_short_signals(n: int) -> None:
    signal = waveform(0, 1, 44100)[:n]
    n_out = int(n * 16000 / 44100)
    ours = resample(signal, 44100, 16000)
    assert ours.shape == (n_out,)
    if n_out:
        np.testing.assert_allclose(ours, resampy.resample(signal.astype(np.float64), 44100, 16000), atol=1e-6)


def test_memory_held_is_bounded() -> None:
    resampler = Resampler(44100, 16000)
    for _ in range(100):
        resampler.push(np.zeros(4410, np.float32))
    assert len(resampler._held) < 3 * 4410


def test_compiler_is_not_loaded() -> None:
    """Resampling reads resampy's table without importing resampy, which would load numba."""
    code = (
        "import sys, numpy as np; from utils.media.resample import resample; "
        "resample(np.zeros(1000, np.float32), 44100, 16000); sys.exit('numba' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
