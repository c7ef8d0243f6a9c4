"""The card of an output folder, and its upload to a stand-in of the hub."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from support.dataset_hub import DatasetHub
from support.sinks import line, make_sink, merged, record

from main import main
from utils.commands import publish
from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.state.manifest import Manifest, settings_hash
from utils.state.run_file import RunFile
from utils.storage.folder import LocalFolder

HOSTILE = "a|b<script>alert(1)</script>`x`\n\x1b[31m[link](javascript:x)"


def saved(root: Path, kind: str) -> Path:
    """Write what a run leaves: three videos, one that failed, and one with a NaN."""
    folder = LocalFolder(root / "resnet")
    settings = {"feature_type": "resnet", "extraction_fps": 5, "weights": {"resnet18": "ab" * 32, "x": "random"}}
    stamp = RunStamp("resnet", settings_hash(settings), settings["weights"], kind, "1", "0.1.0")
    videos = [record(f"dir/v{i}", seed=i, size=5, keys=("resnet",)) for i in range(3)]
    videos[0].arrays["resnet"][1] = np.nan
    lines = merged(kind, folder, videos) if kind == "save_parquet" else [
        line(video, make_sink(kind, folder).write(video)) for video in videos
    ]  # fmt: skip
    failed = ManifestLine(id="x", name=HOSTILE, status="failed", reason=f"{HOSTILE}: no video stream", stamp=stamp)
    Manifest(folder).append(*(replace(each, stamp=stamp) for each in lines), failed)
    run = RunFile()
    run.write(folder, stamp.settings_hash, settings, {"checkpoints": {"resnet18": "/w/mine.pth"}, "listed": 6})
    return root


def card(root: Path) -> tuple[dict[str, Any], str]:
    found = huggingface_hub.DatasetCard.load(root / "README.md")
    return found.data.to_dict(), found.text


def test_a_card_says_what_the_features_are(tmp_path, capsys):
    root = saved(tmp_path / "out", "save_parquet")
    assert main(["card", str(root), "--title", "Doors", "--license", "cc-by-4.0"]) == 0
    about, text = card(root)
    assert about["license"] == "cc-by-4.0" and about["size_categories"] == ["n<1K"] and "resnet" in about["tags"]
    assert about["configs"] == [{"config_name": "resnet", "data_files": "resnet/*.parquet"}]
    for words in (
        "# Doors", "A row: by default, frame; see the settings.", "3 videos, 9 windows; files of `save_parquet`",
        "| extraction&#95;fps | 5 |",
        f"| resnet18 | mine.pth | {'ab' * 32} |", "| x | random numbers: THE FEATURES MEAN NOTHING |",
        "Left out: resnet: 1 window of NaN", "1 failed, 2 of the list not tried", "no video stream",
    ):  # fmt: skip
        assert words in text, words
    assert "<script" not in text and "\x1b" not in text and "](javascript" not in text and "a|b" not in text
    statistics = json.loads((root / "statistics.json").read_text())["resnet"]["resnet"]
    rows = np.concatenate([record(seed=i, size=5, keys=("resnet",)).arrays["resnet"] for i in range(3)])
    rows = np.delete(rows, 1, axis=0)
    assert statistics["windows"] == 8
    np.testing.assert_allclose(statistics["mean"], rows.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(statistics["deviation"], rows.std(axis=0), atol=1e-6)
    np.testing.assert_array_equal(np.float32(statistics["max"]), rows.max(axis=0))
    table: Any = datasets.load_dataset(str(root), "resnet", cache_dir=str(tmp_path / "cache"))
    assert len(table["train"]) == 9 and len(table["train"][0]["embedding"]) == 5
    assert main(["card", str(root)]) == 0  # its own card is written again
    (root / "README.md").write_text("by hand")
    capsys.readouterr()
    assert main(["card", str(root)]) == 2 and "was written by hand" in capsys.readouterr().err


@pytest.fixture
def hub(monkeypatch):
    """The hub, which this process is logged in to."""
    hub = DatasetHub()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    yield hub
    hub.close()


def test_what_runs_wrote_is_uploaded_and_nothing_else(tmp_path, hub, monkeypatch, capsys):
    root = saved(tmp_path / "out", "save_npz")
    monkeypatch.setattr(publish, "FILES_PER_COMMIT", 4)
    (root / ".env").write_text("SECRET=1")
    (root / "resnet" / ".featmill").mkdir(exist_ok=True)
    (root / "resnet" / ".featmill" / "x").write_text("x")
    (root / "notes.txt").write_text("mine")
    (tmp_path / "outside").write_text("private")
    (root / "resnet" / "link.npz").symlink_to(tmp_path / "outside")
    address = "hf://datasets/me/doors"
    assert main(["publish", str(root), address, "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert "7 files, " in said and "resnet/dir/v0.npz" in said and "left out: 1 file that" in said
    assert "(private if it is new)" in said and "nothing was uploaded" in said and not hub.calls
    assert main(["publish", str(root), address]) == 0
    files = hub.files["me/doors"]
    run = next(path.name for path in (root / "resnet").glob("run-*.json"))
    names = [f"resnet/{name}" for name in ("dir/v0.npz", "dir/v1.npz", "dir/v2.npz", "manifest.jsonl", run)]
    assert sorted(files) == ["README.md", *names, "statistics.json"] and hub.private == {"me/doors": True}
    assert all(content == (root / name).read_bytes() for name, content in files.items())
    assert [len(added) for added in hub.commits] == [4, 3] and hub.commits[0][0] == "README.md"
    assert f"uploaded: {hub.url}/datasets/me/doors" in capsys.readouterr().out


def test_secrets_strangers_and_wrong_addresses_are_refused(tmp_path, hub, monkeypatch, capsys):
    root = saved(tmp_path / "out", "save_npz")
    (path,) = (root / "resnet").glob("run-*.json")
    before = path.read_text()
    path.write_text(before.replace("mine.pth", f"hf_{'A' * 34}"))
    for arguments, message in (
        ([str(root), "hf://datasets/me/doors"], "what looks like a token or a"),
        ([str(root), "hf://me/doors"], "give hf://datasets/OWNER/NAME"),
        ([str(root), "hf://datasets/me/.."], "me/..: "),
        ([str(tmp_path / "no"), "hf://datasets/me/doors"], "no such folder on this machine"),
        ([str(root), "hf://datasets/me/doors"], "not allowed; log in by hf auth login"),
    ):
        if "log in" in message or ".." in message:
            path.write_text(before)
        monkeypatch.setenv("HF_TOKEN", "hf_other" if "log in" in message else hub.TOKEN)
        assert main(["publish", *arguments]) == 2, arguments
        assert message in capsys.readouterr().err
    assert not any(hub.files.values())
    monkeypatch.setattr(hub, "answer", lambda path, body: None)
    monkeypatch.setenv("HF_TOKEN", hub.TOKEN)
    assert main(["publish", str(root), "hf://datasets/me/doors"]) == 3
    assert "the same command uploads what is missing" in capsys.readouterr().err
