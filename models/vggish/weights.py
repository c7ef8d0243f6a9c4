"""Loading VGGish from published files of either layout, into PyTorch or TensorFlow."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.vggish.network import VGGish
from models.vggish.tensorflow_backend import TensorFlowVGGish, import_tensorflow
from utils.errors import UserError
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.formats import tensorflow
from utils.weights.seeded import fill_random

SCOPES = {  # layer of the torch file → scope of the TensorFlow variables
    "features.0": "vggish/conv1",
    "features.3": "vggish/conv2",
    "features.6": "vggish/conv3/conv3_1",
    "features.8": "vggish/conv3/conv3_2",
    "features.11": "vggish/conv4/conv4_1",
    "features.13": "vggish/conv4/conv4_2",
    "embeddings.0": "vggish/fc1/fc1_1",
    "embeddings.2": "vggish/fc1/fc1_2",
    "embeddings.4": "vggish/fc2",
}
VARIABLES = {  # tensor of the torch file → TensorFlow variable
    f"{layer}.{ours}": f"{scope}/{theirs}"
    for layer, scope in SCOPES.items()
    for ours, theirs in (("weight", "weights"), ("bias", "biases"))
}
TO_TORCH = {4: (3, 2, 0, 1), 2: (1, 0)}  # number of dimensions → their new order
TO_TENSORFLOW = {4: (2, 3, 1, 0), 2: (1, 0)}


def load_vggish(path: str | Path) -> VGGish:
    """Return the network with the weights of a TensorFlow or a torch checkpoint, distinguished by content.

    Raises:
        UserError: the file is missing, unreadable, or of another network.
    """
    network = VGGish().eval()
    load_strict(network, _read_state(path), path)
    return network


def random_vggish() -> VGGish:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = VGGish().eval()
    fill_random(network)
    return network


def load_tensorflow_vggish(path: str | Path, device: str | torch.device = "cpu") -> TensorFlowVGGish:
    """Return the TensorFlow backend with the weights of either checkpoint.

    Raises:
        UserError: as load_vggish, or TensorFlow cannot be used (see TensorFlowVGGish).
    """
    if tensorflow.is_tensorflow_checkpoint(path):
        return TensorFlowVGGish(path, device)
    return TensorFlowVGGish(to_tensorflow(load_vggish(path).state_dict()), device)


def random_tensorflow_vggish(device: str | torch.device = "cpu") -> TensorFlowVGGish:
    """Return the TensorFlow backend with the weights of random_vggish."""
    return TensorFlowVGGish(to_tensorflow(random_vggish().state_dict()), device)


def from_tensorflow(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Return TensorFlow variables under the torch file's names, transposed; unknown ones keep their names.

    Kernels [frames, bands, in, out] become [out, in, frames, bands]; dense weights [in, out], [out, in].
    """
    tensors = {variable: tensor for tensor, variable in VARIABLES.items()}
    return {tensors.get(name, name): _permuted(torch.from_numpy(array), TO_TORCH) for name, array in arrays.items()}


def to_tensorflow(state: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Return a network's state as TensorFlow variables, float32; the inverse of from_tensorflow."""
    return {VARIABLES[name]: _permuted(tensor, TO_TENSORFLOW).numpy(force=True) for name, tensor in state.items()}


def _permuted(tensor: Tensor, orders: dict[int, tuple[int, ...]]) -> Tensor:
    return tensor.permute(orders[tensor.ndim]) if tensor.ndim in orders else tensor


def _read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of either checkpoint under the torch file's names."""
    if not tensorflow.is_tensorflow_checkpoint(path):
        return read_tensors(path)
    try:
        return from_tensorflow(tensorflow.read(path))
    except tensorflow.CompressedBlockError as error:
        return from_tensorflow(_read_with_tensorflow(path, error))


def _read_with_tensorflow(path: str | Path, why: UserError) -> dict[str, np.ndarray]:
    """Return the arrays of a checkpoint that only TensorFlow can read, by name."""
    try:
        tf, _ = import_tensorflow()
    except UserError as error:
        raise UserError(f"{why}; or install TensorFlow (`pip install tensorflow`)") from error
    try:
        reader = tf.train.load_checkpoint(str(path).removesuffix(".index"))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    except (tf.errors.OpError, ValueError) as error:
        raise UserError(f"{path}: not a TensorFlow checkpoint that can be read ({error})") from error
