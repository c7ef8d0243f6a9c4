"""`python main.py compare A B`: packs of every kind are read, matched and compared."""

import json
import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from support.media import moving_frames, write_clip
from support.sinks import line, make_sink, merge, record, staged_lines

from featmill.settings import plan_of
from main import main
from models.resnet.extractor import INPUT
from models.resnet.weights import random_resnet
from utils.sinks.manifest_line import ManifestLine
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.state.manifest import Manifest
from utils.state.run_file import RunFile
from utils.storage.folder import folder_at
from utils.worker.plan import Task
from utils.worker.session import Session


def features(*shape, seed=0):
    """Return features as networks give them: not negative, changing slowly from row to row, float32."""
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(size=shape), axis=0) * 0.2
    return np.maximum(drift + 0.3 * rng.normal(size=shape) + 1, 0).astype(np.float32)


X = features(40, 32)


def compared(capsys, *arguments):
    """Return the exit code and what --json gives."""
    code = main(["compare", *map(str, arguments), "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out) if shown.out else shown.err


def own(root, records, kind="save_numpy"):
    """Write what a run of Featmill leaves."""
    folder = folder_at(str(root))
    folder.prepare()
    if kind == "save_h5":
        lines = merge(kind, folder, staged_lines(kind, folder, records), set())
    else:
        lines = [line(each, make_sink(kind, folder).write(each), "i3d") for each in records]
    Manifest(folder).append(*lines)
    return root


def test_rows_of_runs_are_matched_by_time(tmp_path, capsys):
    whole = record("v", n_windows=12, size=32, keys=("rgb", "flow"))
    assert whole.start_s is not None and whole.end_s is not None
    later = {key: array if key == "fps" else array[2:] for key, array in whole.arrays.items()}
    part = replace(whole, arrays=later, start_s=whole.start_s[2:], end_s=whole.end_s[2:])
    a, b = own(tmp_path / "a", [whole], "save_h5"), own(tmp_path / "b", [part])
    code, report = compared(capsys, a, b)
    assert code == 1
    assert [(one["key"], one["verdict"]) for one in report["videos"]] == [
        (key, "only rows with equal times; equal to the bit") for key in ("rgb", "flow")
    ]
    np.save(tmp_path / "v.npy", np.concatenate([later["flow"], later["rgb"]], 1))  # without times
    (video,) = compared(capsys, a, tmp_path / "v.npy")[1]["videos"]
    assert video["key"] == "rgb+flow/features"
    assert video["verdict"] == (
        "the halves of the columns are swapped (flow before rgb?); "
        "B is A shifted by 2 rows (50 frames): B's row 0 is A's row 2; equal to the bit"
    )


def test_packs_of_every_kind_are_read_and_matched_by_name(tmp_path, capsys):
    videos = {f"v_Clip{i}": features(8, 16, seed=i) for i in range(3)}
    numpy_pack, torch_pack, crops = (tmp_path / name for name in ("numpy", "torch", "crops"))
    for folder in (numpy_pack / "i3d", torch_pack, crops):
        folder.mkdir(parents=True)
    for name, array in videos.items():
        np.save(numpy_pack / "i3d" / f"{name}_i3d.npy", array)
        torch.save({"features": torch.from_numpy(array)}, torch_pack / f"{name.lower()}.mp4.pt")
        for crop in range(2):
            np.save(crops / f"{name}__{crop}.npy", array * (1 + crop))
    np.savez(tmp_path / "all.npz", **videos)  # pyright: ignore[reportArgumentType]
    (tmp_path / "all.pkl").write_bytes(pickle.dumps({name: {"features": array} for name, array in videos.items()}))
    with h5py.File(tmp_path / "all.h5", "w") as file:
        for name, array in videos.items():
            file[f"{name[2:]}/c3d_features"] = array
        file["Other/c3d_features"] = features(3, 16)
    for other in (torch_pack, tmp_path / "all.npz", tmp_path / "all.pkl", tmp_path / "all.h5"):
        code, report = compared(capsys, numpy_pack, other)
        assert (code, report["verdicts"]) == (0, [{"verdict": "equal to the bit", "arrays": 3}]), other
        assert not report["only_a"]
    assert report["only_b"] == ["Other"] and list(report["matched_by"].values()) == [3]
    verdicts = compared(capsys, crops, tmp_path / "all.npz")[1]["verdicts"]
    assert verdicts == [{"verdict": "B holds A's crop 0; equal to the bit", "arrays": 3}]
    assert main(["compare", str(numpy_pack), str(tmp_path / "all.h5")]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["video", "key", "A", "B", "cosine", "worst", "error", "left", "verdict"]
    assert shown[1].split()[2:6] == ["8x16", "8x16", "1.00000", "1.00000"]
    assert shown[-1] == "all: equal to the bit" and "only in B: 1 (Other)" in shown


def test_one_that_cannot_be_read_does_not_stop_the_others(tmp_path, capsys):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name in ("good", "objects", "short"):
            np.save(tmp_path / folder / f"{name}.npy", X)
    np.save(tmp_path / "b" / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "b" / "short.npy").write_bytes((tmp_path / "a" / "short.npy").read_bytes()[:-5])
    code, report = compared(capsys, tmp_path / "a", tmp_path / "b")
    assert code == 1
    good, objects, short = (video["verdict"] for video in report["videos"])
    assert good == "equal to the bit"
    assert objects.endswith("objects.npy: cannot be read (an array of objects, not of numbers)")
    with pytest.raises(ValueError) as problem:  # in the words of numpy's version
        np.load(tmp_path / "b" / "short.npy")
    assert short.endswith(f"short.npy: cannot be read ({problem.value})")


def test_wrong_commands_are_refused_in_one_line(tmp_path, capsys):
    for name in ("a", "b", "empty"):
        (tmp_path / name).mkdir()
    for name in ("a/one", "a/two", "b/three", "b/four"):
        np.save(tmp_path / f"{name}.npy", X)
    (tmp_path / "bad.h5").write_bytes(b"no")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    for arguments, message in (
        ([a], "the following arguments are required: B"),
        ([a, b], f"no video is in both: {a} has one, two, {b} has four, three; their names differ"),
        ([a, f"{tmp_path}/no"], f"{tmp_path}/no: no such folder, and no file of .npy"),
        ([a, f"{tmp_path}/empty"], "empty: no features: neither a manifest nor a file of .npy"),
        ([a, f"{tmp_path}/bad.h5"], "bad.h5: cannot be read ("),
        ([a, b, "--feature_type", "clop"], "did you mean clip"),
        ([a, a, "--pixels"], "--pixels needs the manifest of a run there"),
    ):
        assert main(["compare", *arguments]) == 2, arguments
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """What a run of a network with random weights leaves, and the frames that it saw."""
    root = tmp_path_factory.mktemp("pixels")
    frames = moving_frames(6)
    clip = write_clip(root / "v.mp4", frames, fps=4)
    plan = plan_of("resnet", "cpu", {"model_name": "resnet18", "weights": "random", "decode_threads": 1})
    (feature,), session, seen = plan.features, Session(plan), []
    prepare = session._extractor.prepare
    vars(session._extractor)["prepare"] = lambda frames: seen.append(frames) or prepare(frames)
    (outcome,) = session.extract([Task(VideoRef("v", "v", str(clip)), ("resnet",))], True, lambda *_: None)
    session.close()
    assert outcome.record is not None
    folder = folder_at(str(root / "out" / "resnet"))
    folder.prepare()
    outputs = make_sink("save_numpy", folder).write(outcome.record)
    source = Fingerprint(str(clip))
    Manifest(folder).append(
        ManifestLine(id="v", name="v", status="done", source=source, stamp=feature.stamp, outputs=tuple(outputs), fps=4)
    )
    RunFile().write(folder, feature.stamp.settings_hash, feature.settings, {"checkpoints": {}})
    return root, torch.cat(seen)


def test_other_pixels_are_found_by_making_rows_again(resnet, capsys):
    root, frames = resnet
    network = random_resnet("resnet18").eval()
    network.add_module("fc", torch.nn.Identity())
    with torch.inference_mode():
        pixels = INPUT.crops(frames).flip(-1).permute(0, 3, 1, 2) / 255  # BGR, in 0..1
        np.save(root / "v_feat.npy", network(pixels).numpy())
    assert main(["compare", str(root / "out"), str(root / "v_feat.npy")]) == 1
    *_, verdict, hint = capsys.readouterr().out.splitlines()
    assert verdict.startswith("all: alike, not equal (cosine 0.9"), verdict
    assert hint.startswith("--pixels tries other colour orders, means and deviations")
    code, report = compared(capsys, root / "out", root / "v_feat.npy", "--pixels")
    tried = report["pixels"]["tried"]
    assert code == 1 and len(tried) == 18
    assert tried[0]["name"] == "BGR for RGB, no mean and deviation, pixels in 0..1"
    assert tried[0]["left"] < 1e-5 < 1e-3 < tried[1]["left"]
    assert report["pixels"]["conclusion"] == f"B was made with: {tried[0]['name']}"
