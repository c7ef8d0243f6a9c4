"""The vector of an example: a window of the collection, a moment of another file, a picture."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.errors import FeatmillError, UserError, VideoError
from utils.explore.search.windows import SavedWindows
from utils.media.input import FrameArray
from utils.run.packs import Saved
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.rows import unit
from utils.sources.ref import VideoRef
from utils.storage.urls import is_url, redacted

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
MOST_FRAMES = 10_000  # of a picture, repeated for the length of a window

Extract = Callable[[VideoRef], Saved]  # by the network and settings that made the collection


@dataclass(frozen=True)
class Example:
    """What to look for. vector: float [D]. own: id and row of the window of the collection that it is.

    The row is None where it is a whole video.
    """

    vector: np.ndarray
    own: tuple[str, int | None] | None = None


def example_of(text: str, collection: SavedWindows, extract: Extract) -> Example:
    """Return the vector of NAME@SECONDS, FILE@SECONDS, NAME or FILE; without seconds, the mean direction of all rows.

    NAME: of a video in the collection, or its id; such rows are read, not extracted.

    Raises:
        UserError: there is no such video, file or moment. VideoError: the file cannot be used.
    """
    for name, seconds in dict.fromkeys(((text, None), _moment(text))):
        line = _line(collection, name)
        if line is not None:
            row, vector = _row(collection.saved(line), seconds, collection, name)
            return Example(vector, (line.id, row))
        if is_url(name) or _exists(name):
            if Path(name).suffix.lower() in PICTURES and not is_url(name):
                return picture_example(_picture(name), collection, extract, name)
            end_s = None if seconds is None else seconds + 2 * max(_seconds(collection), 1.0)
            saved = extract(VideoRef("like", "like", name, end_s=end_s))
            return Example(_row(saved, seconds, collection, name)[1])
    raise UserError(f"{redacted(text)}: no such file, and no video of {collection.folder} has that name")


def picture_example(pixels: np.ndarray, collection: SavedWindows, extract: Extract, label: str = "picture") -> Example:
    """Return the vector of a picture, repeated for the length of a window. pixels: uint8 [H, W, 3].

    Raises:
        UserError: the collection is of sound.
    """
    fps = next(collection.lines()).fps
    if fps is None:
        raise UserError(f"{collection.folder}: holds features of sound, which cannot be compared with a picture")
    n_frames = min(MOST_FRAMES, math.ceil(_seconds(collection) * fps) + 1)
    frames = FrameArray(np.broadcast_to(pixels, (n_frames, *pixels.shape)), fps, label)
    saved = extract(VideoRef("like", "like", label, data=frames))
    return Example(_row(saved, None, collection, label)[1])


def _exists(name: str) -> bool:
    with contextlib.suppress(OSError, ValueError):  # no file can have such a name
        return Path(name).exists()
    return False


def _moment(text: str) -> tuple[str, float | None]:
    """Return a name and the seconds after its last @."""
    name, _, seconds = text.rpartition("@")
    with contextlib.suppress(ValueError):
        if name and 0 <= (value := float(seconds)) < math.inf:
            return name, value
    return text, None


def _line(collection: SavedWindows, name: str) -> ManifestLine | None:
    """Return the line of a video by its id or name; None if it has no features."""
    line = collection.latest.get(name)
    if line is not None and line.outputs:
        return line
    return next((line for line in collection.lines() if line.name == name), None)


def _seconds(collection: SavedWindows) -> float:
    """Return how long a window of the first video that can be read lasts; a second where windows have no times."""
    for line in collection.lines():
        with contextlib.suppress(FeatmillError):
            saved = collection.saved(line)
            if saved.start_s is not None and saved.end_s is not None and len(saved.start_s):
                return float(np.median(saved.end_s - saved.start_s))
            break
    return 1.0


def _row(saved: Saved, seconds: float | None, collection: SavedWindows, name: str) -> tuple[int | None, np.ndarray]:
    """Return the number and the vector of the window whose middle is nearest to a moment; the mean of all without."""
    if collection.feature not in saved.features:
        raise VideoError(f"{redacted(name)}: has no {collection.feature}")
    rows = collection.vectors(saved.features[collection.feature])
    usable = np.flatnonzero(np.isfinite(rows).all(axis=1) & rows.any(axis=1))
    if not len(usable):
        raise VideoError(f"{redacted(name)}: has no window to compare with")
    start_s, end_s, middle_s = saved.start_s, saved.end_s, saved.middle_s
    if seconds is None:
        return None, unit(rows[usable].astype(np.float64)).mean(axis=0)
    if start_s is None or end_s is None or middle_s is None or len(start_s) != len(rows):
        raise UserError(f"{redacted(name)}: its features have no times; leave out @{seconds:g}")
    slack_s = float(np.median(np.diff(start_s))) if len(start_s) > 1 else 1.0  # the last frame is shown for a while
    if not start_s[0] - slack_s <= seconds <= end_s[-1] + slack_s:
        raise UserError(f"{redacted(name)}@{seconds:g}: its windows are from {start_s[0]:g} to {end_s[-1]:g} s")
    row = int(usable[np.argmin(np.abs(middle_s[usable] - seconds))])
    return row, rows[row]


def _picture(path: str) -> np.ndarray:
    """Return the pixels of a picture, uint8 [H, W, 3], upright."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise VideoError(f"{path}: cannot be read as a picture ({error})") from error
