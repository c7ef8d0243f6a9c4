from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

SAMPLE = Path(__file__).parents[2] / "sample"
CLIPS = {  # frames, size (H, W), frames per second, samples per second, channels
    "bouncing_shapes.mp4": (164, (240, 320), 25, 22050, 1),
    "camera_pan.mp4": (156, (240, 384), 30, 44100, 2),
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_holds_what_its_script_says(name):
    n_frames, size, fps, rate_hz, n_channels = CLIPS[name]
    with av.open(str(SAMPLE / name)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.average_rate, audio.rate, audio.channels) == (fps, rate_hz, n_channels)
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video)]
        container.seek(0)
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio)], axis=1)
    assert len(frames) == n_frames > 2 * 65  # two windows of i3d: 64 pairs of frames each
    assert {frame.shape for frame in frames} == {size}
    assert sound.shape[1] / rate_hz == pytest.approx(n_frames / fps, abs=0.05)
    assert sound.std() > 0.05 and np.abs(sound).max() < 1
    steps = [np.abs(np.int16(a) - b).mean() for a, b in pairwise(frames)]
    assert min(steps) > 0.3  # something moves at every moment


def test_the_clips_are_small_and_start_with_their_index():
    for name in CLIPS:
        content = (SAMPLE / name).read_bytes()
        assert len(content) < 500_000
        assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_the_list_names_the_clips():
    lines = (SAMPLE / "sample_video_paths.txt").read_text().splitlines()
    assert lines[0].startswith("#")
    assert lines[1:] == [f"sample/{name}" for name in CLIPS]
