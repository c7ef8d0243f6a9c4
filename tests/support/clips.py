"""The golden cases that go from a video's frames to its stored feature, for models that see clips."""

from typing import Any, cast

import numpy as np
import torch

from support.golden import case, moving_frames
from utils.extractors.base import VideoStreamInfo
from utils.extractors.clips import VideoClipsExtractor
from utils.extractors.windows import Listed
from utils.worker.window_builder import WindowBuilder

CROP_TYPES = {"CenterCrop": "center", "ThreeCrop": "3-crop", "TenCrop": "10-crop"}


def clip_case(name: str) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, Any]]:
    """Return the outputs of a clip_level case, its frames uint8 [n, H, W, 3], and the flags that ask for it."""
    expected, meta = case("clip_level", name)
    frames = moving_frames(*(meta["input"][key] for key in ("seed", "n", "height", "width")))
    if "pipeline" in meta:
        steps = {step["type"]: step for step in meta["pipeline"]}
        crop_step = next(step for step in steps if step in CROP_TYPES)
        flags = {
            "preset": "mmaction2_0x",
            "stack_size": steps["SampleFrames"]["clip_len"],
            "frame_interval": steps["SampleFrames"]["frame_interval"],
            "num_clips": steps["SampleFrames"]["num_clips"],
            "side_size": steps["Resize"]["scale"][1],
            "crop_size": steps[crop_step]["crop_size"],
            "crop_type": CROP_TYPES[crop_step],
        }
    else:
        flags = {
            "preset": "snippets",
            "num_clips": meta["settings"]["num_clips_per_video"],
            "side_size": meta["settings"]["resize_size"],
            "crop_size": meta["settings"]["crop_size"],
            "crop_type": meta["settings"]["crop_type"],
        }
    return expected, frames, flags


def extract(
    extractor: VideoClipsExtractor[Any], frames: np.ndarray, clips: slice = slice(None)
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is saved of a video with these frames, and the features of its views [clips, crops, D].

    clips: those of the video to compute, each in all of its crops.
    """
    times_s = np.arange(len(frames)) / 25
    info = VideoStreamInfo(25.0, frames.shape[1], frames.shape[2], times_s)
    sampling = cast(Listed, extractor.sampling(info))
    builder = WindowBuilder(extractor, sampling)
    rows = {}
    with torch.inference_mode():
        # resized on the CPU, as the reference was: on a GPU, halves that floats round come out otherwise
        prepared = extractor.prepare(torch.from_numpy(frames[sampling.wanted])).to(extractor.device)
        cuts = [*builder.push(prepared, times_s[sampling.wanted]), *builder.finish()]
        cuts = sorted(cuts, key=lambda cut: cut.row)[clips]
        for start in range(0, len(cuts), extractor.batch_size):
            batch = cuts[start : start + extractor.batch_size]
            outputs = extractor.outputs({"frames": torch.cat([cut.inputs["frames"] for cut in batch])})
            rows |= {cut.row: row.cpu().numpy() for cut, row in zip(batch, outputs[extractor.key], strict=True)}
    views = np.stack([rows[row] for row in sorted(rows)])
    return extractor.finish({extractor.key: views})[extractor.key], views


def clips_of(extractor: VideoClipsExtractor[Any], frames: np.ndarray) -> np.ndarray:
    """Return the frame numbers of each clip, [clips, T], in the order of the rows."""
    sampling = cast(Listed, extractor.sampling(VideoStreamInfo(25.0, 240, 320, np.arange(len(frames)) / 25)))
    rows = {window.row: [sampling.wanted[i] for i in window.indices] for window in sampling.full()}
    return np.array([rows[row] for row in sorted(rows)])
