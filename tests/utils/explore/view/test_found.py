"""What a search found, on the page."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.features import save

from main import main
from utils.explore.view.found import found_times_ms


def script(page: Path, name: str) -> dict[str, list[dict[str, object]]]:
    content = (page / f"data/{name}.js").read_text()
    return json.loads(content.partition(",")[2].rstrip().removesuffix(");"))


def test_windows_and_groups_with_the_numbers_of_their_videos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    for name, own in (("a", rows), ("b", -rows), ("c", rows[:3])):
        save(tmp_path / "out", name, arrays={"rgb": own})
    out = str(tmp_path / "out")
    assert main(["search", out, "--like", "b@2", "--top", "3", "--export", str(tmp_path / "like")]) == 0
    assert capsys.readouterr().out.rstrip().endswith("index.html#/found")
    found = script(tmp_path / "like", "found")
    assert main(["search", out, "--like", "b@2", "--top", "3", "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["found"]
    assert [{**each, "number": "abc".index(each["video"])} for each in expected] == found["hits"]
    assert found["what"] == "Like b@2" and script(tmp_path / "like", "collection")["found"]
    assert main(["search", out, "--duplicates", "--export", str(tmp_path / "groups")]) == 0
    (group,) = script(tmp_path / "groups", "found")["duplicates"]
    assert [(part["video"], part["number"], part["windows"]) for part in group["videos"]] == [("a", 0, 3), ("c", 2, 3)]  # type: ignore[attr-defined]  # JSON
    assert found_times_ms(found, 0) == {int(1000 * each["start_s"]) for each in expected if each["video"] == "a"}
    assert found_times_ms(script(tmp_path / "groups", "found"), 2) == {0}
    assert main(["view", out, "--export", str(tmp_path / "page")]) == 0
    assert not script(tmp_path / "page", "collection")["found"]
