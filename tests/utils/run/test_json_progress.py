"""Lines of JSON in place of the progress."""

import json

import pytest

from utils.errors import UserError
from utils.run import progress as progress_module
from utils.run.json_progress import WorkerState
from utils.run.progress import RunProgress


def test_json_progress_takes_the_place_of_lines(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(progress_module, "PLAIN_EVERY_S", 0)
    progress = RunProgress(4, quiet=False, json_progress=True)
    progress.windows(3)
    progress.finished_on("a/cuda:0")
    progress.video("x.mp4", failed=True)
    working, loading, unplaced = (
        WorkerState("a/cuda:0", True, 2),
        WorkerState("b/cuda:0", False, 0),
        WorkerState("", False, 0),
    )
    progress.workers([working, WorkerState("a/cuda:0", True, 0), loading, unplaced])
    found = json.loads(capsys.readouterr().err)
    assert found["videos"] == {"listed": 4, "to_do": 4, "finished": 1, "failed": 1} and found["windows"] == 3
    assert found["workers"] == {"waiting_for_room": 1, "loading": 1, "working": 1, "waiting_for_videos": 1}
    assert found["devices"]["a/cuda:0"] == {"workers": 2, "in_progress": 2, "finished": 1}

    progress = RunProgress(1, quiet=False, json_progress=str(tmp_path / "lines"))
    progress.video("x.mp4", failed=False)
    with progress:
        assert "1/1 videos" in capsys.readouterr().err
    assert json.loads((tmp_path / "lines").read_text())["videos"]["finished"] == 1
    with pytest.raises(UserError, match="--json_progress"):
        RunProgress(1, quiet=False, json_progress=str(tmp_path / "no folder" / "lines"))
