import numpy as np

from featmill.video import Video


def test_features_by_key():
    video = Video("a.mp4", "i3d", "partial", {"rgb": np.zeros((2, 1024), np.float32)}, notes=("cut off",))
    assert list(video) == ["rgb"] and len(video) == 1 and video["rgb"].shape == (2, 1024)
    assert repr(video) == "<Video a.mp4: partial, cut off; rgb float32[2, 1024]>"
    assert repr(Video("https://me:pw@host/a.mp4?token=x", "i3d", "done")).startswith(
        "<Video https://host/a.mp4?token=…:"
    )
    assert repr(Video("b", "i3d", "failed", notes=("no stream",))) == "<Video b: failed, no stream; no features>"
