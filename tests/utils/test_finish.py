"""What is recorded of a finished video."""

import contextlib
import json
from types import SimpleNamespace

import torch

from utils import finish
from utils.config import RunConfig
from utils.extractor import Extractor
from utils.finish import Finisher
from utils.job import Job
from utils.pipeline import Outcome
from utils.plan import FeaturePlan, Plan
from utils.sinks import describe_type
from utils.sources.ref import VideoRef
from utils.windows import Dense


class Fake(Extractor):
    """Has a name and a device."""

    keys = ("fake",)
    batch_size = 1

    def sampling(self, info):
        return Dense(1, 1)

    def forward(self, batch):
        raise NotImplementedError


def test_the_source_is_asked_under_watch_and_the_line_written_before_the_report(tmp_path, monkeypatch):
    (tmp_path / "fake").mkdir()
    events, happened = [], []
    feature = FeaturePlan("fake", "", None, {}, str(tmp_path / "fake"), describe_type("fake"))
    run = RunConfig(feature_type=["fake"], on_extraction="save_numpy")

    @contextlib.contextmanager
    def watching(video_id):
        happened.append(f"watching {video_id}")
        yield
        happened.append("watched")

    made = finish.manifest_line

    def noted(*arguments, **facts):
        happened.append("asked")
        return made(*arguments, **facts)

    def send(kind, line):
        assert json.loads((tmp_path / "fake" / "manifest.jsonl").read_text()) == line
        events.append((kind, line["status"], line["seconds"]))

    monkeypatch.setattr(finish, "manifest_line", noted)
    finisher = Finisher(
        SimpleNamespace(send=send),
        Plan(run, (feature,), 1, 1),
        feature,
        Fake(None, {}, torch.device("cpu")),
        "cpu",
        watching,
    )
    job = Job(VideoRef("a", "a", str(tmp_path / "a.mp4")), "fake")
    job.seconds["decode"] = 0.12345
    finisher.finish(Outcome(job, "failed", "a.mp4: no such file"))
    assert happened == ["watching a", "asked", "watched"]
    assert events == [("finished", "failed", {"decode": 0.1235})]
