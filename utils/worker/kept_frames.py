"""Decoded frames as pictures in a folder, for --keep_frames."""

from pathlib import Path

from utils.errors import RunError
from utils.media.video import Frames


def keep(frames: Frames, folder: Path) -> None:
    """Write frames as PNG files called by their numbers.

    Raises:
        RunError: they cannot be written.
    """
    from PIL import Image

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, pixels in zip(frames.index, frames.pixels, strict=True):
            Image.fromarray(pixels).save(folder / f"{number:06d}.png", compress_level=1)
    except OSError as error:
        raise RunError(f"{folder}: frames cannot be written ({error.strerror})") from error
