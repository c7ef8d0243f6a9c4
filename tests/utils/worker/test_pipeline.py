"""The pipeline after decoding: results do not depend on how much memory there is, and who fails fails alone."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
import torch
from support.media import moving_frames, write_clip
from support.pipelines import Arrived, outcomes_of

from utils.errors import VideoError
from utils.extractors.base import AudioStreamInfo, VideoExtractor, VideoStreamInfo
from utils.extractors.windows import Dense
from utils.media.video import empty_bytes
from utils.media.yuv import IS_EXACT
from utils.sinks.record import Record
from utils.sources.ref import VideoRef
from utils.worker import open_frames, pipeline
from utils.worker.decode import Decoders
from utils.worker.events import ChunkDecoded, Event, Job, StreamEnded, StreamFailed, StreamOpened
from utils.worker.pipeline import Outcome, Pipeline
from utils.worker.plan import Task


class Means(VideoExtractor[Any]):
    """The mean of each window of two frames, on a device that has room for a few windows."""

    def __init__(self, fitting: int = 100, error: Exception | None = None) -> None:
        super().__init__(None, {}, torch.device("cpu"))
        self._fitting = fitting
        self._error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.batches: list[int] = []

    @property
    def keys(self) -> tuple[str]:
        return ("means",)

    @property
    def batch_size(self) -> int:
        return 8

    def sampling(self, info):
        return Dense(2, 1)

    def outputs(self, batch):
        return self.forward(batch)  # whole batches, as on a GPU

    def forward(self, batch):
        if len(batch["frames"]) * batch["frames"][0].numel() > self._fitting * 24:
            raise self._error
        self.batches.append(len(batch["frames"]))
        return {"means": batch["frames"].float().mean(dim=(1, 2, 3, 4))[:, None]}


class MeansOfSound(Means):
    """Windows of sound, whose rows have no times in the outputs."""

    @property
    def with_times(self) -> bool:
        return False


class FakeDecoders:
    """Stands in for Decoders: what they would say of videos with these frames."""

    def __init__(self, extractor: VideoExtractor[Any], videos: dict[str, tuple[int, int]], chunk: int = 5) -> None:
        self._extractor, self._videos, self._chunk = extractor, videos, chunk

    def events(self, _idle_s: float) -> Iterator[Event | None]:
        """Yield each video's events; videos are n frames of a side."""
        for name, (n_frames, side) in self._videos.items():
            job = Job(VideoRef(name, name, f"{name}.mp4"), "means")
            job.info = VideoStreamInfo(10.0, side, side)
            yield StreamOpened(job, self._extractor.sampling(job.info))
            frames = torch.rand(n_frames, side, side, 3, generator=torch.Generator().manual_seed(n_frames))
            for start in range(0, n_frames, self._chunk):
                chunk = frames[start : start + self._chunk]
                yield ChunkDecoded(job, chunk, np.arange(start, start + len(chunk)) / 10)
            yield StreamEnded(job)
        yield None


def run(
    extractor: VideoExtractor[Any], videos: dict[str, tuple[int, int]] | Decoders
) -> tuple[dict[str, Outcome], list[str]]:
    """Return the outcome of each video, and what was said."""
    warnings: list[str] = []
    decoders = FakeDecoders(extractor, videos) if isinstance(videos, dict) else videos
    outcomes = outcomes_of("means", extractor, decoders, warnings.append)
    assert len(outcomes) == (len(videos) if isinstance(videos, dict) else 1)
    return {outcome.job.ref.id: outcome for outcome in outcomes}, warnings


def record_of(outcome: Outcome) -> Record:
    assert outcome.record is not None
    return outcome.record


def means_of(outcomes: dict[str, Outcome]) -> dict[str, list[list[float]]]:
    return {name: record_of(outcome).arrays["means"].tolist() for name, outcome in outcomes.items()}


VIDEOS = {"a": (12, 2), "b": (3, 2), "c": (20, 2), "d": (8, 2)}
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    ),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    MemoryError(),
]


@pytest.mark.parametrize(
    ("fitting", "sizes"), [(100, [8, 8, 8, 8, 7]), (5, [4] * 9 + [3]), (3, [2] * 19 + [1]), (1, [1] * 39)]
)
def test_results_are_the_same_where_less_fits(fitting, sizes):
    expected, _ = run(Means(), VIDEOS)
    extractor = Means(fitting)
    outcomes, warnings = run(extractor, VIDEOS)
    assert sorted(extractor.batches, reverse=True) == sizes
    assert means_of(outcomes) == means_of(expected)
    for name, outcome in outcomes.items():
        assert outcome.status == "done"
        np.testing.assert_array_equal(record_of(outcome).arrays["timestamps_ms"], 100 * np.arange(1, VIDEOS[name][0]))
    said = f"8 windows do not fit in the memory of cpu: batches of {sizes[0]} for now (--batch_size {sizes[0]} starts"
    assert [warning.startswith(said) for warning in warnings] == ([] if fitting == 100 else [True])


@pytest.mark.parametrize(("fitting", "sizes"), [(100, [8] * 5), (5, [4] * 10), (1, [1] * 39)])
def test_a_gpu_gets_full_batches(monkeypatch, fitting, sizes):
    monkeypatch.setattr(pipeline, "DeviceCopies", Arrived)
    expected, _ = run(Means(), VIDEOS)
    extractor = Means(fitting)
    extractor.device = torch.device("cuda")
    outcomes, _ = run(extractor, VIDEOS)
    assert extractor.batches == sizes
    assert means_of(outcomes) == means_of(expected)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_gpu_converts_frames_to_rgb(keeps, monkeypatch, tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving_frames(20))
    monkeypatch.setattr(pipeline, "DeviceCopies", Arrived)
    monkeypatch.setitem(open_frames.ALLOCATE, "cuda", empty_bytes)
    arrays, chunks, take = [], [], Pipeline.take
    monkeypatch.setattr(Pipeline, "take", lambda self, event: chunks.append(event) or take(self, event))
    for device in ("cpu", "cuda"):
        extractor, tasks = Means(10**6), [Task(VideoRef("a", "a", str(clip)), ("means",)), None]
        extractor.device = torch.device(device)
        folders = {"means": tmp_path / "frames"} if keeps else {}
        outcomes, _ = run(extractor, Decoders({"means": extractor}, iter(tasks).__next__, 1, frames_folders=folders))
        arrays.append(record_of(outcomes["a"]).arrays["means"])
    np.testing.assert_array_equal(*arrays)
    planes = [isinstance(event, ChunkDecoded) and event.yuv is not None for event in chunks]
    assert sum(planes) == (1 if IS_EXACT and not keeps else 0)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_kind_of_error_counts(error):
    outcomes, warnings = run(Means(5, error), VIDEOS)
    assert {outcome.status for outcome in outcomes.values()} == {"done"} and len(warnings) == 1


def test_another_error_is_not_taken_for_it():
    with pytest.raises(RuntimeError, match="shapes"):
        run(Means(5, RuntimeError("shapes do not match")), VIDEOS)


def test_a_video_whose_window_does_not_fit_fails_alone():
    extractor = Means(20)
    outcomes, _ = run(extractor, VIDEOS | {"large": (9, 30), "e": (17, 2)})
    assert [outcomes[name].status for name in "abcde"] == ["done"] * 5 and outcomes["large"].status == "failed"
    reason = outcomes["large"].reason
    assert reason.startswith("large.mp4: one window does not fit in the memory of cpu; use fewer --num_workers")
    assert "--side_size" in reason
    assert max(extractor.batches[-3:]) == 8  # small windows go on in full batches


def test_frames_that_cannot_be_prepared_fail_their_video(monkeypatch):
    extractor = Means()

    def window(frames, pairs):
        if frames.shape[1] == 30:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"frames": frames}

    monkeypatch.setattr(extractor, "window", window)
    outcomes, _ = run(extractor, {"a": (12, 2), "large": (9, 30), "d": (8, 2)})
    assert [outcomes[name].status for name in ("a", "large", "d")] == ["done", "failed", "done"]
    assert outcomes["large"].reason.startswith("large.mp4: its frames or rows do not fit in memory; ")


def test_a_window_is_built_once_more_after_graphs_and_caches_are_freed(monkeypatch):
    extractor, freed = Means(), []

    def window(frames, pairs):
        if not freed:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"frames": frames}

    monkeypatch.setattr(extractor, "window", window)
    monkeypatch.setattr(pipeline, "free_cached", freed.append)
    outcomes, _ = run(extractor, VIDEOS)
    assert (freed, means_of(outcomes)) == ([extractor.device], means_of(run(Means(), VIDEOS)[0]))


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate 40.0 GiB"), VideoError("too many rows")])
def test_a_video_whose_rows_cannot_be_joined_fails_alone(monkeypatch, error):
    extractor = Means()

    def finish(arrays):
        if len(arrays["means"]) == VIDEOS["b"][0] - 1:
            raise error
        return arrays

    monkeypatch.setattr(extractor, "finish", finish)
    outcomes, _ = run(extractor, VIDEOS)  # its batch comes back while other videos are decoded
    assert [outcomes[name].status for name in "abcd"] == ["done", "failed", "done", "done"]
    said = "too many rows" if isinstance(error, VideoError) else "its frames or rows do not fit in memory; "
    assert outcomes["b"].reason.startswith(f"b.mp4: {said}")


def test_results_that_find_no_memory_on_the_host_are_computed_again_in_halves(monkeypatch):
    copies = []

    class Full(pipeline.HostCopy):
        def __init__(self, outputs) -> None:
            copies.append(len(outputs["means"]))
            if len(copies) == 2:
                raise torch.OutOfMemoryError("CUDA out of memory: pinned memory")
            super().__init__(outputs)

    expected, _ = run(Means(), VIDEOS)
    monkeypatch.setattr(pipeline, "HostCopy", Full)
    outcomes, _ = run(Means(), VIDEOS)
    assert copies[:4] == [8, 8, 4, 4]
    assert means_of(outcomes) == means_of(expected)


def test_other_gpus_than_nvidia_s_get_plain_copies(monkeypatch):
    moved, extractor = [], Means()
    extractor.device = torch.device("mps")
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *to, **_: moved.append(to[0]) or tensor)
    outcomes, _ = run(extractor, {"a": (5, 2)})
    assert outcomes["a"].status == "done" and moved.count(extractor.device) == 1


def test_windows_know_when_they_begin_and_end():
    outcomes, _ = run(Means(), {"a": (4, 2)})
    record = record_of(outcomes["a"])
    assert record.start_s is not None and record.end_s is not None
    np.testing.assert_array_equal(record.start_s, [0.0, 0.1, 0.2])
    np.testing.assert_array_equal(record.end_s, [0.1, 0.2, 0.3])
    assert record.start_s.dtype == record.end_s.dtype == np.float64


def test_averages_have_no_times(monkeypatch):
    extractor = Means()
    monkeypatch.setattr(extractor, "finish", lambda arrays: {key: rows.mean(0) for key, rows in arrays.items()})
    record = record_of(run(extractor, {"a": (4, 2)})[0]["a"])
    assert record.start_s is None and record.end_s is None


def test_sound_ends_after_its_last_sample():
    extractor = MeansOfSound()
    decoded = FakeDecoders(extractor, {})
    job = Job(VideoRef("a", "a", "a.wav"), "means", info=AudioStreamInfo(rate_hz=4))
    samples = torch.zeros(5, 2, 2, 3)
    decoded.events = lambda _idle_s: iter(
        [StreamOpened(job, Dense(4, 1)), ChunkDecoded(job, samples, np.arange(5) / 4), StreamEnded(job)]
    )
    record = record_of(run(extractor, cast(Decoders, decoded))[0]["a"])
    np.testing.assert_array_equal([record.start_s, record.end_s], [[0, 0.25], [1, 1.25]])


def test_what_a_model_refuses_names_the_video(monkeypatch):
    extractor = Means()

    def window(frames, pairs):
        raise VideoError("frames too small")

    monkeypatch.setattr(extractor, "window", window)
    outcomes, _ = run(extractor, {"a": (4, 2)})
    assert (outcomes["a"].status, outcomes["a"].reason) == ("failed", "a.mp4: frames too small")


def test_a_decoder_that_fails_midway_ends_the_video():
    extractor = Means()
    decoded = FakeDecoders(extractor, {})
    job = Job(VideoRef("a", "a", "a.mp4"), "means")
    chunk = ChunkDecoded(job, torch.zeros(5, 2, 2, 3), np.arange(5) / 4)
    events = [StreamOpened(job, Dense(4, 1)), chunk, StreamFailed(job, "a.mp4: gone"), None]
    decoded.events = lambda _idle_s: iter(events)
    outcomes, _ = run(extractor, cast(Decoders, decoded))
    assert (outcomes["a"].status, outcomes["a"].reason) == ("failed", "a.mp4: gone")
