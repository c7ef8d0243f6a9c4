"""What is recorded of a finished video."""

import json
from types import SimpleNamespace
from typing import Any

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.extractors.labels import Classes
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.worker.events import Job
from utils.worker.finish import Finisher
from utils.worker.pipeline import Outcome
from utils.worker.plan import FeaturePlan, Plan


def test_the_line_is_written_before_the_report_and_names_the_source_as_it_was(tmp_path):
    (tmp_path / "fake").mkdir()
    events = []
    stamp = RunStamp("fake")
    feature = FeaturePlan("fake", "", Config(), {}, {}, str(tmp_path / "fake"), stamp, acav_names("fake"))
    run = RunConfig(feature_type=["fake"], on_extraction="save_numpy")

    def send(message):
        line = message.line
        assert json.loads((tmp_path / "fake" / "manifest.jsonl").read_text()) == line.to_json()
        events.append((line.status, line.seconds, line.source))

    pipe: Any = SimpleNamespace(send=send)
    finisher = Finisher(pipe, Plan(run, (feature,), ("cpu",), 1, 1), feature, Classes(), "cpu")
    before = Fingerprint("a.mp4", bytes=7, mtime_ns=1)
    job = Job(VideoRef("a", "a", str(tmp_path / "gone meanwhile.mp4")), "fake", before)
    job.seconds["decode"] = 0.12345
    finisher.finish(Outcome(job, "failed", "a.mp4: no such file"))
    assert events == [("failed", {"decode": 0.1235}, before)]
