import itertools
import json

import pytest
import torch
from support.device import DEVICE
from support.golden import GOLDEN, case, relative_error

from models.vggish import preprocess
from models.vggish.preprocess import EXAMPLE_SAMPLES, EXAMPLE_STEP, FRAME_STEP, log_mel
from utils.extractors.windows import Dense

COUNTS = json.loads((GOLDEN / "vggish_audio" / "example_counts.json").read_text())["rows"]


def window_starts(n_samples: int) -> list[int]:
    """The first sample of each window that `n_samples` samples hold."""
    windows = itertools.takewhile(
        lambda window: window.indices[-1] < n_samples, Dense(EXAMPLE_SAMPLES, EXAMPLE_STEP).full()
    )
    return [window.indices[0] for window in windows]


def cut(waveform: torch.Tensor) -> torch.Tensor:
    """The windows of a waveform [n], float32 [B, 15600]."""
    starts = window_starts(len(waveform))
    return torch.stack([waveform[start : start + EXAMPLE_SAMPLES] for start in starts])


@pytest.mark.parametrize("name", ["case_16k_mono", "case_44k_stereo", "case_48k_mono", "case_8k_mono"])
def test_examples_are_those_of_the_reference(name):
    arrays, _ = case("vggish_audio", name)
    examples = log_mel(cut(torch.from_numpy(arrays["output_resampled"]).to(DEVICE)))
    assert examples.dtype == torch.float32
    assert relative_error(examples, arrays["output_examples"]) < 1e-5
    rows, n = arrays["output_log_mel"], examples.shape[1]
    end = log_mel(torch.from_numpy(arrays["output_resampled"])[(len(rows) - n) * FRAME_STEP :][None, :EXAMPLE_SAMPLES])[
        0
    ]
    assert relative_error(end, rows[-n:]) < 1e-5  # what no example has


def test_mel_matrix_and_window_are_those_of_the_reference():
    arrays, _ = case("vggish_audio", "mel_matrix")
    assert relative_error(preprocess.mel_matrix(), arrays["output_mel"]) < 1e-7
    assert relative_error(preprocess.hann_window(), arrays["output_window"]) < 1e-7


@pytest.mark.parametrize(("n_samples", "count"), COUNTS)
def test_a_waveform_gives_as_many_examples_as_in_the_reference(n_samples, count):
    """Where the reference fails (under 240 samples), there is no example."""
    expected = 0 if isinstance(count, str) else count
    assert len(window_starts(n_samples)) == expected


def test_an_example_does_not_depend_on_its_batch():
    waveforms = torch.randn(3, EXAMPLE_SAMPLES, generator=torch.Generator().manual_seed(1))
    assert relative_error(log_mel(waveforms)[1:2], log_mel(waveforms[1:2])) < 1e-6
    assert log_mel(waveforms[:0]).shape == (0, 96, 64)


def test_silence_is_the_logarithm_of_the_offset():
    examples = log_mel(torch.zeros(1, EXAMPLE_SAMPLES))
    assert torch.allclose(examples, torch.tensor(preprocess.LOG_OFFSET).log())


@pytest.mark.parametrize("shape", [(EXAMPLE_SAMPLES,), (1, 16000), (1, 2, EXAMPLE_SAMPLES)])
def test_another_length_is_refused(shape):
    with pytest.raises(ValueError, match="not \\[B, 15600\\]"):
        log_mel(torch.zeros(shape))
