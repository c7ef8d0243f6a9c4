import pytest
import torch

from models.panns.config import PANNsConfig
from models.panns.extractor import PANNsExtractor
from utils.errors import UserError
from utils.extractors.base import AudioStreamInfo


def test_sound_shorter_than_a_window_fails_with_the_reason():
    extractor = PANNsExtractor.__new__(PANNsExtractor)
    extractor.config = PANNsConfig()
    outcome = extractor.no_windows(48000, AudioStreamInfo(32000))
    assert (outcome.status, outcome.reason) == ("failed", "1.500 s of sound, less than the 2 s of one --window_s")
    assert extractor.sampling(AudioStreamInfo(32000)).rest(48000, 0) == []


def test_each_network_has_its_own_rate():
    config = PANNsConfig(model_name="cnn14_16k", window_s=10.0, hop_s=1.0)
    assert config.window == (160000, 16000)
    assert PANNsConfig().window == (64000, 64000)
    extractor = PANNsExtractor.__new__(PANNsExtractor)
    extractor.config, extractor.device = config, torch.device("cpu")
    assert extractor.batch_size == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"window_s": 0.3}, "--window_s is 0.3; it must be at least 0.31"),
        ({"hop_s": 0.0}, "--hop_s is 0.0"),
        ({"model_name": "cnn10"}, "--model_name"),
    ],
)
def test_wrong_requests_are_refused(flags, message):
    with pytest.raises(UserError, match=message):
        PANNsConfig(**flags)
