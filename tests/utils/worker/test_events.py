"""One feature type of one video, with what is learned on the way."""

from pathlib import Path

import pytest

from utils.media.report import VideoReport
from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.ref import VideoRef
from utils.worker.events import Job, jobs_of
from utils.worker.plan import Task


def test_stages_add_up_also_where_they_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([1.0, 3.0, 10.0, 14.5])
    monkeypatch.setattr("utils.worker.events.time.perf_counter", lambda: next(ticks))
    job = Job(VideoRef("a", "a", "a.mp4"), "tiny")
    with job.timed("decode"):
        pass
    with pytest.raises(KeyError), job.timed("decode"):
        raise KeyError
    assert job.seconds == {"decode": 6.5} and job.period_s == 0


def test_what_counting_found_after_the_last_frame_counts_too() -> None:
    job, report, counted = Job(VideoRef("a", "a", "a.mp4"), "tiny"), VideoReport(["one"]), VideoReport(["two"], True)
    report.decoded, counted.declared = 5, 9
    job.sum_up(report, counted)
    assert (job.decoded, job.declared, job.problems, job.partial) == (5, 9, ["one", "two"], True)
    assert report.problems == ["one"]
    report.declared = 6
    job.sum_up(report, None)
    assert (job.declared, job.problems, job.partial) == (6, ["one"], False)


def test_frames_and_sound_of_a_video_may_be_two_inputs(tmp_path: Path) -> None:
    for name, content in (("a.mp4", b"1"), ("a.wav", b"22")):
        (tmp_path / name).write_bytes(content)
    sound = VideoRef("a", "a", str(tmp_path / "a.wav"))
    ref = VideoRef("a", "a", str(tmp_path / "a.mp4"), audio=sound)
    task = Task(ref, ("rgb", "loud", "flow"), {"loud": 4})
    rgb, loud, flow = jobs_of(task, lambda name: name == "loud", True)
    assert (rgb.ref, loud.ref, flow.ref) == (ref, sound, ref)
    assert (rgb.source, loud.source) == (fingerprint(ref), fingerprint(sound)) and rgb.source is flow.source
    assert (rgb.revision, loud.revision, loud.task_types) == (0, 4, ("rgb", "loud", "flow"))
    assert jobs_of(task, lambda name: False, False)[0].source == Fingerprint()
