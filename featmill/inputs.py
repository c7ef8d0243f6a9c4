"""What callers give as a video, as references that the program opens."""

import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from utils.errors import UserError
from utils.media.input import FrameArray
from utils.sources.ref import VideoRef

KEYS = ("path", "bytes", "frames", "fps", "samples", "rate_hz", "start_s", "end_s", "name")
IN_MEMORY = ("bytes", "frames", "samples")
MOST_HZ = 10_000_000
MOST_CHANNELS = 64  # an array of more is taken for one of the wrong orientation
MOST_LEVEL = 100  # far above what is played without distortion, below integers that were made floats


def described(given: Any) -> dict[str, Any]:
    """Return what a caller gives as a mapping of KEYS."""
    if isinstance(given, Mapping):
        return dict(given)
    return {"bytes" if isinstance(given, bytes | bytearray | memoryview) else "path": given}


def is_absent(value: Any) -> bool:
    """Return whether a value is None, or what pandas has in an empty cell: NaN, NaT or NA."""
    is_nan = isinstance(value, float | np.floating) and bool(np.isnan(value))
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def stated(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping without what is absent."""
    return {key: value for key, value in about.items() if not is_absent(value)}


def reference(number: int, given: Any) -> VideoRef:
    """Return a reference to what a caller gives.

    number: different for each video of a call. given: a path or an address; the bytes of a file; or a mapping of
    KEYS: one of path, bytes, frames (uint8 [n, H, W, 3], with fps) and samples (float [n] or [n, channels], with
    rate_hz), and optionally a segment from start_s to end_s, and a name. None counts as absent; a video of which
    nothing is there, as in an empty row of a table, fails.

    Raises:
        UserError: it is none of these.
    """
    about = described(given)
    unknown = about.keys() - set(KEYS)
    if unknown:
        raise UserError(f"a video has {sorted(unknown)[0]!r}; known are {', '.join(KEYS)}")
    about = stated(about)
    path, data = _path(about), _data(about)
    is_empty = data is None and not path
    label = str(about.get("name") or path or next((key for key in IN_MEMORY if key in about), "empty"))
    return VideoRef(
        id=str(number),
        name=label,
        path=path if data is None else label,
        start_s=_seconds(about, "start_s"),
        end_s=_seconds(about, "end_s"),
        data=data,
        refused=("failed", f"{label}: there is no path, bytes, frames or samples") if is_empty else None,
    )


def _seconds(about: Mapping[str, Any], key: str) -> float | None:
    seconds = _number(about.get(key))
    if seconds is None and key in about:
        raise UserError(f"{key} is {about[key]!r}; it must be a number of seconds")
    return seconds


def _number(value: Any) -> float | None:
    """Return a number, None for anything else; 0.1 of float32 becomes 0.1, the digits that it prints with."""
    try:
        return float(str(value) if isinstance(value, np.floating) else value)
    except (TypeError, ValueError):
        return None


def _path(about: Mapping[str, Any]) -> str:
    path = about.get("path", "")
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"a video is of type {type(path).__name__}: {_instead_of(path)}")
    return os.fsdecode(path)  # some path objects give bytes


def _instead_of(given: Any) -> str:
    """Return what to give in place of what is not a video."""
    if hasattr(given, "read"):
        return "give what its read() returns, the bytes of the file, or its path"
    if hasattr(given, "__array__"):
        return 'give {"frames": it, "fps": 25}, or {"samples": it, "rate_hz": 16000} for sound'
    return "give a path, bytes, frames with fps=, or samples with rate_hz="


def _data(about: Mapping[str, Any]) -> bytes | FrameArray | None:
    """Return the video itself where it is in memory."""
    given = [key for key in IN_MEMORY if key in about]
    if len(given) > 1:
        raise UserError(f"a video has both {' and '.join(given)}: give one of them")
    if "fps" in about and "frames" not in about:
        raise UserError("fps is the rate of frames in memory; extraction_fps of an extractor samples a file's frames")
    if "rate_hz" in about and "samples" not in about:
        raise UserError("rate_hz is the rate of samples in memory; a file has its own")
    if "frames" in about:
        return _frames(about["frames"], about.get("fps"))
    if "samples" in about:
        return _audio(about["samples"], about.get("rate_hz"))
    return bytes(about["bytes"]) if "bytes" in about else None


def _frames(frames: Any, fps: Any) -> FrameArray:
    pixels = as_array(frames)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3 or 0 in pixels.shape:
        raise UserError(
            f"frames are {pixels.dtype} {list(pixels.shape)}; they must be uint8 [n, height, width, 3], RGB"
            f"{_as_frames(pixels)}"
        )
    rate = _number(fps)
    if rate is None or not 0 < rate <= 1000:
        raise UserError(f"fps is {fps}; frames need their rate per second, above 0 and at most 1000")
    return FrameArray(pixels, rate)


def _as_frames(pixels: np.ndarray) -> str:
    """Return how an array that is not frames may be made so; empty where that is anyone's guess."""
    shape = pixels.shape
    if pixels.dtype.kind in "OSU":
        return "; for several videos, map of an Extractor takes a list"
    if pixels.ndim == 4 and shape[3] != 3 and shape[1] == 3:
        return ": transpose it by (0, 2, 3, 1)"
    if pixels.ndim == 4 and shape[3] == 4:
        return ": drop the fourth channel, frames[..., :3]"
    if pixels.ndim == 4 and shape[3] == 1:
        return ": repeat the grey channel, frames.repeat(3, axis=3)"
    if pixels.ndim == 3 and shape[2] == 3:
        return ": a single frame is frame[None]"
    if pixels.ndim == 3:
        return ": repeat grey frames, frames[..., None].repeat(3, axis=3)"
    if pixels.ndim == 4 and pixels.dtype.kind == "f":
        return ": round floats from 0 to 255; those from 0 to 1 times 255"
    if pixels.size and 1 <= pixels.ndim <= 2 and pixels.dtype.kind in "fi":
        return "; samples of sound need rate_hz="
    return ""


def _audio(samples: Any, rate_hz: Any) -> bytes:
    """Return samples as a WAV file in memory, so that they are read as those of any file are."""
    import soundfile

    array = as_array(samples)
    if array.dtype.kind != "f" or array.ndim not in (1, 2) or not array.size:
        hint = ": divide them by 32768" if array.dtype == np.int16 and array.ndim in (1, 2) else ""
        raise UserError(
            f"samples are {array.dtype} {list(array.shape)}; they must be floats from -1 to 1, "
            f"[n] or [n, channels]{hint}"
        )
    if array.ndim == 2 and array.shape[1] > MOST_CHANNELS:
        raise UserError(
            f"samples are {list(array.shape)}; they must be [n, channels], not [channels, n]: transpose them"
        )
    rate = _number(rate_hz)
    if rate is None or not 1 <= rate <= MOST_HZ or rate != int(rate):
        raise UserError(f"rate_hz is {rate_hz}; samples need their rate per second, a whole number from 1 to {MOST_HZ}")
    if not np.isfinite(array).all():
        raise UserError("samples are not all numbers: some are NaN or infinite")
    if (level := np.abs(array).max()) > MOST_LEVEL:
        raise UserError(f"samples are up to {level:g}; they must be from -1 to 1: divide those of 16 bits by 32768")
    file = io.BytesIO()
    soundfile.write(file, array.astype(np.float32, copy=False), int(rate), format="WAV", subtype="FLOAT")
    return file.getvalue()


def as_array(values: Any) -> np.ndarray:
    """Return an array, a tensor of any device, or a list of numbers as an array."""
    try:
        return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    except ValueError:
        raise UserError("not an array: this list has parts of different sizes") from None
    except (TypeError, NotImplementedError) as error:  # bfloat16, a tensor without values
        raise UserError(f"not an array that NumPy can read: {error}") from error
