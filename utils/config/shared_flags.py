"""Flags that several models share: their text is written once, each model gives its own default."""

from typing import Any

from utils.config.schema import Config, flag
from utils.errors import UserError

CROP_TYPES = ("center", "3-crop", "5-crop", "10-crop")
AVERAGES = ("clips", "crops", "both", "none")
OF_PRESET = " (default: the preset's)"


def extraction_fps(group: str) -> Any:
    """Return --extraction_fps, by the rule of ffmpeg's fps filter."""
    return flag(None, "frames per second to sample the video at (default: the video's own)", group=group)


def extraction_total(group: str) -> Any:
    """Return --extraction_total, a number of frames spread over the video."""
    return flag(None, "this many frames spread over the video, in place of --extraction_fps", group=group)


def sound_clock(group: str) -> Any:
    """Return --sound_clock, for models of sound."""
    return flag(
        "file",
        "file: picture and sound of a file share one clock, and silence fills gaps of more than 0.1 s in the sound; "
        "samples: the bare sequence of samples, as in a WAV file that the ffmpeg command writes",
        group=group,
        choices=("file", "samples"),
        added_later=True,
    )


def decode(group: str) -> Any:
    """Return --decode, how exactly frames are resized; for models whose published tool does it by Pillow."""
    return flag(
        "exact",
        "exact: frames as OpenCV and Pillow give them, to the bit; fast: resized in a tenth of the time, at most 2 of "
        "255 grey levels from that, for large frames on few cores",
        group=group,
        choices=("exact", "fast"),
    )


def stack_size(group: str, default: int | None, text: str = "frames in a window") -> Any:
    """Return --stack_size, the frames that the network sees at once."""
    return flag(default, text, group=group)


def step_size(group: str, default: int) -> Any:
    """Return --step_size, between the starts of dense windows."""
    return flag(default, "frames from the start of one window to the start of the next", group=group)


def frame_interval(group: str, default: int) -> Any:
    """Return --frame_interval, between the frames of one clip."""
    return flag(default, "frames from one frame of a clip to the next", group=group)


def clip_len(group: str, default: float | None) -> Any:
    """Return --clip_len, the length of a clip in seconds."""
    return flag(default, "seconds of a clip", group=group)


def num_clips(group: str, default: int | None, placed: str = "spread evenly") -> Any:
    """Return --num_clips: a number of clips of the video, placed as said, or -1."""
    text = f"clips per video, {placed}; -1: all, back to back from start to end"
    return flag(default, text + _of_preset(default), group=group)


def crop_type(group: str, default: str | None, choices: tuple[str, ...] = CROP_TYPES) -> Any:
    """Return --crop_type, the views of each clip."""
    text = "parts of the frame to see; 10-crop adds mirror images to 5-crop"
    return flag(default, text + _of_preset(default), group=group, choices=choices)


def average(group: str, default: str | None) -> Any:
    """Return --average, over what features are averaged before they are saved."""
    text = "average the features over clips, crops, both, or not"
    return flag(default, text + _of_preset(default), group=group, choices=AVERAGES)


def checkpoint(group: str, published_name: str) -> Any:
    """Return --checkpoint, a file of the user's own in the layout of the published one."""
    return flag(
        None,
        f"file used as {published_name}, such as a fine-tuned one with another number of classes",
        group=group,
        shapes_output=False,
    )


def show_pred(group: str, classes: str) -> Any:
    """Return --show_pred, which prints what the classifier says."""
    return flag(False, f"print the top 5 {classes} classes of each window", group=group, shapes_output=False)


def short_video(group: str) -> Any:
    """Return --short_video, what becomes of a video with fewer frames than one window."""
    return flag(
        "cycle",
        "a video with fewer frames than a window: repeat them until it is full, record it as skipped, or as failed",
        group=group,
        choices=("cycle", "skip", "error"),
    )


def tail(group: str) -> Any:
    """Return --tail, what becomes of the frames after the last full window."""
    return flag(
        "drop",
        "frames after the last full window: drop them, or repeat them if they are at least 20% of a window",
        group=group,
        choices=("drop", "cycle"),
    )


def _of_preset(default: Any) -> str:
    """Return what the help says where a model leaves the default to its --preset."""
    return OF_PRESET if default is None else ""


def check_fps(extraction_fps: float | None) -> None:
    """Raise UserError where --extraction_fps is no rate that a video can be sampled at."""
    if extraction_fps is not None and not 0 < extraction_fps <= 1000:
        raise UserError(f"--extraction_fps is {extraction_fps}; it must be above 0 and at most 1000")


def check_frames(config: Config) -> None:
    """Raise UserError where --extraction_fps and --extraction_total do not say which frames to take."""
    check_fps(config.extraction_fps)
    if config.extraction_total is None:
        return
    if config.extraction_total < 1:
        raise UserError(f"--extraction_total is {config.extraction_total}; it must be at least 1 frame")
    if config.extraction_fps is not None:
        raise UserError("--extraction_fps and --extraction_total exclude each other: drop one of them")
