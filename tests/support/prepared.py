"""The frames of a video as an extractor makes them ready for its network, and what is known of them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from utils.extractors.base import VideoExtractor, VideoStreamInfo
from utils.media.frame_times import frame_times_s
from utils.media.input import LocalFile
from utils.media.limits import DEFAULT_LIMITS
from utils.media.report import VideoReport
from utils.media.segment import WHOLE
from utils.media.video import VideoStream


def prepared(extractor: VideoExtractor[Any], video: Path) -> tuple[Tensor, VideoStreamInfo]:
    """Return all frames of the extractor's view, and what `sampling` is told of them."""
    source, view = LocalFile(str(video)), extractor.view
    times_s = frame_times_s(source, view.fps, WHOLE, DEFAULT_LIMITS, VideoReport())
    with VideoStream(source, views=(view,)) as stream:
        frames = extractor.prepare(torch.from_numpy(np.concatenate([chunk.pixels for chunk in stream])))
        info = stream.info
    assert info.source_fps
    return frames, VideoStreamInfo(float(info.fps), info.height, info.width, times_s, float(info.source_fps))
