"""Which frames of a video make a clip, and which 32 of them the network sees: integers and times, no pixels."""

from collections.abc import Sequence

import numpy as np
import torch

from models.slowfast.network import FAST_FRAMES
from utils.extractors.frame_choice import uniform
from utils.extractors.placement import Clips, mmaction2_1x
from utils.extractors.windows import TAIL_SHARE, Dense

FRAME_INTERVAL = 2  # of the frames that the network was trained with
ROUNDING_S = 1e-6  # times are float64: a frame this close before a limit counts as on it


def spread(frames: Sequence[int], n: int = FAST_FRAMES) -> list[int]:
    """Return n of the frames, including the first and the last: linspace(0, len - 1, n) rounded down.

    Computed in integers; PyTorch's float32 linspace gives the same for up to 20000 frames.
    """
    return [frames[i] for i in uniform(len(frames), n)]


def cycled(frames: Sequence[int], length: int) -> list[int]:
    """Return `length` frames: the given ones, repeated from the first."""
    return [frames[i % len(frames)] for i in range(length)]


def block_length(seconds: float, fps: float) -> int:
    """Return the number of frames in a clip of the 2-second-clip script: int(fps * seconds), at least 1."""
    return max(int(fps * seconds), 1)


def nominal_length(seconds: float, fps: float) -> int:
    """Return about how many frames a clip has that is cut by time; at least 1."""
    return max(round(fps * seconds), 1)


def blocks(n_frames: int, length: int, n_clips: int, tail: str, step: int | None = None) -> Clips:
    """Return full clips of `length` frames: `step` apart for n_clips = -1, else spread from start to end.

    step: None for back to back. tail: as for `windows.Dense`.
    """
    if n_frames < length:
        return []
    if n_clips != -1:
        return [range(start, start + length) for start in mmaction2_1x(n_frames, length, 1, n_clips)]
    return [window.indices for window in Dense(length, step or length, tail=tail).over(n_frames)]


def spans(times_s: np.ndarray, fps: float, seconds: float, n_clips: int, tail: str) -> Clips:
    """Return the frames shown within each clip, half-open in time: [0, seconds), [seconds, 2 * seconds), …

    A clip is full if at most half a frame is missing. One in which no frame starts (of a video with few frames per
    second) has the frame on screen.

    times_s: when each frame is shown, float64 [frames], ascending. n_clips, tail: as for `blocks`, back to back.
    """
    duration_s = times_s[-1] + 1 / fps
    n_full = int((duration_s + 0.5 / fps) / seconds)
    if n_full == 0:
        return []
    if n_clips == -1:
        starts_s = [i * seconds for i in range(n_full)]
    elif n_clips == 1:
        starts_s = [max(duration_s - seconds, 0) / 2]
    else:
        starts_s = [i * max(duration_s - seconds, 0) / (n_clips - 1) for i in range(n_clips)]
    clips: list[Sequence[int]] = [_between(times_s, start, start + seconds) for start in starts_s]
    tail_s = n_full * seconds
    if n_clips == -1 and tail == "cycle" and duration_s - tail_s >= TAIL_SHARE * seconds:
        clips.append(cycled(_between(times_s, tail_s, np.inf), nominal_length(seconds, fps)))
    if n_clips == -1 and tail == "back" and duration_s - tail_s > 0.5 / fps:
        clips.append(_between(times_s, duration_s - seconds, np.inf))
    return clips


def first(times_s: np.ndarray, seconds: float) -> range:
    """Return the frames of the first seconds, the moment of their end included: 251 frames for 10 s at 25 fps."""
    return range(int(np.searchsorted(times_s, times_s[0] + seconds + ROUNDING_S)))


def hero(n_frames: int, second: int, length: int, source_fps: float) -> Clips:
    """Return the 32 frames of each clip that HERO's extractor shows the network, back to back to the video's end.

    Its end is filled up: the last frame to whole seconds, then the last second to whole clips. The choice of frames
    depends on the file's rate, whatever the rate of the frames: of a file with 30 frames per second and a clip of 60,
    2 apart over the clip; with 25, only the first 53.

    linjieli222/HERO_Video_Feature_Extractor, slowfast/extract_feature/preprocessing.py, commit edcc012.
    """
    last = FAST_FRAMES * FRAME_INTERVAL * int(source_fps) / second - 1
    chosen = torch.linspace(0, last, FAST_FRAMES, dtype=torch.float32, device="cpu")
    places: list[int] = chosen.clamp(0, length - 1).long().tolist()
    full_seconds = -(-n_frames // second) * second

    def shown(frame: int) -> int:
        inside = frame if frame < full_seconds else full_seconds - second + frame % second
        return min(inside, n_frames - 1)

    return [[shown(start + place) for place in places] for start in range(0, n_frames, length)]


def _between(times_s: np.ndarray, start_s: float, stop_s: float) -> range:
    first, stop = (int(i) for i in np.searchsorted(times_s, (start_s - ROUNDING_S, stop_s - ROUNDING_S)))
    return range(first, stop) if stop > first else range(max(first - 1, 0), max(first, 1))
