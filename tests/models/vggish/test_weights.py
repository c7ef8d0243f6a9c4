import sys

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, layout, relative_error, seeded_arrays

from models.vggish import weights
from models.vggish.network import VGGish
from utils.errors import UserError
from utils.nn.prepare import ComputeMode, prepare_layers
from utils.nn.skip_init import SkipInit
from utils.weights.formats import tensorflow


def outputs(network, examples):
    with torch.inference_mode():
        return network.to(DEVICE)(torch.as_tensor(examples).to(DEVICE))


def test_torch_checkpoint_gives_the_reference_outputs(tmp_path):
    arrays = seeded_arrays("vggish", "keys_torch.json")
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    path = tmp_path / "any_name.ckpt"
    torch.save(tensors, path, _use_new_zipfile_serialization=False)  # the published file is of 2019
    with SkipInit():
        network = weights.load_vggish(path)
    path.unlink()
    arrays, _ = case("vggish", "case_torch_weights")
    embedding, preactivation = outputs(network, arrays["input"])
    assert relative_error(embedding, arrays["output_embedding"]) < TOLERANCE
    assert relative_error(preactivation, arrays["output_preactivation"]) < TOLERANCE
    assert embedding.min() == 0 > preactivation.min()
    prepare_layers(network, DEVICE, ComputeMode())
    assert relative_error(outputs(network, arrays["input"])[1], arrays["output_preactivation"]) < TOLERANCE


def test_network_and_tables_have_the_published_layouts():
    with torch.device("meta"):
        state = VGGish().state_dict()
    torch_layout, tf_layout = layout("vggish", "keys_torch.json"), layout("vggish", "keys_tf.json")
    table = {name: variable for name, (variable, _) in torch_layout["conversion_table"].items()}
    assert {name: list(tensor.shape) for name, tensor in state.items()} == {
        name: shape for name, (shape, _) in torch_layout["tensors"].items()
    }
    assert list(state) == list(torch_layout["tensors"])
    assert table == weights.VARIABLES
    assert set(weights.VARIABLES.values()) == set(tf_layout["tensors"])


def test_conversion_is_undone_by_its_inverse():
    rng = np.random.default_rng(1)
    shapes = {"vggish/conv2/weights": (3, 2, 5, 4), "vggish/fc2/weights": (6, 4), "vggish/fc2/biases": (4,)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    state = weights.from_tensorflow(arrays)
    assert np.array_equal(state["features.3.weight"][3, 4], arrays["vggish/conv2/weights"][:, :, 4, 3])
    assert np.array_equal(state["embeddings.4.weight"][3], arrays["vggish/fc2/weights"][:, 3])
    back = weights.to_tensorflow(state)
    assert back.keys() == arrays.keys()
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"absent\.ckpt: no such"):
        weights.load_vggish(tmp_path / "absent.ckpt")
    (tmp_path / "text.ckpt").write_text("hello")
    with pytest.raises(UserError, match=r"text\.ckpt: not a PyTorch checkpoint"):
        weights.load_vggish(tmp_path / "text.ckpt")
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"not a checkpoint of VGGish \(18 missing.*1 unexpected: fc\.weight"):
        weights.load_vggish(tmp_path / "other.pth")


def test_variables_of_another_network_keep_their_names(monkeypatch):
    arrays = {"vggish/conv1/weights": np.zeros((3, 3), np.float32), "resnet/weights": np.zeros(2, np.float32)}
    monkeypatch.setattr(tensorflow, "is_tensorflow_checkpoint", lambda path: True)
    monkeypatch.setattr(tensorflow, "read", lambda path: arrays)
    with pytest.raises(UserError, match=r"17 missing.*unexpected: resnet/weights; 1 wrong shape: features"):
        weights.load_vggish("other.ckpt")


def test_compressed_checkpoint_without_tensorflow_says_what_to_install(monkeypatch):
    def read(path):
        raise tensorflow.CompressedBlockError(f"{path}: compressed")

    monkeypatch.setattr(tensorflow, "is_tensorflow_checkpoint", lambda path: True)
    monkeypatch.setattr(tensorflow, "read", read)
    monkeypatch.setitem(sys.modules, "tensorflow.compat.v1", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UserError, match=r"packed\.ckpt: compressed; or install TensorFlow.*pip install tensorflow"):
        weights.load_vggish("packed.ckpt")
