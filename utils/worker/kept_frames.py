"""--keep_frames: the sampled frames as PNG files."""

from pathlib import Path

from utils.errors import RunError
from utils.media.video import Frames


def save_frames(folder: Path, frames: Frames) -> None:
    """Write frames as <number>.png, numbered as they were sampled.

    Raises:
        RunError: they cannot be written.
    """
    from PIL import Image

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, frame in zip(frames.index, frames.pixels, strict=True):
            Image.fromarray(frame).save(folder / f"{number:06d}.png", compress_level=1)
    except OSError as error:
        raise RunError(f"{folder}: frames cannot be written ({error.strerror})") from error
