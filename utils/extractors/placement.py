"""Where clips are placed in a video, as published tools do it: integers only, for `windows.Listed`.

Sources: SampleFrames of mmaction2 in test mode (https://github.com/open-mmlab/mmaction2, v0.24.1 and v1.2.0) and
TemporalClipSample of https://github.com/hongjiaherng/inappropriate-video-detection. A video has n frames; a clip is
`length` frames, `interval` apart.
"""

from collections.abc import Callable, Sequence

Clips = Sequence[Sequence[int]]  # the frames of each clip, in the order that the network sees them


def mmaction2_0x(n_frames: int, length: int, interval: int, n_clips: int) -> list[int]:
    """Return the first frame of each clip: one clip in the middle of each of `n_clips` equal parts.

    The rule of mmaction2 0.x, 1.0.0rc0 and rc1. A clip counts as length * interval frames, one of a single frame, too;
    if the video has fewer, all clips start at 0.
    """
    span = length * interval
    if n_frames < span:
        return [0] * n_clips
    part = (n_frames - span + 1) / n_clips
    return [int(i * part + part / 2) for i in range(n_clips)]  # the order matters: each step rounds in float64


def mmaction2_1x(n_frames: int, length: int, interval: int, n_clips: int) -> list[int]:
    """Return the first frame of each clip: spread from the start of the video to its end.

    The rule of mmaction2 1.0.0rc2 and later. Clips of one frame are placed as in 0.x with an interval of 1, a single
    clip in the middle.
    """
    if length == 1:
        return mmaction2_0x(n_frames, 1, 1, n_clips)
    last_start = max(n_frames - ((length - 1) * interval + 1), 0)
    if n_clips == 1:
        return [last_start // 2]
    return [round(i * (last_start / (n_clips - 1))) for i in range(n_clips)]  # ties to even, as numpy's


def back_to_back(n_frames: int, length: int, interval: int, n_clips: int) -> list[int]:
    """Return the first frame of each clip: 0, length * interval, …, even past the end of the video."""
    return [i * length * interval for i in range(n_clips)]


PLACEMENTS: dict[str, Callable[[int, int, int, int], list[int]]] = {
    "mmaction2_0x": mmaction2_0x,
    "mmaction2_1x": mmaction2_1x,
    "back_to_back": back_to_back,
}


def place(placement: str, n_frames: int, length: int, interval: int, n_clips: int) -> Clips:
    """Return `n_clips` clips placed by one of PLACEMENTS, or `all_clips` for n_clips = -1; none if there are no frames.

    A clip that passes the end of the video continues at its start.
    """
    if n_frames == 0:
        return []
    if n_clips == -1:
        return all_clips(n_frames, length, interval)
    return loop(PLACEMENTS[placement](n_frames, length, interval, n_clips), n_frames, length, interval)


def all_clips(n_frames: int, length: int, interval: int) -> Clips:
    """Return clips back to back from the first frame to the last; the last clip repeats its frames until it is full."""
    span = length * interval
    clips: list[list[int]] = []
    for start in range(0, n_frames, span):
        frames = range(start, min(start + span, n_frames), interval)
        clips.append([frames[i % len(frames)] for i in range(length)])
    return clips


def loop(starts: Sequence[int], n_frames: int, length: int, interval: int) -> Clips:
    """Return the clips that start at `starts`; past the end of the video they continue at its start."""
    return [[(start + i * interval) % n_frames for i in range(length)] for start in starts]
