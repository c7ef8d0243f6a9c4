"""Every command of docs/coming_from.md, as it stands there, on small clips and crops with random weights."""

import json
import pickle
import re
import shlex
import tarfile

import numpy as np
import pytest
from support.golden import GOLDEN
from support.media import moving_frames, waveform, write_clip
from support.program import ROOT, run

from models import MODELS
from utils.config.run import RunConfig
from utils.config.schema import aliases, field_names

PAGE = (ROOT / "docs" / "coming_from.md").read_text()
COMMANDS = [
    line.strip().removeprefix("python main.py ")
    for line in PAGE.splitlines()
    if line.startswith("    python main.py --") and "--device_ids" not in line  # the others show the other tool's
]
SHAPES = {  # of the features of 24 frames in 2.4 s, by feature type: what each tool gave
    "tsn": (2048,),
    "slowonly": (2048,),
    "i3d_r50": (1, 5, 2048),
    "swin": (1, 1, 768),
    "slowfast": (1, 2304),
    "clip": (1, 512),
}
SMALL = {  # what makes a type quicker, unless the command has the flag itself
    **dict.fromkeys(("tsn", "slowonly", "i3d_r50", "swin"), "--side_size=64 --crop_size=64"),
    "i3d": "--streams=rgb --stack_size=10",
}
SNIPPETS = json.loads((GOLDEN / "clip_level" / "outputs.json").read_text())["seed_002_tool"]  # of I3D-R50 and Swin
LAYERS = {"slowfast": [88, 352, 704, 1408, 2304], "vggish": [64, 128, 256, 512, 128]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with videos/, list.txt, a.mp4 and b.mp4, as the page's commands expect it."""
    folder = tmp_path_factory.mktemp("coming_from")
    (folder / "videos").mkdir()
    write_clip(folder / "videos" / "one.mp4", moving_frames(24), fps=10, audio=waveform(1, 2.4, 44100))
    for name in ("a.mp4", "b.mp4"):
        write_clip(folder / name, moving_frames(6))
    (folder / "list.txt").write_text("one.mp4\n")
    (folder / "shards").mkdir()
    with tarfile.open(folder / "shards" / "shard-000000.tar", "w") as tar:
        tar.add(folder / "videos" / "one.mp4", "one_3.mp4")
    metadata = [{"filename": "one_3.mp4", "id": "one", "segment": [3, 13]}]
    (folder / "shards" / "shard-000000.json").write_text(json.dumps(metadata))
    return folder


def test_the_page_has_commands_for_every_tool():
    types = re.findall(r"--feature_type ([\w ]+)", " ".join(COMMANDS))
    assert set(SHAPES) | {"i3d", "vggish"} == set(" ".join(types).split())


def test_every_flag_that_the_page_calls_ours_exists():
    tables = [line.split("|")[2] for line in PAGE.splitlines() if line.startswith("| ")]
    ours = " ".join([*COMMANDS, *tables, *(line for line in PAGE.splitlines() if not line.startswith(("    ", "|")))])
    flags = set(re.findall(r"--([a-z_]+)", ours))
    classes = [RunConfig, *(model.config_class() for model in MODELS.values())]
    assert len(flags) > 20
    assert flags <= {name for cls in classes for name in [*field_names(cls), *aliases(cls)]}


def test_the_other_tools_are_quoted_as_their_pages_have_them():
    for quote in (
        "python tools/misc/clip_feature_extraction.py",
        "python ./src/main.py --input_dir=videos",
        "--hf_dataset=jherng/xd-violence",
        "--force_stop_after_n_videos=100",
        "--check_progress=",
        "python models/slow_fast/extract_features.py --input_dir videos",
        'python cli.py extract --tar_path="',
        "python main.py feature_type=i3d device=",
    ):
        assert quote in PAGE


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_works(command, folder):
    feature_type = re.findall(r"--feature_type (\w+)", command)[0]
    small = [flag for flag in SMALL.get(feature_type, "").split() if flag.partition("=")[0] not in command]
    done = run(*shlex.split(command), "--weights", "random", *small, cwd=folder)
    assert done.returncode == 0, done.stderr
    if "--out " in command:
        (features,) = pickle.loads((folder / f"{feature_type}.pkl").read_bytes())
        assert (features.shape, features.dtype) == (SHAPES[feature_type], np.float32)
    elif "save_shards" in command:
        (row,) = pickle.loads((folder / "acav" / "shard-000000.pkl").read_bytes())
        assert (row["filename"], row["id"], row["segment"]) == ("one_3.mp4", "one", [3, 13])
        for kind, name in (("visual", "slowfast"), ("audio", "vggish")):
            (found,) = row[f"{kind}_features"]
            assert [found["feat_array"][f"layer_{i}"].shape for i in range(5)] == [(size,) for size in LAYERS[name]]
    elif "--layers" in command:
        for name, sizes in LAYERS.items():
            with np.load(folder / "acav_files" / name / "one.npz") as file:
                assert [file[f"layer_{i}"].shape[-1] for i in range(5)] == sizes
    elif "save_npz" in command:
        with np.load(folder / "out" / feature_type / "one.npz") as file:
            assert file["features"].shape == SHAPES[feature_type]
            assert (float(file["fps"]), float(file["clip_length"])) == (10, 2)
    elif "--output_path" in command:  # as .npy files
        features = np.load(folder / "out" / feature_type / f"one_{feature_type}.npy")
        assert (features.shape, features.dtype) == (SHAPES[feature_type], np.float32)
        check_snippets(feature_type, features)
    else:
        assert "shape: [" in done.stdout


def check_snippets(feature_type, features):
    """Assert that features are as the tool's own files were found to be."""
    said = SNIPPETS["result"]
    assert "one .npy per video, float32 [num_clips, n_crops, D]; n_crops 5, 10 or 1 (center keeps the axis)" in said
    _, n_crops, width = features.shape
    assert n_crops == {"i3d_r50": 5, "swin": 1}[feature_type]
    assert f"{width} ({ {'i3d_r50': 'I3D', 'swin': 'Swin'}[feature_type] })" in said
    assert SNIPPETS["path"].endswith("<file stem>.npy") and "`<folder>/<stem>.npy` there" in PAGE
    assert "<relative folder>/<stem>" in SNIPPETS["progress_file"] and "`<folder>/<id>` there" in PAGE
