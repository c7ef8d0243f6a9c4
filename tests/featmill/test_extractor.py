"""Extraction in the calling process: the same numbers as the command's, and nothing left behind."""

import copy
import gc
import io
import itertools
import pickle
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pandas
import pytest
import soundfile
import torch
from support.door import check_same_in_python
from support.media import moving_frames, waveform
from support.program import run

import featmill
from utils.media.video import VideoStream
from utils.worker import open_frames
from utils.worker.decode import Decoders
from utils.worker.session import Session

RESNET = {"model_name": "resnet18", "weights": "random"}
pytestmark = pytest.mark.filterwarnings("ignore:--weights random")


def test_every_kind_of_type_gives_the_bits_of_the_command(tmp_path, clips):
    """Frames, clips, flow and sound; several videos share batches. Stacks: tests/end_to_end/test_i3d.py."""
    flags = {
        "resnet": {"model_name": "resnet18", "extraction_fps": 5},
        "tsn": {"num_clips": 2, "side_size": 64, "crop_size": 64},
        "pwc": {"side_size": 64, "extraction_fps": 5},
        "vggish": {},
    }
    typed = [word for name, own in flags.items() for key, value in own.items() for word in (f"--{name}.{key}", value)]
    done = run(
        "--feature_type", *flags, *typed, "--weights", "random", "--video_paths", *clips[1:], "--output_path", tmp_path
    )
    assert done.returncode == 1, done.stderr  # 12 frames have too little sound for vggish
    for name, own in flags.items():
        videos = clips[1:2] if name == "vggish" else clips[1:]
        check_same_in_python(tmp_path / name, name, videos, weights="random", **own)
    with pytest.raises(featmill.VideoError, match=r"0\.975 s"):
        featmill.extract(clips[2], "vggish", weights="random")


def test_videos_come_in_order_or_as_they_end(tiny, clips, monkeypatch):
    monkeypatch.setattr("utils.worker.events.fingerprint", None)  # not needed: no manifest line is written
    given = [
        str(clips[0]),
        "absent.mp4",
        clips[2].read_bytes(),
        {"path": clips[0], "end_s": 0.4, "name": "start"},
        clips[1],
    ]
    with featmill.Extractor(tiny, decode_threads=2) as extractor:
        videos = list(extractor.map(given))
        assert [len(video["tiny"]) if video else 0 for video in videos] == [60, 0, 12, 10, 27]
        assert [video.name for video in videos] == [str(clips[0]), "absent.mp4", "bytes", "start", str(clips[1])]
        assert videos[1].status == "failed" and "no such file" in videos[1].notes[0]
        assert videos[0].fps == 25 and videos[0].start_s is not None and videos[0].start_s[5] == 0.2
        anyhow = extractor.map(iter([*given, *given]), ordered=False)
        assert sorted(len(video.get("tiny", ())) for video in anyhow) == [0, 0, 10, 10, 12, 12, 27, 27, 60, 60]


def test_rows_as_a_loader_wants_them(tiny, clips):
    video = featmill.extract(clips[2], tiny, dtype="float16", concat=True)
    assert (list(video), video["features"].dtype, video["features"].shape) == (["features"], np.float16, (12, 1))


def test_few_videos_are_taken_ahead(tiny, clips):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield clips[2]

    with featmill.Extractor(tiny, decode_threads=2, batch_size=4) as extractor:
        videos = extractor.map(endless())
        for _ in range(30):
            next(videos)
    assert taken <= 30 + 2 * (4 + 2)


def test_frames_in_memory_give_the_features_of_their_video(clips):
    with VideoStream(str(clips[1])) as stream:
        frames = np.concatenate([chunk.pixels for chunk in stream])
    with featmill.Extractor("resnet", **RESNET, extraction_fps=10) as extractor:
        of_file, of_frames = extractor(clips[1]), extractor(frames, fps=25)
        segment = extractor(frames, fps=25, start_s=0.4)
    np.testing.assert_array_equal(of_frames["resnet"], of_file["resnet"])
    np.testing.assert_array_equal(of_frames.start_s, of_file.start_s)
    assert of_frames.name == "frames" and segment.start_s is not None and segment.start_s[0] == 0.4
    with featmill.Extractor("tsn", weights="random", num_clips=2) as extractor:  # which has to know the times before
        np.testing.assert_array_equal(extractor(frames, fps=25)["tsn"], extractor(clips[1])["tsn"])


def test_samples_in_memory_give_the_features_of_their_file(tmp_path):
    samples = np.stack([waveform(seed, 3, 44100) for seed in (1, 2)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    with featmill.Extractor("vggish", weights="random") as extractor:
        of_file = extractor(tmp_path / "a.wav")
        for given in (samples, torch.from_numpy(samples).double()):
            np.testing.assert_array_equal(extractor(given, rate_hz=44100)["vggish"], of_file["vggish"])
    assert of_file.rate_hz == 16000 and of_file.fps is None
    assert of_file.end_s is not None and of_file.end_s[0] == pytest.approx(0.975)


def test_predictions(clips):
    video = featmill.extract(clips[2], "tsn", weights="random", num_clips=2, show_pred=True)
    (rows,) = video.predictions.values()
    assert len(rows) == 2 and all(len(best) == 5 for best in rows)
    assert all(name.isprintable() and 0 <= probability <= 1 for best in rows for name, probability in best)


@pytest.mark.parametrize(
    ("given", "about", "words"),
    [
        (
            np.zeros((4, 8, 8), np.uint8),
            {"fps": 25},
            "frames are uint8 [4, 8, 8]; they must be uint8 [n, height, width, 3]",
        ),
        (np.zeros((4, 8, 8, 3), np.float32), {"fps": 25}, "frames are float32"),
        (moving_frames(2), {}, "fps is None"),
        (np.zeros(8), {"rate_hz": 0}, "rate_hz is 0"),
        (np.zeros((2, 8000)), {"rate_hz": 8000}, "[n, channels], not [channels, n]"),
        ({"path": "a", "fsp": 3}, {}, "a video has 'fsp'"),
        ({"bytes": b"", "frames": moving_frames(2)}, {"fps": 1}, "both bytes and frames"),
        (3, {}, "frames are int64"),
        ("a", {"fps": 5}, "fps is the rate of frames in memory; extraction_fps"),
        ("a", {"rate_hz": 5}, "rate_hz is the rate of samples in memory"),
        (moving_frames(2), {"fps": "x"}, "fps is x"),
        ([[1], [2, 3]], {"fps": 1}, "parts of different sizes"),
        ("a", {"start_s": "soon"}, "start_s is 'soon'; it must be a number of seconds"),
    ],
)
def test_wrong_videos_are_refused(tiny, given, about, words):
    with featmill.Extractor(tiny) as extractor, pytest.raises(featmill.UserError) as caught:
        extractor(given, **about)
    assert words in str(caught.value)


def test_a_video_that_fails_is_an_error_of_a_single_call(tiny, clips):
    with featmill.Extractor(tiny) as extractor:
        with pytest.raises(featmill.VideoError, match=r"absent\.mp4: no such file"):
            extractor("absent.mp4")
        with pytest.raises(featmill.VideoError, match="empty: there is no path, bytes"):
            extractor({"path": None})
        assert extractor(clips[2]).status == "done"
    with pytest.raises(featmill.UserError, match="closed"):
        extractor(clips[2])
    with featmill.Extractor(tiny) as extractor:
        with pytest.raises(featmill.UserError, match="map takes several videos"):
            extractor.map(str(clips[2]))
        with clips[2].open("rb") as file, pytest.raises(featmill.UserError, match=r"not an open file.*line\.strip"):
            extractor.map(file)
        with pytest.raises(featmill.UserError, match="a column, not a table"):
            extractor.map(pandas.DataFrame({"path": clips}))
        videos = extractor.map([clips[2]] * 2)
        next(videos)
    with pytest.raises(featmill.UserError, match="closed while"):
        next(videos)
        for given in (None, 3):
            with pytest.raises(featmill.UserError, match="map takes several videos"):
                extractor.map(given)  # pyright: ignore[reportArgumentType]  # as users do
        for given in (clips[2].open("rb"), io.BytesIO(b"")):
            with given, pytest.raises(featmill.UserError, match=r"give what its read\(\) returns"):
                extractor(given)
    with featmill.Extractor("loudness") as extractor, pytest.raises(featmill.VideoError, match="frames holds no sound"):
        extractor(moving_frames(3), fps=25)


def test_an_extractor_is_not_copied(tiny):
    with featmill.Extractor(tiny) as extractor:
        for copied in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(featmill.UserError, match="make one in each, or use MapBatches"):
                copied(extractor)


def test_an_extractor_is_closed_before_its_first_video_and_while_it_asks_for_one(tiny, clips):
    with featmill.Extractor(tiny) as extractor:
        videos = extractor.map([clips[2]])
    with pytest.raises(featmill.UserError, match="closed while"):
        next(videos)
    extractor = featmill.Extractor(tiny, decode_threads=1, batch_size=1)

    def closing():
        yield clips[2]
        yield clips[2]
        extractor.close()
        while True:
            yield clips[2]

    with pytest.raises(featmill.UserError, match="closed while"):
        list(extractor.map(closing()))


def test_another_thread_closes_an_extractor(tiny, clips, monkeypatch):
    extractor, begun, ended = featmill.Extractor(tiny), threading.Event(), threading.Event()
    monkeypatch.setattr(gc, "collect", lambda: ended.wait(10))  # close() is slower than the map that it ends

    def close():
        begun.wait(60)
        extractor.close()

    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(featmill.UserError, match="closed while"):
        for _ in extractor.map(itertools.repeat(clips[2])):
            begun.set()
    ended.set()
    closing.join(60)
    assert not closing.is_alive()


@pytest.mark.parametrize("slow", ["close", "join"])
def test_a_video_is_asked_for_while_another_thread_closes_the_extractor(tiny, clips, monkeypatch, slow):
    extractor, begins, ended = featmill.Extractor(tiny), threading.Event(), threading.Event()
    close, join = Session.close, Decoders.join

    def close_slowly(session):
        close(session)
        begins.set()
        ended.wait(60)

    def join_slowly(decoders, seconds):
        begins.set()
        ended.wait(0.5)
        join(decoders, seconds)

    if slow == "close":
        monkeypatch.setattr(Session, "close", close_slowly)
    else:
        monkeypatch.setattr(Decoders, "join", join_slowly)
    videos = extractor.map(itertools.repeat(clips[2]))
    next(videos)
    closing = threading.Thread(target=extractor.close)
    closing.start()
    begins.wait(60)
    with pytest.raises(featmill.UserError, match="closed while"):
        next(videos)
    ended.set()
    closing.join(60)
    assert not closing.is_alive()


def test_a_decoder_that_hangs_is_an_error(tiny, clips, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(open_frames, "open_frames", lambda *_: released.wait(60))
    monkeypatch.setattr("utils.worker.session.JOIN_S", 0.1)
    with featmill.Extractor(tiny, video_timeout=1) as extractor:
        with pytest.raises(featmill.RunError, match=r"12\.mp4: the decoder gave nothing"):
            extractor(clips[2])
        released.set()


def test_an_error_of_the_caller_s_iterator_comes_through(tiny, clips):
    def broken():
        yield clips[2]
        raise LookupError("no more")

    with featmill.Extractor(tiny) as extractor, pytest.raises(LookupError):
        list(extractor.map(broken()))


def test_nothing_is_left_of_many_calls(tiny, clips):
    """Threads, open files and memory after 80 calls are what they were after 20; 1,000 calls: benchmarks/door.py."""
    before = {thread.ident for thread in threading.enumerate()}
    tracemalloc.start()
    try:
        with featmill.Extractor(tiny) as extractor:
            held = []
            for n_calls in (20, 60):
                for _ in range(n_calls):
                    extractor(clips[2])
                next(extractor.map([clips[0], clips[0]]))  # and left in the middle
                gc.collect()
                held.append((len(list(Path("/proc/self/fd").iterdir())), tracemalloc.get_traced_memory()[0]))
        assert held[1][0] <= held[0][0]
        assert held[1][1] - held[0][1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert not {thread.ident for thread in threading.enumerate()} - before
