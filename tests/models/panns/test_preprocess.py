import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import case, golden_sounds, relative_error

from models.panns.config import FRONT_ENDS
from models.panns.preprocess import log_mel, mel_matrix

RATES = {"cnn14": "32k", "cnn14_16k": "16k"}


@pytest.mark.parametrize("length", ["1s", "shortest"])
@pytest.mark.parametrize("model_name", RATES)
def test_log_mels_are_those_of_the_reference(model_name, length):
    arrays, meta = case("panns_cnn14", f"case_{RATES[model_name]}_{length}")
    log_mels = log_mel(golden_sounds(meta["input"]).to(DEVICE), FRONT_ENDS[model_name])
    assert log_mels.dtype == torch.float32
    assert relative_error(log_mels, arrays["output_log_mel"]) < 1e-5


def test_a_tone_is_that_of_the_reference_where_it_is_not_rounding_noise():
    arrays, meta = case("panns_cnn14", "case_32k_tone440")
    expected = arrays["output_log_mel"]
    difference = np.abs(log_mel(golden_sounds(meta["input"]).to(DEVICE), FRONT_ENDS["cnn14"]).cpu().numpy() - expected)
    assert difference[expected > -50].max() < 0.01
    assert difference.max() < 0.5


def test_silence_has_exactly_100_db_below_one():
    assert (log_mel(torch.zeros(1, 9920), FRONT_ENDS["cnn14"]) == -100).all()


@pytest.mark.parametrize("model_name", RATES)
def test_the_mel_matrix_is_that_of_the_checkpoint(model_name):
    arrays, _ = case("panns_cnn14", f"constants_{RATES[model_name]}")
    assert relative_error(mel_matrix(FRONT_ENDS[model_name]), arrays["mel_w"]) < 1e-6
