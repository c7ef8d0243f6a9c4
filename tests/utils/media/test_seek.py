"""A segment's frames are those of the whole, decoded from the key frame before its start where that is safe."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.decoded import decoded
from support.media import hide_start, moving_frames, write_clip

from utils.media.frame_times import frame_times_s
from utils.media.segment import Segment
from utils.media.video_frames import SourceFrames

OPEN_GOP = "open-gop=1:bframes=3:keyint=15:min-keyint=15:scenecut=0"
CLIPS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"options": {"g": "15"}},
    "open_gop.mp4": {"options": {"x264-params": OPEN_GOP}},
    "open_gop.ts": {"options": {"x264-params": OPEN_GOP}},
    "intra_refresh.mkv": {"options": {"x264-params": "intra-refresh=1:keyint=15"}},
    "mpeg2_b_frames.mpg": {"codec": "mpeg2video", "options": {"g": "15", "bf": "2"}},
    "mpeg2_b_frames.mkv": {"codec": "mpeg2video", "options": {"g": "15", "bf": "2"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "15"}},
    "h264_b_frames.avi": {"options": {"g": "15"}},
    "vp8_hidden_frames.webm": {"codec": "libvpx", "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "10"}},
    "h264.flv": {"options": {"g": "15"}},
    "animated.gif": {"codec": "gif", "pix_fmt": "rgb8", "fps": 10},
    "fragments.mp4": {"options": {"g": "15"}, "muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
    "uneven.mkv": {"options": {"g": "15"}, "pts": np.cumsum(np.arange(80) * 37 % 71 + 1).tolist()},
    "edited.mp4": {"options": {"x264-params": OPEN_GOP}},
}
SOUGHT = {"h264.mp4", "open_gop.mp4", "open_gop.ts", "mpeg2_b_frames.mkv", "mpeg4.avi", "h264.flv", "uneven.mkv"}


@pytest.mark.parametrize("name", CLIPS)
def test_same_as_decoding_the_whole(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / name, moving_frames(80), **CLIPS[name])
    if name == "edited.mp4":
        hide_start(path, 0.7)
    whole, _ = decoded(path)
    sought = []
    seek = SourceFrames._seek
    monkeypatch.setattr(SourceFrames, "_seek", lambda self: (sought.append(result := seek(self)), result)[1])
    rng = np.random.default_rng(len(name))
    for start_s in (0.0, float(whole.pts_s[45]), *rng.uniform(0, whole.pts_s[-1], 4).round(3)):
        end_s = float(start_s + round(rng.uniform(0.3, 1.5), 3))
        inside = (whole.pts_s > start_s - 1e-6) & (whole.pts_s < end_s - 1e-6)
        if not inside.any():
            continue
        ours, stream = decoded(path, segment=Segment(start_s, end_s))
        np.testing.assert_array_equal(ours.pixels, whole.pixels[inside])
        np.testing.assert_allclose(ours.pts_s, whole.pts_s[inside], atol=1e-9)
        np.testing.assert_array_equal(ours.index, np.arange(inside.sum()))
        np.testing.assert_allclose(frame_times_s(path, None, Segment(start_s, end_s)), ours.pts_s, atol=1e-9)
        report = stream.report
        assert (report.decoded, report.declared, report.problems) == (inside.sum(), None, [])
    if name in SOUGHT:
        assert any(sought)
