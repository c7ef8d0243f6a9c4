"""Which k of the n frames of a window the network sees, as published tools choose them: integers only."""

from collections.abc import Callable, Sequence

from utils.extractors.placement import mmaction2_0x


def uniform(n: int, k: int) -> list[int]:
    """Return k frames from the first to the last: linspace(0, n - 1, k) rounded down; of one, the first.

    uniform_temporal_subsample of facebookresearch/pytorchvideo, pytorchvideo/transforms/functional.py, release 0.1.5.
    """
    return [i * (n - 1) // max(k - 1, 1) for i in range(k)]


def demo(n: int, k: int) -> list[int]:
    """Return the first frame of each of k equal parts, which leaves out the end.

    frames2tensor in the demo of stage 2 of OpenGVLab/InternVideo, InternVideo2, commit 3965eef.
    """
    return [i * (n // k) for i in range(k)]


def middle(n: int, k: int) -> list[int]:
    """Return the frame in the middle of each of k equal parts.

    TSN's testing: SampleFrames(clip_len=1, num_clips=k, test_mode=True) of open-mmlab/mmaction2,
    mmaction/datasets/pipelines/loading.py, v0.24.1.
    """
    return mmaction2_0x(n, 1, 1, k)


def finetuning(n: int, k: int) -> list[int]:
    """Return about the frame in the middle of each of k equal parts: rounded to even, then half a part further.

    _get_seq_frames in validation of OpenGVLab/InternVideo, InternVideo2/single_modality/datasets/kinetics_sparse.py,
    commit 3965eef.
    """
    part = (n - 1) / k
    return [min(round(i * part) + int(part / 2), n - 1) for i in range(k)]


def first(n: int, k: int) -> list[int]:
    """Return the frames at the start, as where a tool takes clips of k neighbours with gaps between them.

    extract_tad_feature.py of OpenGVLab/VideoMAEv2 does with a step of more than its 16 frames.
    """
    return list(range(k))


CHOICES: dict[str, Callable[[int, int], list[int]]] = {  # --frame_choice
    "uniform": uniform,
    "demo": demo,
    "middle": middle,
    "finetuning": finetuning,
    "first": first,
}


def chosen_frames(n: int, k: int, choice: str) -> Sequence[int]:
    """Return which k of n frames the network sees, sorted; all for k = n.

    Raises:
        ValueError: there are fewer.
    """
    if k > n:
        raise ValueError(f"{k} of {n} frames")
    return range(n) if k == n else CHOICES[choice](n, k)
