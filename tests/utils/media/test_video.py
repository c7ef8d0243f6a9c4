"""Frames of generated clips: OpenCV's pixels, times and count; upright; at another rate; damaged; in bounded chunks."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest
from av.filter import Graph
from support.media import cut, damage, hide_start, join, moving_frames, turn, waveform, write_clip

from utils.errors import VideoError
from utils.media.video import Frames, VideoStream
from utils.media.view import View

PLAIN_GOP = {"bf": "0"}
UNEVEN_MS = [0, 40, 80, 90, 100, 300, 301, 400, 440, 500, 520, 560, 600, 640, 700, 800, 900, 1000, 1010, 1500]


def read(path: Path, **options: Any) -> tuple[Frames, VideoStream]:
    """Return all frames as one chunk, and the stream."""
    with VideoStream(path, **options) as stream:
        chunks = list(stream)
    pixels, index, pts_s = zip(*((c.pixels, c.index, c.pts_s) for c in chunks), strict=True)
    return Frames(np.concatenate(pixels), np.concatenate(index), np.concatenate(pts_s)), stream


def opencv(path: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the frames RGB, their times in milliseconds, and the rate of OpenCV's reader."""
    reader = cv2.VideoCapture(str(path))
    frames, times_ms = [], []
    while (read_frame := reader.read())[0]:
        frames.append(read_frame[1][..., ::-1])
        times_ms.append(reader.get(cv2.CAP_PROP_POS_MSEC))
    return np.stack(frames), np.array(times_ms), reader.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264.mp4", {}),
        ("h264.mkv", {"fps": 30000 / 1001}),
        ("h264.ts", {}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
        ("vp8.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "10"}}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("uneven.mp4", {"pts": UNEVEN_MS}),
        ("b_frames_without_times.flv", {"fps": 10}),
        ("ten_bits.mp4", {"pix_fmt": "yuv420p10le"}),
        ("yuv444.mp4", {"pix_fmt": "yuv444p"}),
        ("full_range.mp4", {"tags": {"color_range": 2}}),
        ("animated.gif", {"codec": "gif", "pix_fmt": "rgb8", "fps": 10}),
    ],
)
def test_same_as_opencv(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = write_clip(tmp_path / name, moving_frames(20, 50, 66), **options)
    frames, stream = read(path, chunk_frames=7)
    reference, times_ms, fps = opencv(path)
    np.testing.assert_array_equal(frames.pixels, reference)
    np.testing.assert_allclose(frames.pts_s * 1000, times_ms, atol=1e-6)
    assert frames.index.tolist() == list(range(20))
    assert float(stream.info.fps) == pytest.approx(fps, rel=1e-12)
    assert (stream.info.width, stream.info.height) == (66, 50)
    assert (stream.report.decoded, stream.report.partial, stream.report.problems) == (20, False, [])


def test_avi_with_b_frames_has_even_times(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.avi", moving_frames(20))
    frames, _ = read(path)
    np.testing.assert_array_equal(frames.pixels, opencv(path)[0])
    np.testing.assert_allclose(frames.pts_s, np.arange(20) / 25)


def test_colour_tags_are_followed(tmp_path: Path) -> None:
    """The same YUV values mean other colours under a BT.709 tag than without one (BT.601)."""
    colour = np.array([200, 60, 40])
    flat = np.full((2, 48, 64, 3), colour, np.uint8)  # the helper turns RGB into YUV by BT.601, whatever the tag
    untagged, _ = read(write_clip(tmp_path / "untagged.mp4", flat))
    tagged, _ = read(write_clip(tmp_path / "tagged.mp4", flat, tags={"colorspace": 1}))
    y, cb, cr = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]) @ colour
    by_709 = [y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb]
    assert np.abs(untagged.pixels - colour).max() <= 3
    assert np.abs(tagged.pixels - np.array(by_709)).max() <= 3
    np.testing.assert_array_equal(tagged.pixels, opencv(tmp_path / "tagged.mp4")[0])


# The matrix of a phone held upright turns by 90 degrees; the others as they appear in the wild.
TURNS = {
    "90 left": ((0, -1, 1, 0), lambda f: np.rot90(f, 1, (1, 2))),
    "90 right": ((0, 1, -1, 0), lambda f: np.rot90(f, -1, (1, 2))),
    "180": ((-1, 0, 0, -1), lambda f: np.rot90(f, 2, (1, 2))),
    "mirrored": ((-1, 0, 0, 1), lambda f: f[:, :, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda f: f[:, ::-1]),
    "transposed": ((0, 1, 1, 0), lambda f: f.transpose(0, 2, 1, 3)),
}


@pytest.mark.parametrize("name", TURNS)
def test_frames_come_upright(tmp_path: Path, name: str) -> None:
    matrix, turned = TURNS[name]
    path = write_clip(tmp_path / "x.mp4", moving_frames(3))
    stored, _ = read(path)
    frames, stream = read(turn(path, *matrix))
    np.testing.assert_array_equal(frames.pixels, turned(stored.pixels))
    assert frames.pixels.shape[1:3] == (stream.info.height, stream.info.width)
    if name in ("90 left", "90 right", "180"):  # OpenCV leaves mirrored videos as stored
        np.testing.assert_array_equal(frames.pixels, opencv(path)[0])


def test_odd_matrix_leaves_frames_as_stored(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(3))
    stored, _ = read(path)
    frames, stream = read(turn(path, 1, 1, -1, 1))
    np.testing.assert_array_equal(frames.pixels, stored.pixels)
    assert "odd angle" in stream.report.problems[0]
    assert not stream.report.partial


def filtered(path: Path, fps: float) -> Iterator[tuple[np.ndarray, float]]:
    """Yield frames and times of ffmpeg's own fps filter."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        graph = Graph()
        source, rate = graph.add_buffer(template=video, time_base=video.time_base), graph.add("fps", f"fps={fps}")
        sink = graph.add("buffersink")
        source.link_to(rate)
        rate.link_to(sink)
        graph.configure()
        for frame in [*container.decode(video), None]:
            source.push(frame)
            try:
                while True:
                    out = cast(av.VideoFrame, sink.pull())
                    yield out.to_ndarray(format="rgb24"), float(cast(int, out.pts) * cast(Fraction, out.time_base))
            except (BlockingIOError, EOFError):
                continue


@pytest.mark.parametrize("fps", [3.33, 5, 29.97, 60])
@pytest.mark.parametrize("pts", [None, UNEVEN_MS], ids=["even", "uneven"])
def test_another_rate_is_that_of_the_fps_filter(tmp_path: Path, pts: list[int] | None, fps: float) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(20), pts=pts)
    frames, stream = read(path, fps=fps)
    reference = list(filtered(path, fps))
    np.testing.assert_array_equal(frames.pixels, np.stack([pixels for pixels, _ in reference]))
    np.testing.assert_allclose(frames.pts_s, [time_s for _, time_s in reference], rtol=1e-12)
    assert frames.index.tolist() == list(range(len(reference)))
    assert float(stream.info.fps) == fps
    assert stream.report.decoded == 20


def test_too_short_for_the_rate(tmp_path: Path) -> None:
    with VideoStream(write_clip(tmp_path / "x.mp4", moving_frames(1)), fps=1) as stream:
        assert list(stream) == []
    assert "too short" in stream.report.problems[0]


def test_chunks_are_bounded_and_only_wanted_frames_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(20))
    everything, _ = read(path)
    with VideoStream(path, chunk_frames=8) as stream:
        assert [len(chunk.index) for chunk in stream] == [8, 8, 4]
    converted = []
    with VideoStream(path, chunk_frames=3, wanted=[2, 3, 11, 14]) as stream:
        write = stream._converters[0].write
        monkeypatch.setattr(stream._converters[0], "write", lambda f, out: (converted.append(f.pts), write(f, out)))
        chunks = list(stream)
    assert [chunk.index.tolist() for chunk in chunks] == [[2, 3, 11], [14]]
    assert len(converted) == 4
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.pixels, everything.pixels[chunk.index])
    assert stream.report.decoded < 20
    assert not stream.report.partial


def test_wanted_frames_past_the_end_are_a_problem(tmp_path: Path) -> None:
    _, stream = read(write_clip(tmp_path / "x.mp4", moving_frames(5)), wanted=[1, 7, 9])
    assert stream.report.partial
    assert "2 of the 3 frames" in stream.report.problems[-1]


def test_edit_list_hides_the_start(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(50), audio=waveform(0, 2.0, 44100))
    whole, _ = read(path)
    shown, stream = read(hide_start(path, 0.4))
    np.testing.assert_array_equal(shown.pixels, whole.pixels[10:])
    np.testing.assert_array_equal(shown.pixels, opencv(path)[0])
    np.testing.assert_allclose(shown.pts_s, np.arange(40) / 25, atol=1e-9)
    assert (stream.report.decoded, stream.report.declared, stream.report.partial) == (40, 40, False)


def test_frames_keep_their_size_where_it_changes(tmp_path: Path) -> None:
    halves = [write_clip(tmp_path / f"{side}.ts", moving_frames(10, side, 64), options=PLAIN_GOP) for side in (48, 96)]
    path = join(tmp_path / "both.ts", *halves)
    views = (View(), View(50), View(wanted=[9, 10]))
    chunks: list[list[Frames]] = [[], [], []]
    with VideoStream(path, views=views) as stream:
        for chunk in stream:
            chunks[chunk.view].append(chunk)
    assert (stream.info.width, stream.info.height) == (64, 48)
    assert "the frame size changes to 64x96 (as stored)" in stream.report.problems
    assert not stream.report.partial
    expected = [read(half)[0].pixels for half in halves]
    for of_view, each in zip(chunks, (slice(None), slice(0, None, 2)), strict=False):
        for height, pixels in zip((48, 96), expected, strict=True):
            shown = [chunk.pixels for chunk in of_view if chunk.pixels.shape[1] == height]
            np.testing.assert_array_equal(np.concatenate(shown)[each], pixels)
    assert [chunk.pixels.shape[:3] for chunk in chunks[2]] == [(1, 48, 64), (1, 96, 64)]


@pytest.mark.parametrize("threads", [1, 2])
def test_cut_file_is_partial(tmp_path: Path, threads: int) -> None:
    path = write_clip(
        tmp_path / "x.mp4", moving_frames(60, 96, 128), muxer_options={"movflags": "faststart"}, options={"bf": "0"}
    )
    whole, _ = read(path)
    frames, stream = read(cut(path, 0.6), threads=threads)
    n = len(frames.index)
    assert 5 < n < 60
    np.testing.assert_array_equal(frames.pixels[: n - 1], whole.pixels[: n - 1])
    assert stream.report.partial
    assert (stream.report.decoded, stream.report.declared) == (n, 60)
    assert f"{n} of 60 frames decode" in stream.report.problems


@pytest.mark.parametrize("name", ["x.mkv", "x.avi"])
def test_cut_file_without_frame_count_is_partial(tmp_path: Path, name: str) -> None:
    path = cut(write_clip(tmp_path / name, moving_frames(100, 96, 128), codec="mpeg4"), 0.6)
    _, stream = read(path)
    assert stream.report.declared is None
    assert stream.report.partial
    assert "the header says 4.00 s" in stream.report.problems[-1]


def test_damaged_file_is_never_clean(tmp_path: Path) -> None:
    path = damage(write_clip(tmp_path / "x.mp4", moving_frames(50)), b"mdat", 60)
    _, stream = read(path)
    assert stream.report.partial
    assert stream.report.problems


def test_nothing_decodes(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(5))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with pytest.raises(VideoError, match="not one frame decodes"):
        VideoStream(path)


def test_stopping_early_closes_the_file(tmp_path: Path) -> None:
    with VideoStream(write_clip(tmp_path / "x.mp4", moving_frames(20)), chunk_frames=4) as stream:
        chunks = iter(stream)
        first = next(chunks)
    assert first.index.tolist() == [0, 1, 2, 3]
