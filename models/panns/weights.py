"""Loading CNN14 from published files."""

from pathlib import Path

from torch import Tensor

from models.panns.config import FRONT_ENDS
from models.panns.network import N_CLASSES, WIDTHS, Cnn14
from utils.errors import UserError
from utils.weights.checkpoint import load_strict, n_classes, read_tensors
from utils.weights.rename import rename
from utils.weights.seeded import fill_random

NAMES = (  # published → ours
    *(
        (rf"conv_block{block}\.{layer}\.", f"blocks.{block - 1}.{place}.")
        for block in range(1, len(WIDTHS))
        for place, layer in ((0, "conv1"), (1, "bn1"), (3, "conv2"), (4, "bn2"))
    ),
    (r"fc_audioset\.", "classifier."),
)
MEL_MATRIX = "logmel_extractor.melW"  # [frequencies, 64]
FRONT_END = ("spectrogram_extractor.", MEL_MATRIX)  # constants, which models.panns.preprocess computes


def load_panns(path: str | Path, model_name: str) -> Cnn14:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file cannot be read, its tensors are not those of CNN14, or it is for sound of another rate.
    """
    tensors = read_tensors(path)
    _check_rate(tensors, model_name, path)
    tensors = rename({name: value for name, value in tensors.items() if not name.startswith(FRONT_END)}, NAMES)
    network = Cnn14(n_classes(tensors, "classifier.bias", N_CLASSES))
    load_strict(network, tensors, path)
    return network.eval()


def random_panns() -> Cnn14:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = Cnn14()
    fill_random(network)
    return network.eval()


def _check_rate(tensors: dict[str, Tensor], model_name: str, path: str | Path) -> None:
    """Raise UserError if the file's own front end is not that of the model: nothing else in it tells the rate."""
    matrix = tensors.get(MEL_MATRIX)
    if matrix is not None and len(matrix) != FRONT_ENDS[model_name].n_bins:
        fitting = [name for name, front_end in FRONT_ENDS.items() if front_end.n_bins == len(matrix)]
        advice = f"use --model_name {fitting[0]}" if fitting else "there is no such network here"
        raise UserError(f"{path}: its spectrum has {len(matrix)} frequencies, unlike that of {model_name}; {advice}")
