import json

import pytest

from utils.sinks.manifest_line import ManifestLine, RunStamp


def test_a_line_is_read_as_it_was_written():
    line = ManifestLine(
        id="1", status="partial", name="a", reason="cut off", shard="000", meta={"label": 3}, fps=25.0, windows=2,
        problems=("x",), stamp=RunStamp("i3d", "abc", {"rgb": "random"}, "save_numpy", "run", "0.1", "noise"),
        revision=4, other={"of_a_later_version": 1},
    )  # fmt: skip
    text = json.dumps(line.to_json())
    assert text.startswith('{"id": "1", ')  # so that an index need not parse whole lines
    assert ManifestLine.from_json(json.loads(text)) == line


@pytest.mark.parametrize(
    "content",
    [
        *(None, [], {}, {"id": "1"}, {"id": "1", "status": "odd"}, {"id": 1, "status": "done"}),
        *({"id": "1", "status": "done", "source": {name: True}} for name in ("path", "member", "folder")),
    ],
)
def test_anything_else_is_no_line(content):
    assert ManifestLine.from_json(content) is None


def test_the_revision_decides_which_line_is_later_then_the_clock():
    first = ManifestLine(id="1", status="done", finished="2026-01-01T12:00:00+0000", revision=2)
    assert not ManifestLine(id="1", status="done", finished="2027-01-01T12:00:00+0000", revision=1).is_later_than(first)
    assert ManifestLine(id="1", status="done", finished="2026-01-01T12:30:00+0000", revision=2).is_later_than(first)
    assert not ManifestLine(id="1", status="done", finished="2026-01-01T13:30:00+0200", revision=2).is_later_than(first)
    assert ManifestLine(id="1", status="done", finished="soon").finished_s is None
