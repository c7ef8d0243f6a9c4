"""Flags that several models share: the text is written once, each model gives its default."""

from collections.abc import Iterable
from typing import Any

from utils.config.label_file import read_labels
from utils.config.schema import Config, flag
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


def hop_s(group: str, ends: str, added_later: bool = False) -> Any:
    """Return --hop_s, between the starts of windows of sound. ends: of the help text."""
    return flag(
        None,
        f"seconds from the start of one window of sound to the start of the next {ends}",
        group=group,
        at_least=0.01,
        at_most=600,
        note="seconds",
        metavar="SECONDS",
        added_later=added_later,
    )


def align_frames(group: str) -> Any:
    """Return --align_rows, for windows of frames."""
    return align_rows(group, "step_size", "the first or the last frame stands")


def align_rows(group: str, hop: str = "hop_s", outside: str = "zeros stand") -> Any:
    """Return --align_rows, where windows lie. hop: the flag of what a row stands for. outside: what stands there."""
    return flag(
        "start",
        f"where the window of row i lies. start: it starts with hop i, at i * {hop}, and must be full; middle: centred "
        f"on hop i; end: ends with hop i. The latter two give a row per full hop, and {outside} for what is outside",
        group=group,
        choices=("start", "middle", "end"),
        added_later=True,
    )


def check_align_rows(align: str, tail: str) -> None:
    """Raise UserError if --tail is given where windows are not placed by their starts, so that nothing is left over."""
    if align != "start" and tail != "drop":
        raise UserError(f"--tail {tail} is for --align_rows start: drop one of them")


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


def stack_size(
    group: str, default: int | None, text: str, at_least: int = 1, note: str = "frame", added_later: bool = False
) -> Any:
    """Return --stack_size, the frames that the network sees at once."""
    return flag(default, text, group=group, at_least=at_least, note=note, added_later=added_later)


def step_size(group: str, default: int | None, ends: str = "", added_later: bool = False) -> Any:
    """Return --step_size, between the starts of windows. ends: of the help text."""
    text = f"frames from the start of one window to the start of the next{ends}"
    return flag(default, text, group=group, at_least=1, note="frame", added_later=added_later)


def stack_s(group: str) -> Any:
    """Return --window_s, for windows of frames."""
    return _seconds(
        group, "seconds of a window, instead of --stack_size; in frames, by the rate after --extraction_fps"
    )


def step_s(group: str) -> Any:
    """Return --step_s, between the starts of windows of frames."""
    return _seconds(group, "seconds from window to window, instead of --step_size (default with --window_s: the same)")


def _seconds(group: str, text: str) -> Any:
    return flag(None, text, group=group, above=0, at_most=3600, note="seconds", metavar="SECONDS", added_later=True)


SECONDS_OR_FRAMES = (("window_s", "stack_size"), ("window_s", "step_size"), ("step_s", "step_size"))


def check_seconds(config: Config, excluded: Iterable[tuple[str, str]] = SECONDS_OR_FRAMES) -> None:
    """Raise UserError if lengths of windows are given in seconds and in frames. A default number does not count."""
    for seconds, frames in excluded:
        default = type(config).__dataclass_fields__[frames].default
        if getattr(config, seconds) is not None and getattr(config, frames) != default:
            raise UserError(f"--{seconds} and --{frames} exclude each other: give lengths in seconds, or in frames")


def frames_per_window(group: str) -> Any:
    """Return --frames_per_window, of which the network sees that many."""
    return flag(
        None,
        "frames of each window that the network sees, chosen by --frame_choice (default: all that it can)",
        group=group,
        at_least=1,
        note="frame",
        added_later=True,
    )


def frame_choice(group: str, default: str = "uniform", added_later: bool = True) -> Any:
    """Return --frame_choice, which frames of a window the network sees."""
    return flag(
        default,
        "which frames of a window the network sees, if not all. uniform: evenly from the first to the last; demo: the "
        "first of each of so many equal parts; middle: the one in the middle of each part; finetuning: nearly that, as "
        "InternVideo2 was fine-tuned; first: those at the start",
        group=group,
        choices=("uniform", "demo", "middle", "finetuning", "first"),
        added_later=added_later,
    )


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


def shows_predictions(config: object) -> bool:
    """Return whether --show_pred is given, of a feature type that has it."""
    return bool(getattr(config, "show_pred", False))


def show_pred(group: str, classes: str, each: str = "window", aliases: tuple[str, ...] = ()) -> Any:
    """Return --show_pred, which prints the best classes."""
    return flag(
        False,
        f"print the top 5 {classes} classes of each {each}, and save them where features are saved",
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
        "print the top 5 of the labels or sentences in a text file, one per line, for each window, and save them where "
        "features are saved",
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


def short_video(group: str, added_later: bool = False) -> Any:
    """Return --short_video, what to do with a video that has fewer frames than a window."""
    return flag(
        "cycle",
        "for a video with fewer frames than a window: repeat them to fill one, record it as skipped, or as failed",
        group=group,
        choices=("cycle", "skip", "error"),
        added_later=added_later,
    )


def tail(
    group: str, medium: str = "frames", unit: str = "frame", added_later: bool = False, more: str | None = None
) -> Any:
    """Return --tail, what to do with what comes after the last full window.

    medium: of which it is made, in `unit`s. more: another choice with what it does, "choice: text".
    """
    text = (
        f"{medium} after the last full window. drop: left out; cycle: repeated, if at least 20% of a window; back: one "
        f"more window, which ends at the last {unit}"
    )
    return flag(
        "drop",
        text if more is None else f"{text}; {more}",
        group=group,
        choices=("drop", "cycle", "back", *([] if more is None else [more.partition(":")[0]])),
        added_later=added_later,
    )
