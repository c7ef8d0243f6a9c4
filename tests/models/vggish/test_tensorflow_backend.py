import os
import sys

import pytest
import torch
from support.golden import case, relative_error

from models.vggish import tensorflow_backend, weights
from models.vggish.tensorflow_backend import TensorFlowVGGish
from utils.errors import UserError


@pytest.mark.parametrize(("network", "name"), [("checkpoint", "tf"), ("random", "torch")])
def test_outputs_are_those_of_the_reference(tensorflow_run, network, name):
    """Both backends have the same random weights, so they are one function."""
    arrays, _ = case("vggish", f"case_{name}_weights")
    for output in ("embedding", "preactivation"):
        ours = tensorflow_run.outputs[f"{network}_{name}_{output}"]
        assert relative_error(ours, arrays[f"output_{output}"]) < 1e-4


def test_torch_gives_the_same_features_of_sound(tensorflow_run):
    arrays, _ = case("vggish_audio", "case_44k_stereo")
    network = weights.load_vggish(tensorflow_run.checkpoint)
    with torch.inference_mode():
        embedding, preactivation = network(torch.from_numpy(arrays["output_examples"]))
    assert relative_error(embedding, tensorflow_run.outputs["checkpoint_sound_embedding"]) < 1e-4
    assert relative_error(preactivation, tensorflow_run.outputs["checkpoint_sound_preactivation"]) < 1e-4


def test_nothing_is_printed_and_no_examples_give_no_rows(tensorflow_run):
    assert tensorflow_run.printed == ""
    assert tensorflow_run.outputs["checkpoint_empty"].shape == (0, 128)


def test_tensorflow_reads_what_our_reader_cannot(tensorflow_run):
    assert tensorflow_run.outputs["read_with_tensorflow"]


def test_weights_of_another_network_are_refused(tensorflow_run):
    assert "text.ckpt: not a TensorFlow checkpoint of VGGish" in str(tensorflow_run.outputs["refused_text"])
    assert "vggish/conv1/weights is [3, 3] instead of [3, 3, 1, 64]" in str(tensorflow_run.outputs["refused_arrays"])


def test_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow.compat.v1", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UserError, match=r"tensorflow and tf-slim .*uv sync --extra tf.*conda_env_vggish\.yml"):
        TensorFlowVGGish("vggish_model.ckpt")


def test_messages_of_an_import_are_shown_only_if_it_fails(capfd):
    with tensorflow_backend._standard_error_held_back():
        os.write(2, b"noise")
    assert capfd.readouterr().err == ""
    with pytest.raises(ImportError), tensorflow_backend._standard_error_held_back():
        os.write(2, b"the cause")
        raise ImportError
    assert capfd.readouterr().err == "the cause"
