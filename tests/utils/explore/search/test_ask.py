"""Search of features that a small CLIP made: its text ranking is open_clip's own; examples, outliers and copies."""

import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from support.media import moving_frames, write_clip
from support.sinks import make_sink

import featmill
from featmill.settings import plan_of
from main import main
from utils.sinks.manifest_line import ManifestLine
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.state.manifest import Manifest
from utils.state.run_file import RunFile
from utils.storage.folder import folder_at
from utils.weights.seeded import fill_random
from utils.worker.plan import Task
from utils.worker.session import Session

SIZES = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
TEXT = {"context_length": 20, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
NAMES = ("a", "b\x1b[31m", "inner/c", "copy")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """Return a folder with clips and what a run on them leaves, the network by open_clip, and its preprocessing."""
    root = tmp_path_factory.mktemp("search")
    (root / "test-search.json").write_text(json.dumps({"embed_dim": 16, "vision_cfg": SIZES, "text_cfg": TEXT}))
    open_clip.add_model_config(root / "test-search.json")
    model, _, preprocess = open_clip.create_model_and_transforms("test-search")
    fill_random(model.eval())
    torch.save(model.state_dict(), root / "test-search.pt")
    for i in range(3):
        write_clip(root / f"{i}.mp4", moving_frames(6, seed=i), fps=4)
    (root / "3.mp4").write_bytes((root / "1.mp4").read_bytes())
    flags = {"model_name": "test-search", "checkpoint": str(root / "test-search.pt"), "decode_threads": 1}
    plan = plan_of("clip", "cpu", flags)
    (feature,), session, folder = plan.features, Session(plan), folder_at(str(root / "out" / "clip"))
    folder.prepare()
    refs = [VideoRef(f"id{i}", name, str(root / f"{i}.mp4")) for i, name in enumerate(NAMES)]
    for ref, outcome in zip(
        refs, session.extract((Task(ref, ("clip",)) for ref in refs), True, lambda *_: None), strict=True
    ):
        assert outcome.record is not None
        outputs = tuple(make_sink("save_npz", folder).write(outcome.record))
        line = ManifestLine(id=ref.id, name=ref.name, status="done", source=Fingerprint(ref.path), fps=4, windows=6,
                            stamp=feature.stamp, outputs=outputs)  # fmt: skip
        Manifest(folder).append(line)
    session.close()
    checkpoints = {name: str(path) for name, path in feature.checkpoints.items()}
    RunFile().write(folder, feature.stamp.settings_hash, feature.settings, {"checkpoints": checkpoints})
    return root, model, preprocess


def frames_of(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def found(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> list[dict[str, Any]]:
    assert main(["search", str(root / "out"), "--device", "cpu", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)["found"]


def test_the_ranking_by_text_is_open_clips(made, capsys):
    root, model, preprocess = made
    pictures = [preprocess(picture) for i in range(3) for picture in frames_of(root / f"{i}.mp4")]
    text = "a person opens a door"
    with torch.inference_mode():
        rows = model.encode_image(torch.stack(pictures), normalize=True)
        cosines = (rows @ model.encode_text(open_clip.get_tokenizer("test-search")([text]), normalize=True)[0]).numpy()
    hits = [hit for hit in featmill.load(root / "out").search(text, top=24, device="cpu") if hit.video != "copy"]
    order = [6 * NAMES.index(hit.video) + hit.row for hit in hits]
    assert order == np.argsort(-cosines).tolist()
    np.testing.assert_allclose([hit.score for hit in hits], cosines[order], atol=1e-4)
    shown = found(capsys, root, text, "--top", "4", "--min_score", f"{hits[2].score - 1e-6}")
    assert [hit["score"] for hit in shown if hit["video"] != "copy"][:2] == [hit.score for hit in hits[:2]]
    assert all(hit["score"] >= hits[2].score - 1e-6 for hit in shown) and len(shown) <= 4


def test_examples_are_windows_files_and_pictures(made, capsys):
    root = made[0]
    own = found(capsys, root, "--like", "inner/c@0.6", "--top", "30")
    assert len(own) == 23 and ("inner/c", 2) not in [(hit["video"], hit["row"]) for hit in own]
    (root / "same.mp4").write_bytes((root / "2.mp4").read_bytes())
    first, *_ = found(capsys, root, "--like", f"{root}/same.mp4@0.6")
    assert (first["video"], first["row"], first["start_s"]) == ("inner/c", 2, 0.5) and first["score"] > 0.99999
    assert first["path"] == f"{root}/2.mp4"
    frames_of(root / "0.mp4")[4].save(root / "a.png")
    pictures = [found(capsys, root, "--like", f"{root}/a.png")[0], vars(featmill.load(root / "out").search(
        np.asarray(Image.open(root / "a.png")), device="cpu")[0])]  # fmt: skip
    for first in pictures:
        assert (first["video"], first["row"]) == ("a", 4) and first["score"] > 0.999
    vector = featmill.load(root / "out")["a"]["clip"][3]
    (hit,) = featmill.load(root / "out").search(vector, top=1)
    assert (hit.video, hit.row) == ("a", 3) and hit.score == pytest.approx(1)
    video = found(capsys, root, "--like", "copy", "--top", "6")
    assert len(video) == 6 and "copy" not in {hit["video"] for hit in video}


def test_copies_and_what_is_unlike_all(made, capsys):
    root = made[0]
    (group,) = found(capsys, root, "--duplicates", "--min_score", "0.9999")
    assert {(part["video"], part["windows"]) for part in group["videos"]} == {(NAMES[1], 6), ("copy", 6)}
    assert [part["spans"] for part in group["videos"]] == [[[0.0, 1.25]]] * 2 and group["score"] == pytest.approx(1)
    assert main(["search", str(root / "out"), "--duplicates", "--min_score", "0.9999"]) == 0
    assert "b\\x1b[31m" in capsys.readouterr().out
    far = featmill.load(root / "out").outliers(min_score=0.0, top=24)
    assert len(far) == 24 and {hit.video for hit in far[-12:]} >= {"copy"}
    units = {name: video["clip"] / np.linalg.norm(video["clip"], axis=1)[:, None]
             for name, video in ((name, featmill.load(root / "out")[name]) for name in NAMES)}  # fmt: skip
    for hit in far[:3]:
        others = np.concatenate([rows for name, rows in units.items() if name != hit.video])
        assert hit.score == pytest.approx(1 - np.sort(others @ units[hit.video][hit.row])[-5:].mean(), abs=1e-5)


def test_damaged_files_are_counted_and_what_else_is_there_is_found(made, capsys, tmp_path):
    shutil.copytree(made[0] / "out", tmp_path / "out")
    (tmp_path / "out" / "clip" / "a.npz").write_bytes(b"damaged")
    arguments = ["search", str(tmp_path / "out"), "--like", f"{made[0]}/2.mp4@0.5", "--top", "1", "--json"]
    assert main([*arguments, "--device", "cpu"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["found"][0]["video"] == "inner/c"
    assert shown.err == "left out: 1 video whose files cannot be read\n"


def test_what_cannot_be_searched_is_said_in_one_line(made, capsys, tmp_path):
    out = str(made[0] / "out")
    (tmp_path / "a.png").write_bytes(b"no picture")
    for arguments, code, message in (
        ([], 2, "search: give one of a sentence in quotes, --like"),
        (["a door", "--outliers"], 2, "search: give one of"),
        (["", "--device", "cpu"], 2, "none of them empty"),
        (["a door", "--top", "0"], 2, "top is 0: must be at least 1"),
        (["--like", "x" * 5000], 2, ": no such file, and no video of"),
        (["--like", "nope@3"], 2, "nope@3: no such file, and no video of"),
        (["--like", "a@9"], 2, "a@9: its windows are from 0 to 1.25 s"),
        (["--like", str(tmp_path / "a.png")], 1, "a.png: cannot be read as a picture"),
        (["--outliers", "--feature", "rgb"], 2, "has clip: choose one by --feature"),
        (["--outliers", "--feature_type", "i3d"], 2, "has features of clip"),
    ):
        assert main(["search", out, *arguments]) == code, arguments
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error
    with pytest.raises(featmill.UserError, match="the query has 3 numbers, the rows have 16"):
        featmill.load(out).search(np.ones(3))
    with pytest.raises(featmill.UserError, match="takes a text, a vector or a picture, not list"):
        featmill.load(out).search(["a door"])


def test_a_checkpoint_that_has_moved(made: tuple[Path, Any, Any], capsys: pytest.CaptureFixture[str]) -> None:
    root, _, _ = made
    arguments = ["search", str(root / "out"), "a dog", "--json"]
    assert main(arguments) == 0
    expected = json.loads(capsys.readouterr().out)["found"]
    moved = (root / "test-search.pt").rename(root / "moved.pt")
    (root / "other.pt").write_bytes(moved.read_bytes() + b" ")
    try:
        assert main([*arguments, "--checkpoint", str(moved)]) == 0
        assert json.loads(capsys.readouterr().out)["found"] == expected
        assert main([*arguments, "--checkpoint", str(root / "other.pt")]) == 2
        assert "other weights than" in capsys.readouterr().err
        assert main(["search", str(root / "out"), "--like", str(root / "0.mp4"), "--checkpoint", str(moved)]) == 0
    finally:
        moved.rename(root / "test-search.pt")
