"""Convert a TensorFlow checkpoint of google-deepmind/kinetics-i3d to a PyTorch file for --feature_type i3d.

For example: python -m models.i3d.convert data/checkpoints/rgb_imagenet/model.ckpt i3d_rgb_imagenet.pt
"""

import argparse
import sys
from pathlib import Path

from utils.errors import FeatmillError, UserError
from utils.storage.files import whole_file


def convert(prefix: Path, out: Path) -> None:
    """Read the TensorFlow checkpoint at `prefix`, check its 287 tensors against I3D, and write them to `out`.

    Raises:
        UserError: there is no such checkpoint, it is not of I3D, or `out` exists.
        RunError: `out` cannot be written.
    """
    import torch  # here, since --help does not need it

    from models.i3d.network import I3D
    from models.i3d.weights import from_tensorflow
    from utils.weights.checkpoint import load_strict
    from utils.weights.formats import tensorflow

    if out.exists():
        raise UserError(f"{out}: already exists and is not overwritten; name another file or remove it")
    tensors = from_tensorflow(tensorflow.read(prefix))
    first, last = "conv3d_1a_7x7.conv3d.weight", "conv3d_0c_1x1.conv3d.weight"
    if first not in tensors or last not in tensors:
        raise UserError(f"{prefix}: not a checkpoint of I3D (the variables of its first or last layer are missing)")
    network = I3D(tensors[first].shape[1], tensors[last].shape[0])
    load_strict(network, tensors, prefix)
    published_order = {name: tensors[name] for name in network.state_dict() if name in tensors}
    with whole_file(out) as file:
        torch.save(published_order, file)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    purpose, example = (__doc__ or "\n\n").split("\n\n")  # none if Python was told to drop docstrings
    parser = argparse.ArgumentParser("python -m models.i3d.convert", description=purpose, epilog=example)
    parser.add_argument("prefix", type=Path, metavar="CKPT_PREFIX", help="e.g. rgb_imagenet/model.ckpt")
    parser.add_argument("out", type=Path, metavar="OUT.pt", help="file to write; must not exist")
    options = parser.parse_args(arguments)
    try:
        convert(options.prefix, options.out)
    except FeatmillError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{options.out}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
