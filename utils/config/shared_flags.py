"""Flags that several models share: the text is written once, each model gives its default."""

from typing import Any

from utils.config.label_file import read_labels
from utils.config.schema import flag
from utils.errors import UserError

ON_GPU = "gpu: decoded by the GPU's video engine, where that is faster than the cores (docs/performance.md)"


def extraction_fps(group: str, default: float | None = None, ends: str = " (default: the video's own)") -> Any:
    """Return --extraction_fps, which works as ffmpeg's fps filter. ends: of the help text."""
    return flag(
        default, f"frames per second to sample the video at{ends}", group=group, above=0, at_most=1000, metavar="FPS"
    )


def extraction_total(group: str) -> Any:
    """Return --extraction_total, a number of frames spread over the video."""
    return flag(
        None,
        "number of frames, spread over the video, instead of --extraction_fps",
        group=group,
        at_least=1,
        note="frame",
    )


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


def window_s(group: str, default: float | None, at_least: float, ends: str = "") -> Any:
    """Return --window_s, the length of a window of sound. ends: of the help text."""
    return flag(
        default,
        f"seconds of sound in a window{ends}",
        group=group,
        at_least=at_least,
        at_most=600,
        note="seconds",
        metavar="SECONDS",
    )


def hop_s(group: str, ends: str) -> Any:
    """Return --hop_s, between the starts of windows of sound. ends: of the help text."""
    return flag(
        None,
        f"seconds from the start of one window of sound to the start of the next {ends}",
        group=group,
        at_least=0.01,
        at_most=600,
        note="seconds",
        metavar="SECONDS",
    )


def decode(group: str) -> Any:
    """Return --decode for models whose published tool resizes with Pillow."""
    return flag(
        "exact",
        "exact: frames as OpenCV and Pillow give them, to the bit; fast: resized in a tenth of the time, at most 2 of "
        f"255 grey levels off, for large frames on few cores; {ON_GPU}",
        group=group,
        choices=("exact", "fast", "gpu"),
    )


def decode_unresized(group: str) -> Any:
    """Return --decode for other models of frames."""
    return flag(
        "exact",
        f"exact: frames as OpenCV gives them, to the bit; {ON_GPU}",
        group=group,
        choices=("exact", "gpu"),
        added_later=True,
    )


def stack_size(group: str, default: int | None, text: str, at_least: int = 1, note: str = "frame") -> Any:
    """Return --stack_size, the frames that the network sees at once."""
    return flag(default, text, group=group, at_least=at_least, note=note)


def step_size(group: str, default: int | None, ends: str = "") -> Any:
    """Return --step_size, between the starts of windows. ends: of the help text."""
    text = f"frames from the start of one window to the start of the next{ends}"
    return flag(default, text, group=group, at_least=1, note="frame")


def frame_interval(group: str, default: int | None, ends: str = "") -> Any:
    """Return --frame_interval, between the frames of one clip. ends: of the help text."""
    return flag(default, f"frames from one frame of a clip to the next{ends}", group=group, at_least=1, note="frame")


def num_clips(group: str, default: int | None, placed: str = "spread evenly", ends: str = "") -> Any:
    """Return --num_clips, a number of clips of the video or -1. placed: where. ends: of the help text."""
    text = f"clips per video, {placed}; -1: all, back to back from start to end{ends}"
    return flag(default, text, group=group, at_least=1, also=-1, note="or -1 for all")


def checkpoint(group: str, published_name: str) -> Any:
    """Return --checkpoint, the user's own file in the layout of a published one."""
    return flag(
        None,
        f"file used as {published_name}, such as a fine-tuned one with another number of classes",
        group=group,
        shapes_output=False,
        metavar="FILE",
    )


def show_pred(group: str, classes: str, each: str = "window", aliases: tuple[str, ...] = ()) -> Any:
    """Return --show_pred, which prints the best classes."""
    return flag(
        False,
        f"print the top 5 {classes} classes of each {each}",
        group=group,
        aliases=aliases,
        shapes_output=False,
        optional_value=True,
        note="only types with a text tower, such as clip, take a file of labels",
        metavar="yes|no",
    )


def show_labels(group: str) -> Any:
    """Return --show_pred for types with a text tower, which compares windows with labels."""
    return flag(
        False,
        "print the top 5 of the labels or sentences in a text file, one per line, for each window",
        group=group,
        shapes_output=False,
        optional_value=True,
        metavar="LABELS.txt",
    )


def check_labels(value: bool | str) -> None:
    """Raise UserError unless --show_pred of a type with a text tower names a file of labels, or is not given."""
    if isinstance(value, str):
        read_labels(value)
    elif value:
        raise UserError("--show_pred needs a file of labels, one per line, such as --show_pred labels.txt")


def short_video(group: str) -> Any:
    """Return --short_video, what to do with a video that has fewer frames than a window."""
    return flag(
        "cycle",
        "for a video with fewer frames than a window: repeat them to fill one, record it as skipped, or as failed",
        group=group,
        choices=("cycle", "skip", "error"),
    )


def tail(group: str, medium: str = "frames", unit: str = "frame") -> Any:
    """Return --tail, what to do with what comes after the last full window. medium: of which it is made, in `unit`s."""
    return flag(
        "drop",
        f"{medium} after the last full window. drop: left out; cycle: repeated, if at least 20% of a window; back: one "
        f"more window, which ends at the last {unit}",
        group=group,
        choices=("drop", "cycle", "back"),
    )
