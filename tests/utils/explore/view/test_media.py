"""What is drawn of the sound of a video."""

import base64
from pathlib import Path

import numpy as np
import pytest
from support.media import write_audio

from utils.explore.view.media import MediaFolder
from utils.sources.fingerprint import Fingerprint


def test_level_and_spectrogram_of_sound(tmp_path: Path) -> None:
    """Two tones, of 1 kHz and half of full scale, then of 3 kHz and a twentieth, after more than one block of 10 s."""
    at_s = np.arange(16 * 16000) / 16000
    tones = np.where(at_s < 12, 0.5 * np.sin(2 * np.pi * 1000 * at_s), 0.05 * np.sin(2 * np.pi * 3000 * at_s))
    write_audio(tmp_path / "tones.wav", tones.astype(np.float32)[:, None], 16000)
    media = MediaFolder(str(tmp_path))
    clip = media.find(Fingerprint("tones.wav"))
    assert clip is not None
    sound = media.sound(clip)
    level = np.array(sound["level_db"])
    assert sound["length_s"] == pytest.approx(16, abs=0.04) and np.argmax(np.diff(level) < -10) == 374
    assert level[100] == pytest.approx(-9, abs=0.2) and level[450] == pytest.approx(-29, abs=0.2)
    bands = np.frombuffer(base64.b64decode(sound["spectrogram"]), np.uint8).reshape(-1, sound["bands"])
    assert [bands[i].argmax() / sound["bands"] for i in (100, 450)] == pytest.approx([1 / 4, 3 / 4], abs=0.02)
