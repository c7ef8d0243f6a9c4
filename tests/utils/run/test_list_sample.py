"""Which videos of a list are looked at, and what is seen of them."""

import numpy as np
import pytest
from support.media import moving_frames, write_clip

from utils.config.run import RunConfig
from utils.media.limits import Limits
from utils.run.list_sample import look_at
from utils.run.progress import RunProgress
from utils.run.todo import Todo
from utils.sources.ref import VideoRef


def seen(refs, most, seed=0, most_s=60.0, **limits):
    found = looked_at(refs, most, seed, most_s, **limits)
    assert found is not None
    return found


def looked_at(refs, most, seed=0, most_s=60.0, **limits):
    todo = Todo(iter(refs), RunConfig(), (), (), None, None)
    progress = RunProgress(None, quiet=True)
    return look_at(todo, most, most_s, Limits(**limits), np.random.default_rng(seed), progress)


def test_each_video_is_looked_at_as_often_as_another():
    refs = [VideoRef(str(i), str(i), "/absent", refused=("failed", "no")) for i in range(20)]
    counts = np.zeros(20)
    for seed in range(400):
        found = seen(refs, 5, seed)
        assert found.listed.n_videos == 20
        counts[[int(task.ref.id) for task in found.tasks]] += 1
    assert np.abs(counts / 400 - 5 / 20).max() < 0.1
    assert len(seen(refs, 5, most_s=0).tasks) == 1
    assert looked_at([], 5) is None


def test_lengths_are_those_that_are_extracted(tmp_path):
    path = str(write_clip(tmp_path / "a.mp4", moving_frames(100)))  # 4 s
    refs = [
        VideoRef("whole", "0", path),
        VideoRef("part", "1", path, start_s=1.0, end_s=2.0),
        VideoRef("rest", "2", path, start_s=3.5),
        VideoRef("absent", "3", str(tmp_path / "b.mp4")),
    ]
    found = seen(refs, 10)
    lengths = dict(zip((task.ref.id for task in found.tasks), found.lengths_s, strict=True))
    assert lengths == pytest.approx({"whole": 4.0, "part": 1.0, "rest": 0.5, "absent": 0.0})
    n_bytes = dict(zip((task.ref.id for task in found.tasks), found.n_bytes, strict=True))
    assert n_bytes["whole"] is not None and n_bytes["part"] == n_bytes["whole"] // 4
    assert n_bytes["absent"] is None
    shorter = [length_s or 0.0 for length_s in seen(refs, 10, max_seconds=2.0).lengths_s]
    assert sorted(shorter) == pytest.approx([0.0, 0.5, 1.0, 2.0])
