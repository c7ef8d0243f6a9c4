"""Which frames of a video make a clip, and which 32 of them the network sees: integers and times, no pixels."""

from collections.abc import Sequence

import numpy as np

from models.slowfast.network import FAST_FRAMES
from utils.extractors.frame_choice import uniform
from utils.extractors.placement import Clips, mmaction2_1x
from utils.extractors.windows import TAIL_SHARE, Dense

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


def _between(times_s: np.ndarray, start_s: float, stop_s: float) -> range:
    first, stop = (int(i) for i in np.searchsorted(times_s, (start_s - ROUNDING_S, stop_s - ROUNDING_S)))
    return range(first, stop) if stop > first else range(max(first - 1, 0), max(first, 1))
