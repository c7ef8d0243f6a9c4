"""What a manifest says of a run."""

import json

import pytest

from utils.commands.status import show_status
from utils.errors import UserError
from utils.run.folder_status import FolderStatus, _duration, _rate
from utils.sinks.manifest_line import ManifestLine, Status
from utils.sources.fingerprint import Fingerprint
from utils.state.manifest import Latest, Manifest
from utils.storage.folder import folder_at


def line(number: int, status: Status, reason: str = "", second: int = 0, **source) -> ManifestLine:
    path = f"v/{number}.mp4"
    return ManifestLine(
        id=path, status=status, name=str(number), reason=reason, windows=2, length_s=None if second else 2.5,
        source=Fingerprint(path, **source), finished=f"2026-01-01T00:00:{second:02}+0000",
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    folder = folder_at(str(tmp_path / "i3d"))
    folder.prepare()
    reasons = [f"v/{i}.mp4: {10 * i} of 99 frames decode" for i in range(4)]
    lines = [line(i, "partial", reason, 10 * i) for i, reason in enumerate(reasons)]
    Manifest(folder).append(*lines, line(7, "done", second=40), line(8, "failed", "v/8.mp4: no such file", 50))
    (tmp_path / "i3d" / "run-1.json").write_text(json.dumps({"listed": 99}))
    (tmp_path / "i3d" / "run-2.json").write_text(json.dumps({"listed": 26}))
    return folder


def test_like_causes_are_counted_together(folder):
    status = FolderStatus.of(folder, Latest(folder))
    assert status.as_text().splitlines() == [
        str(folder),
        "  1 done, 4 partial, 0 skipped, 1 failed; 12 windows; lately 0.10 videos/s",
        "  20 of 26 left, about 3 min 20 s at that rate",
        "  4 partial: 0 of 99 frames decode (such as v/0.mp4, v/1.mp4)",
        "  1 failed: no such file (such as v/8.mp4)",
    ]


def test_rare_causes_are_counted(folder):
    words = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
    Manifest(folder).append(*(line(20 + i, "failed", f"cause {word}") for i, word in enumerate(words[:9])))
    assert FolderStatus.of(folder, Latest(folder)).as_text().endswith("\n  and 1 other cause: --json has them all")
    Manifest(folder).append(line(40, "failed", words[9]))
    assert FolderStatus.of(folder, Latest(folder)).as_text().endswith("\n  and 2 other causes: --json has them all")


def test_the_same_as_json(folder, capsys, tmp_path):
    assert show_status([str(tmp_path), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["done"], found["partial"], found["failed"], found["left"]) == (1, 4, 1, 20)
    assert found["videos_per_s"] == pytest.approx(5 / 50)
    assert found["causes"][0]["videos"] == 4 and found["causes"][1]["examples"] == ["v/8.mp4"]
    with pytest.raises(UserError, match="no manifest"):
        show_status([str(tmp_path / "absent")])


@pytest.mark.parametrize(
    ("finished_s", "rate"),
    [([], None), ([5.0], None), ([5.0, 5.0], None), ([0.0, 5000.0, 5100.0, 5200.0], 0.01)],  # of the last ten minutes
)
def test_rate(finished_s, rate):
    assert _rate(finished_s) == rate


def test_durations():
    assert [_duration(s) for s in (59.6, 3599, 3600, 90061)] == ["1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]
