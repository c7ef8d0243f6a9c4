"""Run by the fixture tensorflow_run in a separate process: what only TensorFlow can make.

Its argument is a folder with examples.npz. It writes there vggish_model.ckpt with seeded weights, as a Saver of
the published file's age does, and outputs.npz.
"""

import sys
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from support.drawn import keep_drawn
from support.golden import seeded_arrays

from models.vggish import weights
from models.vggish.tensorflow_backend import TensorFlowVGGish, import_tensorflow
from utils.errors import UserError
from utils.weights.formats import tensorflow

CASES = {"checkpoint": ("tf", "sound"), "random": ("torch",)}  # weights → names of the examples to run


def write_v1_checkpoint(path: Path) -> None:
    tf, _ = import_tensorflow()
    with tf.Graph().as_default(), tf.Session() as session:
        for name, array in seeded_arrays("vggish", "keys_tf.json", "tf").items():
            value = tf.placeholder(tf.float32, array.shape)
            variable = tf.Variable(value, name=name)
            session.run(variable.initializer, {value: array})
        tf.train.Saver(write_version=1).save(session, str(path), write_meta_graph=False)


def arrays_read_with_tensorflow(path: Path) -> bool:
    """Whether the way round compressed blocks gives the arrays that our own reader gives."""
    plain = weights.from_tensorflow(tensorflow.read(path))
    compressed = tensorflow.CompressedBlockError("compressed")
    with mock.patch.object(tensorflow, "read", side_effect=compressed):
        state = weights._read_state(path)
    return state.keys() == plain.keys() and all(torch.equal(state[name], plain[name]) for name in plain)


def refusal(call, *arguments) -> str:
    try:
        call(*arguments)
    except UserError as error:
        return str(error)
    return "no error"


def main(folder: Path) -> None:
    torch.set_num_threads(2)
    path = folder / "vggish_model.ckpt"
    write_v1_checkpoint(path)
    outputs = {}
    with np.load(folder / "examples.npz") as examples:
        networks = {
            "checkpoint": weights.load_tensorflow_vggish(path),
            "random": weights.random_tensorflow_vggish(),
        }
        for name, network in networks.items():
            for case in CASES[name]:
                embedding, preactivation = network(torch.from_numpy(examples[case]))
                outputs[f"{name}_{case}_embedding"] = embedding.numpy()
                outputs[f"{name}_{case}_preactivation"] = preactivation.numpy()
            outputs[f"{name}_empty"] = network(np.empty((0, 96, 64), np.float32))[0].numpy()
            network.close()
    outputs["read_with_tensorflow"] = arrays_read_with_tensorflow(path)
    (folder / "text.ckpt").write_text("hello")
    outputs["refused_text"] = refusal(TensorFlowVGGish, folder / "text.ckpt")
    outputs["refused_arrays"] = refusal(TensorFlowVGGish, {"vggish/conv1/weights": np.zeros((3, 3))})
    np.savez(folder / "outputs.npz", **outputs)


if __name__ == "__main__":
    keep_drawn()
    main(Path(sys.argv[1]))
