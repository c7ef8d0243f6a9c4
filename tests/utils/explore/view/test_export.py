"""The page as a folder of files."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.features import save
from support.media import moving_frames, write_clip

from main import main


def test_a_folder_that_opens_from_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos = tmp_path / "my videos"
    videos.mkdir()
    write_clip(videos / "clip #1.mp4", moving_frames(30))
    rows = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    flow = np.ones((3, 2, 6, 8), np.float32)
    save(tmp_path / "out", "v", "anywhere/clip #1.mp4", {"rgb": rows, "flow": flow})
    page = tmp_path / "page"
    assert main(["view", str(tmp_path / "out"), "--videos", str(videos), "--export", str(page)]) == 0
    assert "index.html" in capsys.readouterr().out
    index = (page / "index.html").read_text()
    assert "data-static" in index and "Content-Security-Policy" in index
    scripts = {}
    for path in (page / "data").iterdir():
        head, _, content = path.read_text().partition(",")
        assert head == f'featmill.arrived("{path.stem}"'
        scripts[path.stem] = json.loads(content.rstrip().removesuffix(");"))
    maps = {name for name in scripts if name.startswith("umap")}  # where it is installed
    assert scripts.keys() - maps == {
        "collection",
        "video-0",
        "pictures-0",
        "frames-0",
        "map-0-0",
        "map-0-1",
        "near-0-0",
        "near-0-1",
    }
    about = scripts["video-0"]
    assert about["player"] == "../my%20videos/clip%20%231.mp4"
    assert all((page / f"media/0/{time}.jpg").exists() for time in about["thumbs_ms"]) and about["thumbs_ms"]
    assert {path.name for path in (page / "media/0").glob("*.png")} == {f"flow-1-{row}.png" for row in range(3)}
    assert len(scripts["near-0-0"]["rows"]) == 3 and about["keys"][0]["near"]
    assert main(["view", str(tmp_path / "out"), "--export", str(page)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_nearest_windows_that_are_not_there_are_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.explore.view.export.MOST_WITH_NEAREST", 2)
    save(tmp_path / "out", "v")
    assert main(["view", str(tmp_path / "out"), "--export", str(tmp_path / "page")]) == 0
    assert not list((tmp_path / "page/data").glob("near-*")) and (tmp_path / "page/data/video-0.js").is_file()
    assert '"near":false' in (tmp_path / "page/data/video-0.js").read_text()
