"""The decode threads: one decoder for all types that can share it, and none disturbs another."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from support.media import moving_frames, waveform, write_clip
from support.tiny_extractor import LoudnessExtractor, TinyExtractor

from utils.errors import RunError, VideoError
from utils.extractors.base import Extractor, VideoStreamInfo
from utils.extractors.windows import Dense, Listed
from utils.media.limits import Limits
from utils.sources.ref import VideoRef
from utils.worker import decode as decode_module
from utils.worker import open_frames
from utils.worker.decode import Decoders
from utils.worker.events import ChunkDecoded, Event, Job, StreamEnded, StreamFailed, StreamOpened
from utils.worker.messages import Hung
from utils.worker.plan import Task
from utils.worker.watchdog import Watchdog


class Fake(TinyExtractor):
    """Takes every frame, or those of `listed`, at a rate."""

    def __init__(
        self, fps: float | None = None, listed: Sequence[int] | None = None, needs_times: bool = False
    ) -> None:
        super().__init__(SimpleNamespace(extraction_fps=fps), {}, torch.device("cpu"))
        self._listed, self._needs_times = listed, needs_times

    @property
    def needs_times(self) -> bool:
        return self._needs_times

    def sampling(self, info):
        return Dense(1, 1) if self._listed is None else Listed([[frame] for frame in self._listed])


class Refusing(Fake):
    """Cannot use any video."""

    def sampling(self, info):
        raise VideoError("too small for this model")


class Exhausting(Fake):
    """Has no memory for frames."""

    def prepare(self, frames):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")


class Sound(LoudnessExtractor):
    """Takes sound."""

    rate_hz = 16000

    def __init__(self) -> None:
        super().__init__(None, {}, torch.device("cpu"))

    def sampling(self, info):
        return Dense(1, 1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 40 frames at 25 per second, with sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_clip(path, moving_frames(40), audio=waveform(0, 1.6, 44100))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which decoders are opened."""
    names = []
    opening = ((open_frames, "open_frames"), (decode_module, "AudioStream"), (decode_module, "frame_times_s"))
    for module, name in opening:
        original = getattr(module, name)

        def noted(*arguments, name=name, original=original, **options):
            names.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(module, name, noted)
    return names


@dataclass
class Stream:
    """What was said of one type."""

    job: Job
    chunks: list[ChunkDecoded] = field(default_factory=list)
    last: Event | None = None

    @property
    def frames(self) -> np.ndarray:
        return np.concatenate([chunk.frames.numpy() for chunk in self.chunks])

    @property
    def times_s(self) -> np.ndarray:
        return np.concatenate([chunk.times_s for chunk in self.chunks])

    @property
    def failure(self) -> str:
        assert isinstance(self.last, StreamFailed)
        return self.last.reason


def decode(
    extractors: Mapping[str, Extractor[Any, Any]],
    ref: VideoRef,
    heard: Callable[[Event], None] = lambda event: None,
    **options: Any,
) -> dict[str, Stream]:
    """Return what the threads say of each type of one video."""
    tasks = iter([Task(ref, tuple(extractors))])
    streams: dict[str, Stream] = {}
    for event in Decoders(extractors, lambda: next(tasks, None), 1, **options).events(0.2):
        if event is None:
            continue
        heard(event)
        stream = streams.setdefault(event.job.feature_type, Stream(event.job))
        assert not isinstance(stream.last, StreamEnded | StreamFailed)
        stream.last = event
        if isinstance(event, ChunkDecoded):
            stream.chunks.append(event)
    return streams


def video(path: Path, **facts: Any) -> VideoRef:
    return VideoRef("clip", "clip", str(path), **facts)


def test_types_that_want_the_same_frames_share_them(clip, opened):
    streams = decode({"one": Fake(), "two": Fake()}, video(clip))
    assert opened == ["open_frames"]
    one, two = streams["one"], streams["two"]
    assert isinstance(one.last, StreamEnded) and isinstance(two.last, StreamEnded)
    assert len(one.frames) == 40
    for ours, theirs in zip(one.chunks, two.chunks, strict=True):
        assert ours.frames.data_ptr() == theirs.frames.data_ptr()
    assert one.job.decoded == two.job.decoded == 40
    assert one.job.seconds["decode"] == pytest.approx(two.job.seconds["decode"])


def test_one_pass_gives_each_type_what_a_pass_of_its_own_does(clip, opened):
    types = {
        "all": lambda: Fake(),
        "slow": lambda: Fake(fps=7),
        "same": lambda: Fake(fps=7),
        "listed": lambda: Fake(listed=[3, 30, 17], needs_times=True),
        "few": lambda: Fake(fps=10, listed=[0, 2]),
        "sound": lambda: Sound(),
        "sound too": lambda: Sound(),
    }
    followed = []
    following = lambda _id, one: contextlib.nullcontext(followed.append(type(one).__name__))  # noqa: E731 - short, used at once
    together = decode({name: make() for name, make in types.items()}, video(clip), following=following)
    assert followed == ["VideoReport", "VideoStream", "AudioStream"]  # frames are counted first
    assert sorted(opened) == ["AudioStream", "frame_times_s", "open_frames"]
    for name, make in types.items():
        alone = decode({name: make()}, video(clip))[name]
        np.testing.assert_array_equal(together[name].frames, alone.frames)
        np.testing.assert_array_equal(together[name].times_s, alone.times_s)
        assert isinstance(together[name].last, StreamEnded)
        assert together[name].job.problems == alone.job.problems == []
        ours, theirs = (vars(stream.job.info) | {"times_s": None} for stream in (together[name], alone))
        assert ours == theirs
    info = together["listed"].job.info
    assert isinstance(info, VideoStreamInfo)
    assert len(together["listed"].frames) == 3 and info.n_frames == 40
    assert len(together["slow"].frames) == 11


def test_a_segment_is_all_that_is_decoded(clip):
    streams = decode({"all": Fake(), "sound": Sound()}, video(clip, start_s=0.4, end_s=0.8))
    assert len(streams["all"].frames) == 10
    np.testing.assert_allclose(streams["all"].times_s, 0.4 + np.arange(10) / 25, atol=1e-9)
    np.testing.assert_allclose(streams["sound"].times_s[[0, -1]], [0.4, 0.8], atol=1e-3)


def test_a_type_that_fails_does_not_disturb_the_others(clip):
    streams = decode({"refusing": Refusing(), "one": Fake(), "exhausting": Exhausting(), "sound": Sound()}, video(clip))
    assert streams["refusing"].failure == f"{video(clip).label}: too small for this model"
    reason = streams["exhausting"].failure
    assert reason == f"{clip}: no memory to decode it; --decode_threads 1 and fewer --num_workers take less"
    assert len(streams["one"].frames) == 40 and isinstance(streams["one"].last, StreamEnded)
    assert isinstance(streams["sound"].last, StreamEnded)


def test_a_stream_that_is_not_there_fails_each_type_that_needs_it(tmp_path):
    silent = write_clip(tmp_path / "silent.mp4", moving_frames(5))
    streams = decode({"sound": Sound(), "one": Fake(), "sound too": Sound()}, video(silent))
    assert isinstance(streams["one"].last, StreamEnded)
    assert "no audio stream" in streams["sound"].failure
    assert streams["sound"].failure == streams["sound too"].failure
    streams = decode({"one": Fake(), "two": Fake(fps=5), "sound": Sound()}, video(tmp_path / "absent.mp4"))
    assert {stream.failure.split(".mp4: ")[1].split(".")[0] for stream in streams.values()} == {"no such file"}


def test_decoding_stops_when_no_type_needs_more(tmp_path):
    long = write_clip(tmp_path / "long.mp4", moving_frames(300))

    def drop(event: Event) -> None:
        if isinstance(event, ChunkDecoded):
            event.job.dropped = True

    streams = decode({"one": Fake(), "two": Fake(fps=5)}, video(long), heard=drop)
    assert not any(isinstance(stream.last, StreamEnded | StreamFailed) for stream in streams.values())
    assert sum(len(stream.frames) for stream in streams.values()) < 200


def test_a_picture_larger_than_allowed_is_refused(clip):
    streams = decode({"one": Fake()}, video(clip), limits=Limits(max_pixels=64 * 47))
    assert "--max_pixels" in streams["one"].failure


def test_no_memory_to_decode_fails_the_video(clip, monkeypatch):
    monkeypatch.setattr(open_frames, "open_frames", Mock(side_effect=MemoryError))
    assert "--decode_threads 1" in decode({"one": Fake()}, video(clip))["one"].failure


def test_frames_that_cannot_be_kept_stop_the_run(clip, tmp_path):
    (tmp_path / "clip").touch()
    with pytest.raises(RunError, match="frames cannot be written"):
        decode({"one": Fake()}, video(clip), frames_folders={"one": tmp_path})


class Blocking:
    """Media whose bytes never come."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __str__(self) -> str:
        return "blocking.mp4"

    def open(self):
        return self

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        return 100

    def tell(self):
        return 0

    def read(self, size=-1):
        self.released.wait(20)
        return b""

    def close(self):
        self.released.set()


def test_a_decoder_that_hangs_is_reported_and_waiting_for_room_is_not(clip, monkeypatch):
    blocking, events, pauses_s = Blocking(), [], iter([0.4] * 4)

    def report(message):
        if isinstance(message, Hung):
            events.append(message)
            blocking.released.set()

    monkeypatch.setattr(decode_module, "QUEUE_CHUNKS", {"cpu": 1})
    monkeypatch.setattr("utils.media.resumed.PAUSES_S", ())
    with Watchdog(report, timeout_s=0.3) as dog:
        decode({"one": Fake()}, video(clip), heard=lambda _event: time.sleep(next(pauses_s, 0)), watching=dog.watching)
        assert not events
        facts = dict.fromkeys(("start_s", "end_s", "member", "data")) | {"path": "blocking.mp4", "name": "stuck"}
        ref: Any = SimpleNamespace(id="stuck", label="blocking.mp4", media=blocking, refused=None, **facts)
        ref.part = lambda _wants_audio: ref
        streams = decode({"one": Fake()}, ref, watching=dog.watching)
    assert [event.video_id for event in events] == ["stuck"]
    assert isinstance(streams["one"].last, StreamFailed)


def test_threads_end_when_nobody_listens(clip):
    tasks = iter([Task(video(clip), ("one",))] * 50)
    running = Decoders({"one": Fake()}, lambda: next(tasks, None), 2)
    events = running.events(0.2)
    assert isinstance(next(events), StreamOpened)
    events.close()
    for thread in running._threads:
        thread.join(5)
        assert not thread.is_alive()
