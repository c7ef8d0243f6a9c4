"""What becomes of results: counts, lines for the user, claims."""

from types import SimpleNamespace
from typing import Any

import pytest

from utils.errors import RunError
from utils.run.results import Results
from utils.run.summary import SHOWN
from utils.sinks.manifest_line import ManifestLine, RunStamp, Status
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.worker.plan import Task

REF = VideoRef("a.mp4", "a", "/v/a.mp4")


class Log:
    """Notes every call."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.n_before, self.n_elsewhere = 3, 2

    def __getattr__(self, name: str):
        return lambda *arguments, **named: self.calls.append((name, *arguments, *named.values()))


def results(n_types: int = 1, claims=None) -> tuple[Results, Any]:
    def line(ref, status, reason, source, **found):
        return ManifestLine(id=ref.id, status=status, reason=reason, source=source, stamp=RunStamp("t0"), **found)

    features = [SimpleNamespace(feature_type=f"t{i}", line=line) for i in range(n_types)]
    plan: Any = SimpleNamespace(
        features=features, format=SimpleNamespace(saves=True), run=SimpleNamespace(output_path="out")
    )
    logs = SimpleNamespace(todo=Log(), folders=Log(), merger=Log(), progress=Log())
    return Results(plan, [], logs.todo, logs.folders, claims, logs.merger, logs.progress), logs


def line(status: Status, **source) -> ManifestLine:
    return ManifestLine(
        id="a.mp4",
        status=status,
        reason="why",
        windows=4,
        stamp=RunStamp("t0"),
        source=Fingerprint("/v/a.mp4", **source),
    )


def test_a_result_is_counted_shown_and_its_claim_released() -> None:
    ours, logs = results(2)
    ours.take(line("done", mtime_ns=1), REF)
    ours.take(line("failed"), REF)
    assert (ours.totals.windows, logs.folders.calls) == (8, [("read_from", "/v/a.mp4"), ("check", "/v/a.mp4")])
    assert logs.progress.calls == [("warn", "t0 failed: why")]
    assert logs.todo.calls == [("finished", "t0", REF)] * 2
    ours.video(Task(REF, ("t0",)), ["done", "failed"])
    assert logs.progress.calls[1:] == [("passed_over", 5), ("video", "a.mp4", True)]
    assert logs.todo.calls[-1] == ("completed", REF, ["done", "failed"])
    assert logs.merger.calls == [("finished", REF, ["done", "failed"])] and ours.totals.counts["failed"] == 1


def test_after_many_lines_the_user_is_told_where_the_others_are() -> None:
    ours, logs = results()
    for _ in range(SHOWN + 5):
        ours.take(line("skipped"), REF)
    shown = [call[1] for call in logs.progress.calls]
    assert shown[:-1] == ["skipped: why"] * SHOWN
    assert shown[-1].startswith("… more such lines are not shown; all are in manifest.jsonl")


def test_videos_that_no_worker_could_finish_are_recorded() -> None:
    ours, logs = results()
    ours.give_up(Task(REF, ("t0",)), "the worker died", ["done"])
    assert logs.progress.calls[0] == ("warn", "failed: the worker died")
    ours.refused(Task(REF, ("t0",)), "skipped", "no sound")
    assert logs.progress.calls[-3] == ("warn", "skipped: /v/a.mp4: no sound")
    assert logs.merger.calls[1] == ("handed_out", REF)
    assert (ours.totals.counts["failed"], ours.totals.counts["skipped"]) == (1, 1)


def test_a_run_that_lost_its_claims_stops() -> None:
    ours, logs = results()
    ours.tick()
    assert logs.merger.calls == [("merge_due",)]
    ours, _ = results(claims=SimpleNamespace(lost=RunError("disk gone")))
    with pytest.raises(RunError, match="disk gone"):
        ours.tick()
