"""Features of every family of sound, from a file, against the library's own model and processor."""

from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from support.device import TOLERANCE
from support.media import waveform, write_audio
from support.program import arrays, run
from support.tiny_transformers import save

import featmill
from models.transformers.config import TransformersConfig
from models.transformers.extractor import make_extractor
from utils.errors import UserError

RATES = {"clap": 48000, "pe_audio": 48000, "pe_audio_video": 48000}
SOUNDS = {
    "clap": lambda m, x: m.get_audio_features(**x).pooler_output,
    "audio-spectrogram-transformer": lambda m, x: m.base_model(**x).pooler_output,
    "wav2vec2": lambda m, x: m.wav2vec2(**x).last_hidden_state.mean(1),
    "hubert": lambda m, x: m(**x).last_hidden_state.mean(1),
    "wavlm": lambda m, x: m(**x).last_hidden_state.mean(1),
    "data2vec-audio": lambda m, x: m(**x).last_hidden_state.mean(1),
    "whisper": lambda m, x: m.model.encoder(x["input_features"]).last_hidden_state.mean(1),
    "pe_audio": lambda m, x: m.get_audio_embeds(x["input_values"]),
    "pe_audio_video": lambda m, x: m.get_audio_embeds(x["input_values"]),
}
WINDOW_S = {"clap": 1.0, "audio-spectrogram-transformer": 0.655, "whisper": 1.0}  # of the tiny models


def wav(folder, family, seconds):
    rate_hz = RATES.get(family, 16000)
    path = write_audio(folder / "a.wav", waveform(3, seconds, rate_hz), rate_hz)
    return path, soundfile.read(path, dtype="float32")[0], rate_hz


@pytest.mark.parametrize("family", SOUNDS)
def test_sound_is_the_librarys(family, tmp_path):
    model, processor = save(family, tmp_path)
    path, samples, rate_hz = wav(tmp_path, family, 1.7)
    own = family in WINDOW_S
    flags: dict[str, Any] = {} if own else {"window_s": 0.8}
    if family == "pe_audio_video":
        processor, flags = processor.audio, flags | {"stream": "audio"}
    found = featmill.extract(path, "transformers", precision="float32", model_name=str(tmp_path), hop_s=0.4, **flags)
    size = round(WINDOW_S.get(family, 0.8) * rate_hz)
    starts = range(0, len(samples) - size + 1, round(0.4 * rate_hz))
    with torch.inference_mode():
        windows = [samples[start : start + size] for start in starts]
        inputs = [processor(window, sampling_rate=rate_hz, return_tensors="pt") for window in windows]
        expected = torch.cat([SOUNDS[family](model, each) for each in inputs])
    assert len(expected) == len(starts) > 1
    torch.testing.assert_close(torch.from_numpy(found["transformers"]), expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert found.start_s is not None and found.end_s is not None
    np.testing.assert_allclose(found.start_s, np.array(starts) / rate_hz, atol=1e-6)
    np.testing.assert_allclose(found.end_s, found.start_s + size / rate_hz, atol=1e-6)


def test_a_run_of_the_program_with_sound_shorter_than_a_window(tmp_path):
    model, processor = save("whisper", tmp_path / "model")
    path, samples, rate_hz = wav(tmp_path, "whisper", 0.4)
    flags = ("--model_name", tmp_path / "model", "--on_extraction", "save_numpy", "--output_path", tmp_path)
    done = run("--feature_type", "transformers", "--precision", "float32", *flags, "--video_paths", path)
    assert done.returncode == 0, done.stderr
    with torch.inference_mode():
        expected = SOUNDS["whisper"](model, processor(samples, sampling_rate=rate_hz, return_tensors="pt"))
    ours = torch.from_numpy(arrays(tmp_path / "transformers")["a_transformers.npy"])
    torch.testing.assert_close(ours, expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_what_sound_does_not_have_is_refused(tmp_path):
    save("audio-spectrogram-transformer", tmp_path)
    flags: dict[str, Any]
    for flags, message in (
        ({"stack_size": 4}, "--stack_size: .* takes sound, not pictures"),
        ({"pool": "spatial"}, "--pool spatial: .* is of sound"),
        ({"window_s": 1.0}, "--window_s 1: .* takes 0.655 s at most"),
    ):
        with pytest.raises(UserError, match=message):
            make_extractor(TransformersConfig(str(tmp_path), **flags), {"transformers": None}, torch.device("cpu"))
