import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from PIL import Image
from support.media import moving_frames

from utils.errors import VideoError
from utils.media.limits import Limits
from utils.media.segment import Segment
from utils.media.video import VideoStream

FRAME = moving_frames(1)[0]


def pixels_of(folder: Path, limits: Limits | None = None, segment: Segment | None = None) -> np.ndarray:
    with VideoStream(str(folder), limits=limits or Limits(), segment=segment or Segment()) as stream:
        return np.concatenate([frames.pixels for frames in stream])


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(FRAME).save(path, exif=exif)


def transparent(path: Path) -> None:
    Image.fromarray(np.dstack([FRAME, FRAME[..., 0]])).save(path)


def palette(path: Path) -> None:
    Image.fromarray(FRAME).quantize(64).save(path)


def deep_grey(path: Path) -> None:
    cv2.imwrite(str(path), FRAME[..., 0].astype(np.uint16) * 256 + 200)


def deep_colour(path: Path) -> None:
    cv2.imwrite(str(path), FRAME.astype(np.uint16) * 256 + 200)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("1.jpg", turned),
        ("1.png", transparent),
        ("1.png", palette),
        ("1.png", deep_grey),
        ("1.png", deep_colour),
        ("1.bmp", lambda path: Image.fromarray(FRAME).save(path)),
        ("1.ppm", lambda path: Image.fromarray(FRAME).save(path)),
        ("1.tif", lambda path: Image.fromarray(FRAME).save(path)),
        ("1.jpeg", lambda path: Image.fromarray(FRAME[..., 0]).save(path)),
    ],
)
def test_pixels_are_those_of_opencv(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    write(tmp_path / name)
    expected = cast(np.ndarray, cv2.imread(str(tmp_path / name)))[..., ::-1]
    np.testing.assert_array_equal(pixels_of(tmp_path), expected[None])


def write_numbered(folder: Path, n: int) -> Path:
    for number in range(n):
        Image.fromarray(moving_frames(n)[number]).save(folder / f"{number}.png")
    return folder


def test_limits(tmp_path: Path) -> None:
    write_numbered(tmp_path, 8)
    with VideoStream(str(tmp_path), limits=Limits(max_seconds=0.2)) as stream:
        assert sum(len(frames.index) for frames in stream) == 5
        assert stream.report.partial and "longer than the 0.2 s" in stream.report.problems[0]
    with pytest.raises(VideoError, match="more than --max_pixels allows"):
        pixels_of(tmp_path, Limits(max_pixels=48 * 64 - 1))
    with pytest.raises(VideoError, match=r"no frame starts in the segment from 1 s: the video is 0.32 s long"):
        pixels_of(tmp_path, segment=Segment(1.0, None))


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    write_numbered(tmp_path, 2)
    os.mkfifo(tmp_path / "2.png")
    with pytest.raises(VideoError, match="not a regular file"):
        pixels_of(tmp_path)


def test_a_damaged_picture_is_reported_where_later_ones_are_not_wanted(tmp_path: Path) -> None:
    (write_numbered(tmp_path, 8) / "2.png").write_bytes(b"no picture")
    with VideoStream(str(tmp_path), wanted=[0, 1, 4]) as stream:
        assert sum(len(frames.index) for frames in stream) == 3
    assert stream.report.problems == ["1 pictures do not decode"]
    assert stream.report.partial
