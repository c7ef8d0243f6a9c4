"""What is drawn of the sound of a video, and which videos are read."""

import base64
from pathlib import Path
from typing import Any, cast

import fsspec
import numpy as np
import pytest
from support.media import moving_frames, remux, write_audio, write_clip

from utils.explore.view.media import MediaFolder
from utils.explore.view.server import Reply
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
    sound = tones[:48000, None].astype(np.float32)
    write_clip(tmp_path / "whole.mkv", moving_frames(75), audio=sound, audio_rate=16000, audio_codec="flac")
    remux(tmp_path / "whole.mkv", tmp_path / "late.mkv", shift_s=lambda packet: 1.5 * (packet.stream.type == "audio"))
    clip = media.find(Fingerprint("late.mkv"))
    assert clip is not None and media.sound(clip)["start_s"] == pytest.approx(1.5, abs=0.01)


def test_videos_below_an_address_and_no_others(tmp_path: Path) -> None:
    """Parts of a video come from the address that the user named, whatever else a manifest says."""
    content = write_clip(tmp_path / "clip.mp4", moving_frames(30)).read_bytes()
    store = fsspec.filesystem("memory")
    store.pipe("/videos/a clip.mp4", content)
    store.pipe("/secret/clip.mp4", content)
    media = MediaFolder("memory://videos")
    clip = media.find(Fingerprint("memory://videos/a clip.mp4", bytes=len(content)))
    assert clip is not None and media.is_on and clip.content_type == "video/mp4"
    assert b"".join(Reply(file=(clip, 4, 8)).blocks()) == b"ftyp"
    assert media.thumb(clip, 0)[:2] == b"\xff\xd8" and media.length_s(clip) == pytest.approx(1.2)
    ways = ("..", "%2e%2E", "%252e%252e", "x/..\\..")
    others = ("secret/clip.mp4", "videos2/clip.mp4", "videos", "videos/", *(f"videos/{way}/a.mp4" for way in ways))
    for path in (*(f"memory://{other}" for other in others), "https://evil.example/a.mp4", str(tmp_path / "clip.mp4")):
        assert media.find(Fingerprint(path, bytes=len(content))) is None, path
    for wrong in (None, -1, "many"):
        assert media.find(Fingerprint("memory://videos/a clip.mp4", bytes=cast(Any, wrong))) is None
    assert MediaFolder(str(tmp_path)).find(Fingerprint("memory://videos/a clip.mp4", bytes=len(content))) is None
