import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import GOLDEN, case, layout, relative_error, write_checkpoint

from models.slowfast.network import SlowFast
from models.slowfast.pretrained import CAFFE2, PYTORCHVIDEO
from models.slowfast.weights import convert, convert_blobs, load_slowfast, random_slowfast
from utils.errors import UserError
from utils.weights import seeded
from utils.weights.formats.torch_pickle import is_torch_file, read_caffe2_blobs

pytestmark = pytest.mark.usefixtures("skip_init")


@pytest.mark.parametrize("published", ["pyslowfast", "caffe2"])
def test_all_layouts_give_the_same_network(published, slowfast_files, slowfast):
    other = load_slowfast(slowfast_files[published]).state_dict()
    assert all(torch.equal(other[name], value.cpu()) for name, value in slowfast.state_dict().items())


def test_every_published_name_has_its_place():
    wanted = {name: tuple(value.shape) for name, value in SlowFast().state_dict().items()}
    shapes: dict[str, Any]  # stand in for tensors
    blobs: dict[str, Any]
    for keys in ("keys_pytorchvideo.json", "keys_pyslowfast.json"):
        shapes = {name: tuple(shape) for name, (shape, *_) in layout("slowfast_r50", keys)["tensors"].items()}
        assert convert(shapes) == wanted
    blobs = {name: tuple(shape) for name, (shape, *_) in layout("slowfast_r50", "keys_caffe2.json")["blobs"].items()}
    assert convert_blobs(blobs) == {name: s for name, s in wanted.items() if not name.endswith("num_batches_tracked")}


@pytest.fixture
def pickles(tmp_path):
    arrays, _ = case("slowfast_r50", "case_caffe2_pickle")
    files = {}
    for name in ("pickle", "hostile_pickle", "torch_legacy", "torch_zip"):
        files[name] = tmp_path / f"{name}.pkl"
        files[name].write_bytes(arrays[f"input_{name}"].tobytes())
    return files, {name.removeprefix("output_"): a for name, a in arrays.items() if name.startswith("output_")}


def test_a_pickle_of_python_2_is_read_exactly(pickles):
    files, expected = pickles
    blobs = {name: torch.from_numpy(array) for name, array in read_caffe2_blobs(files["pickle"]).items()}
    ours = convert_blobs(blobs)
    for name, value in convert(expected).items():
        np.testing.assert_array_equal(ours[name], value)
    assert not any("momentum" in name or name in ("lr", "model_iter") for name in ours)


def test_the_format_is_told_by_content(pickles, slowfast_files):
    files, _ = pickles
    assert [name for name, path in files.items() if is_torch_file(path)] == ["torch_legacy", "torch_zip"]
    assert {name: is_torch_file(path) for name, path in slowfast_files.items()} == {
        "pytorchvideo": True, "pyslowfast": True, "caffe2": False
    }  # fmt: skip
    for name in ("torch_legacy", "torch_zip"):
        with pytest.raises(UserError, match=r"not a checkpoint of SlowFast|has no named tensors"):
            load_slowfast(files[name])


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.path),)


def test_hostile_pickles_are_refused(pickles, tmp_path):
    with pytest.raises(UserError, match=r"asks for (posix|os)\.getcwd"):
        load_slowfast(pickles[0]["hostile_pickle"])
    (tmp_path / "hidden.pkl").write_bytes(pickle.dumps({"blobs": {"conv1_w": Hostile(tmp_path / "made")}}, protocol=2))
    with pytest.raises(UserError, match="which is not data"):
        load_slowfast(tmp_path / "hidden.pkl")
    assert not (tmp_path / "made").exists()


def test_other_files_are_refused(slowfast_files, tmp_path):
    with pytest.raises(UserError, match="no such checkpoint file"):
        load_slowfast(tmp_path / "none.pkl")
    (tmp_path / "text.pkl").write_text("hello")
    with pytest.raises(UserError, match="neither a PyTorch nor a Caffe2 checkpoint"):
        load_slowfast(tmp_path / "text.pkl")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(UserError, match='without "blobs"'):
        load_slowfast(tmp_path / "list.pkl")
    (tmp_path / "cut.pkl").write_bytes(slowfast_files["caffe2"].read_bytes()[:100_000])
    with pytest.raises(UserError, match=r"cut\.pkl"):
        load_slowfast(tmp_path / "cut.pkl")
    for blobs in ({"conv1_w": np.zeros((64, 3, 1, 7, 7), np.float32)}, {"fc1000_w": np.zeros((9, 9), np.float32)}):
        (tmp_path / "other.pkl").write_bytes(pickle.dumps({"blobs": blobs}, protocol=2))
        with pytest.raises(UserError, match=r"not a checkpoint of SlowFast \(55\d missing"):
            load_slowfast(tmp_path / "other.pkl")


def test_a_fine_tuned_file_with_other_classes_is_read(slowfast_files, tmp_path):
    content = torch.load(slowfast_files["pytorchvideo"], weights_only=True)
    state = content["model_state"]
    for part in ("weight", "bias"):
        state[f"blocks.6.proj.{part}"] = state[f"blocks.6.proj.{part}"][:7].clone()
    del state["blocks.0.multipathway_blocks.0.norm.num_batches_tracked"]
    torch.save(content, tmp_path / "seven.pyth")
    assert load_slowfast(tmp_path / "seven.pyth").classifier.out_features == 7


def test_random_weights_are_the_seeded_ones():
    network, name = random_slowfast(), "fast.layer2.1.conv1.conv.weight"
    assert not network.training
    drawn = seeded.draw(name, (16, 64, 3, 1, 1))
    np.testing.assert_array_equal(network.state_dict()[name], drawn)


def test_the_101_layers_equal_the_reference(tmp_path):
    path = write_checkpoint(tmp_path / "SLOWFAST_8x8_R101.pyth", "slowfast_r101", wrapper="model_state")
    expected, meta = case("slowfast_r101", "case_32x64x64")
    clips = np.random.default_rng(meta["seed"]).normal(0, 1, meta["shape"]).astype(np.float32)
    with torch.inference_mode():
        *_, (slow, fast) = load_slowfast(path, 101).to(DEVICE).maps(torch.from_numpy(clips).to(DEVICE))
    assert relative_error(slow.mean((2, 3, 4)), expected["output_slow"]) < TOLERANCE
    assert relative_error(fast.mean((2, 3, 4)), expected["output_fast"]) < TOLERANCE
    with pytest.raises(UserError, match="not a checkpoint of SlowFast"):
        load_slowfast(path)


def test_published_files_are_those_of_the_layouts():
    for file, keys in zip((PYTORCHVIDEO, CAFFE2), ("keys_pytorchvideo.json", "keys_caffe2.json"), strict=True):
        spec = json.loads((GOLDEN / "slowfast_r50" / keys).read_text())
        assert (file.name, file.url) == (spec["file"], spec["url"])
