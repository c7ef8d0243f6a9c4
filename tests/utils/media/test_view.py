"""Several views of one decode: each gets the same as alone, and frames are converted once."""

from pathlib import Path

import numpy as np
import pytest
from support.media import moving_frames, write_clip

from utils.media.segment import Segment
from utils.media.video import Frames, VideoStream, View

UNEVEN_MS = [0, 40, 80, 90, 100, 300, 301, 400, 440, 500, 520, 560, 600, 640, 700, 800, 900, 1000, 1010, 1500]
VIEWS = (
    View(), View(7.3), View(wanted=[2, 3, 11]), View(60, [0, 5, 6, 40, 41]), View(wanted=[]),
    View(60, side=20), View(side=70), View(side=20),
)  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "x.mp4", moving_frames(20), pts=UNEVEN_MS)


def joined(chunks: list[Frames]) -> Frames:
    pixels, index, pts_s = zip(*((c.pixels, c.index, c.pts_s) for c in chunks), strict=True)
    return Frames(np.concatenate(pixels), np.concatenate(index), np.concatenate(pts_s))


@pytest.mark.parametrize("segment", [Segment(), Segment(0.1, 0.9)], ids=str)
def test_each_view_is_the_same_as_alone(clip: Path, segment: Segment) -> None:
    with VideoStream(clip, views=VIEWS, chunk_frames=3, segment=segment) as stream:
        chunks = list(stream)
    assert len(stream.infos) == len(VIEWS)
    for number, view in enumerate(VIEWS):
        with VideoStream(clip, views=(view,), chunk_frames=3, segment=segment) as alone:
            expected = list(alone)
        ours = [chunk for chunk in chunks if chunk.view == number]
        assert stream.infos[number] == alone.info
        assert [len(chunk.index) for chunk in ours] == [len(chunk.index) for chunk in expected]
        if expected:
            for field in ("pixels", "index", "pts_s"):
                np.testing.assert_array_equal(getattr(joined(ours), field), getattr(joined(expected), field))


def test_a_frame_is_decoded_and_converted_once(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converted = []
    with VideoStream(clip, views=(View(), View(), View(30)), chunk_frames=64) as stream:
        write = stream._converters[0].write
        monkeypatch.setattr(stream._converters[0], "write", lambda f, out: (converted.append(f.pts), write(f, out)))
        chunks = list(stream)
    assert len(chunks) == 3
    assert len(converted) == len(set(converted)) == stream.report.decoded == 20


def test_decoding_ends_when_each_view_is_complete(clip: Path) -> None:
    with VideoStream(clip, views=(View(), View())) as stream:
        stream.want(0, [4])
        stream.want(1, [2, 7])
        chunks = list(stream)
    assert {chunk.view: chunk.index.tolist() for chunk in chunks} == {0: [4], 1: [2, 7]}
    assert stream.report.decoded < 20
    assert not stream.report.partial


def test_a_view_may_end_before_the_others(clip: Path) -> None:
    seen = []
    with VideoStream(clip, views=(View(), View()), chunk_frames=4) as stream:
        for chunk in stream:
            seen.append(chunk.view)
            stream.want(0, ())
    assert seen.count(0) <= 2
    assert seen.count(1) == 5


def test_chunks_belong_to_their_takers(clip: Path) -> None:
    """A taker may write into its chunk; later chunks and other views do not see it."""
    with VideoStream(clip, fps=200) as stream:
        expected = joined(list(stream))
    with VideoStream(clip, views=(View(200), View(200)), chunk_frames=5) as stream:
        ours: dict[int, list[np.ndarray]] = {0: [], 1: []}
        for chunk in stream:
            ours[chunk.view].append(chunk.pixels.copy())
            chunk.pixels[...] = 0
    for pixels in ours.values():
        np.testing.assert_array_equal(np.concatenate(pixels), expected.pixels)


def test_short_videos_may_have_more_frames_per_second() -> None:
    view = View(0.5, faster_if_short=True)
    assert [view.rate(length_s) for length_s in (0.3, 1.9, 2.05, 2.1, None)] == [2, 2, 1, 0.5, 0.5]
    assert View(0.5).rate(1.0) == 0.5 and View(faster_if_short=True).rate(1.0) is None
