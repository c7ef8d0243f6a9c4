"""What other tools open: tables, recordings, labels."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from support.features import save
from support.media import moving_frames, write_audio, write_clip

from main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handover")
    (folder / "videos").mkdir()
    write_clip(folder / "videos/a.mp4", moving_frames(75))
    times = {"start_s": np.array([0.0, 1, 2]), "end_s": np.array([1.0, 2, 3])}
    rows = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    flow = np.ones((3, 2, 6, 8), np.float32)
    save(folder / "out", "a", "a.mp4", {"rgb": rows, "flow": flow, **times}, meta={"class": "door", "x": "yes"})
    save(folder / "out", "b", "a.mp4", {"rgb": -rows, "flow": flow, **times}, meta={"class": "<b>", "x": "no"})
    return folder


def test_fiftyone_gets_no_sound_alone(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would import nothing at all."""
    (tmp_path / "a.mp4").write_bytes((made / "videos/a.mp4").read_bytes())
    write_audio(tmp_path / "sound.wav", np.zeros((16000, 1), np.float32), 16000)
    for name in ("a.mp4", "sound.wav"):
        save(tmp_path / "out", name, name)
    assert hand_over(tmp_path, "fiftyone", tmp_path / "new", tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("# left out: 1 video without pictures")
    assert list(json.loads((tmp_path / "new/i3d/data.json").read_text())) == ["0"]


def hand_over(made: Path, tool: str, folder: Path, videos: Path | None = None) -> int:
    root = str(videos or made / "videos")
    arguments = ["view", str(made / "out"), "--videos", root, "--to", tool, "--export", str(folder)]
    return main(arguments)


def test_a_table_for_embedding_atlas(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert hand_over(made, "embedding-atlas", tmp_path / "new") == 0
    path = tmp_path / "new/i3d_rgb.parquet"
    assert capsys.readouterr().out.splitlines()[0] == (
        f"embedding-atlas {path} --x x --y y --text moment --neighbors neighbors --image picture"
    )
    rows = parquet.read_table(path).to_pylist()
    assert [(row["video"], row["row"], row["start_s"], row["end_s"]) for row in rows[2:4]] == [
        ("a", 2, 2.0, 3.0), ("b", 0, 0.0, 1.0),
    ]  # fmt: skip
    assert [row["class"] for row in rows] == ["door"] * 3 + ["<b>"] * 3 and isinstance(rows[0]["x"], float)
    assert all(row["picture"]["bytes"][:2] == b"\xff\xd8" for row in rows)
    vectors = np.load(made / "out/i3d/a_rgb.npy")
    vectors = np.concatenate([vectors, -vectors]) / np.linalg.norm(np.concatenate([vectors, vectors]), axis=1)[:, None]
    for row, cosines in zip(rows, vectors @ vectors.T - 9 * np.eye(6), strict=True):
        assert row["neighbors"]["ids"] == np.argsort(-cosines)[:5].tolist()
        np.testing.assert_allclose(row["neighbors"]["distances"], 1 - np.sort(cosines)[:0:-1], atol=1e-5)
    assert hand_over(made, "embedding-atlas", tmp_path / "new") == 2 and "not empty" in capsys.readouterr().err


def test_spans_for_fiftyone(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert hand_over(made, "fiftyone", tmp_path / "new") == 0
    home = tmp_path / "new/i3d"
    assert capsys.readouterr().out.startswith(f'fiftyone.Dataset.from_dir("{home}", dataset_type=fiftyone.types.')
    files, labels = json.loads((home / "data.json").read_text()), json.loads((home / "labels.json").read_text())
    assert files == dict.fromkeys(["0", "1"], str((made / "videos/a.mp4").resolve()))
    assert labels["labels"]["1"][2] == {"label": "rgb", "timestamps": [2.0, 3.0], "attributes": {"row": 2}}
    assert main(["view", str(made / "out"), "--to", "fiftyone", "--export", str(tmp_path / "x")]) == 2
    assert "--videos" in capsys.readouterr().err


def test_recordings_for_rerun(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if importlib.util.find_spec("rerun") is None:
        assert hand_over(made, "rerun", tmp_path / "new") == 2
        assert "pip install" in capsys.readouterr().err
        return
    assert hand_over(made, "rerun", tmp_path / "new") == 0
    files = sorted((tmp_path / "new").glob("*.rrd"))
    assert [file.name for file in files] == ["0_i3d_a.rrd", "1_i3d_b.rrd"]
    program = shutil.which("rerun") or [sys.executable, "-m", "rerun_cli"]
    command = [program] if isinstance(program, str) else program
    shown = subprocess.run([*command, "rrd", "stats", files[0]], capture_output=True, text=True, check=True).stdout
    for entity in ("video", "rgb/change", "rgb/component_1", "rgb/self_similarity", "flow/flow", "flow/speed"):
        assert f"/{entity}: " in shown


def test_a_folder_is_needed(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(made / "out"), "--to", "rerun"]) == 2
    assert "give --export FOLDER" in capsys.readouterr().err
