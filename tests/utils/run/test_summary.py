"""The last lines of a run."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from utils.errors import Interrupted, RunError
from utils.run.summary import SHOWN, Totals, summary
from utils.sinks.manifest_line import ManifestLine, Status


def plan(saves: bool = True, most_videos: int | None = None) -> Any:
    run = SimpleNamespace(most_videos=most_videos, output_path="out")
    return SimpleNamespace(run=run, format=SimpleNamespace(saves=saves), features=[SimpleNamespace(output="out/i3d")])


def todo(before: int = 0, elsewhere: int = 0, waiting: int = 0, changed: Sequence[str] = ()) -> Any:
    changes = SimpleNamespace(n=len(changed), first=changed[:1])
    return SimpleNamespace(n_before=before, n_elsewhere=elsewhere, n_waiting=waiting, changes=changes)


def totals(*statuses: Status, windows: int = 0) -> Totals:
    found = Totals()
    for i, status in enumerate(statuses):
        found.result(ManifestLine(id=str(i), status=status, reason=f"{i}.mp4: {status}", windows=windows))
        found.video([status])
    return found


def lines(plan, totals, todo, listed=None, error=None) -> list[str]:
    return summary(plan, totals, todo, listed, 12.34, error).splitlines()


def test_a_video_counts_once_by_its_worst_result():
    found, results = Totals(), list[list[Status]]([["done", "failed"], ["skipped", "done"], ["done"]])
    assert [found.video(each) for each in results] == ["failed", "skipped", "done"]
    assert (found.videos, found.counts["failed"], found.counts["skipped"], found.counts["done"]) == (3, 1, 1, 1)


def test_counts_reasons_and_what_to_do():
    found = lines(plan(), totals("done", "failed", windows=7), todo(before=3, elsewhere=2, waiting=1), 8)
    assert found == [
        "2 videos in 12.3 s: 1 done, 1 failed; 14 windows",
        "3 more were done already",
        "2 more were done by other runs meanwhile",
        "1 video left to other runs, in progress there",
        "  failed: 1.mp4: failed",
        "outputs and manifest.jsonl in out/i3d",
        "run the same command again to retry the failed ones; the others are kept",
    ]


def test_videos_that_have_changed_are_named():
    found = lines(plan(), totals("done", "done"), todo(changed=["a.mp4: 1 bytes then, 2 now", "b.mp4: modified since"]))
    assert found[1:4] == [
        "2 were extracted again, as the input is not what it was",
        "  changed: a.mp4: 1 bytes then, 2 now",
        "  … and 1 more",
    ]


@pytest.mark.parametrize("error", [Interrupted(2), RunError("disk full")])
def test_what_is_left_after_an_early_end(error):
    found = lines(plan(False), totals("done"), todo(before=3), 8, error)
    assert found[0] == "1 video in 12.3 s: 1 done, 4 not done; 0 windows"
    assert (found[-1] == "stopped by SIGINT; run the same command again to resume") == isinstance(error, Interrupted)


@pytest.mark.parametrize(
    ("saves", "where"),
    [(True, "status out"), (False, "--output_path DIR keeps them all in a manifest")],
)
def test_only_the_first_of_many_are_named(saves, where):
    failed: list[Status] = ["failed"] * (SHOWN + 9)
    found = lines(plan(saves), totals(*failed), todo())
    assert sum(each.startswith("  failed: ") for each in found) == SHOWN
    (more,) = (each for each in found if each.startswith("  … and 9 more; "))
    assert more.endswith(where)
