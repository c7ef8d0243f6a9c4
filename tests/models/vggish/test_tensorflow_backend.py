import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error
from support.program import ROOT

from models.vggish import tensorflow_backend, weights
from models.vggish.network import VGGish
from models.vggish.tensorflow_backend import TensorFlowVGGish
from utils.errors import UserError
from utils.nn.skip_init import SkipInit


@dataclass(frozen=True)
class TensorFlowRun:
    """What TensorFlow made: a V1 checkpoint in the published layout, outputs by name, and what it printed."""

    checkpoint: Path
    outputs: dict[str, np.ndarray]
    printed: str


@pytest.fixture(scope="module")
def tensorflow_run(tmp_path_factory) -> TensorFlowRun:
    """TensorFlow in a separate process: it takes seconds to import and cannot be unloaded."""
    folder = tmp_path_factory.mktemp("tensorflow")
    examples: dict[str, Any] = {name: case("vggish", f"case_{name}_weights")[0]["input"] for name in ("tf", "torch")}
    examples["sound"] = case("vggish_audio", "case_44k_stereo")[0]["output_examples"]
    np.savez(folder / "examples.npz", **examples)
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "tensorflow_process.py", folder],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "outputs.npz", allow_pickle=False) as file:
        outputs = {name: file[name] for name in file.files}
    return TensorFlowRun(folder / "vggish_model.ckpt", outputs, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def network(tensorflow_run) -> VGGish:
    """PyTorch's network, of TensorFlow's checkpoint."""
    with SkipInit():
        return weights.load_vggish(tensorflow_run.checkpoint).to(DEVICE)


def test_tensorflow_checkpoint_gives_the_reference_outputs(network):
    arrays, _ = case("vggish", "case_tf_weights")
    examples = torch.from_numpy(arrays["input"]).to(DEVICE)
    with torch.inference_mode():
        embedding, preactivation = network(examples)
        pool4 = network.features(examples[:1].unsqueeze(1))
    assert relative_error(embedding, arrays["output_embedding"]) < TOLERANCE
    assert relative_error(preactivation, arrays["output_preactivation"]) < TOLERANCE
    assert relative_error(pool4[0].permute(1, 2, 0), arrays["output_pool4_0"]) < TOLERANCE


@pytest.mark.parametrize(("backend", "name"), [("checkpoint", "tf"), ("random", "torch")])
def test_outputs_are_those_of_the_reference(tensorflow_run, backend, name):
    """Both backends have the same random weights, so they are one function."""
    arrays, _ = case("vggish", f"case_{name}_weights")
    for output in ("embedding", "preactivation"):
        ours = tensorflow_run.outputs[f"{backend}_{name}_{output}"]
        assert relative_error(ours, arrays[f"output_{output}"]) < TOLERANCE


def test_torch_gives_the_same_features_of_sound(tensorflow_run, network):
    arrays, _ = case("vggish_audio", "case_44k_stereo")
    with torch.inference_mode():
        embedding, preactivation = network(torch.from_numpy(arrays["output_examples"]).to(DEVICE))
    assert relative_error(embedding, tensorflow_run.outputs["checkpoint_sound_embedding"]) < TOLERANCE
    assert relative_error(preactivation, tensorflow_run.outputs["checkpoint_sound_preactivation"]) < TOLERANCE


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
    with pytest.raises(
        UserError, match=r"tensorflow and tf-slim .*pip install tensorflow tf-slim.*conda_env_vggish\.yml"
    ):
        TensorFlowVGGish("vggish_model.ckpt")


def test_messages_of_an_import_are_shown_only_if_it_fails(capfd):
    with tensorflow_backend._standard_error_held_back():
        os.write(2, b"noise")
    assert capfd.readouterr().err == ""
    with pytest.raises(ImportError), tensorflow_backend._standard_error_held_back():
        os.write(2, b"the cause")
        raise ImportError
    assert capfd.readouterr().err == "the cause"
