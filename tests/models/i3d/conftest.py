"""Checkpoints with seeded weights in the published layouts, written once for all tests of I3D."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.golden import seeded_arrays, write_checkpoint

STREAMS = ("rgb", "flow")

# TensorFlow runs in a separate process: slow to import and particular about what else is loaded.
WRITE_TENSORFLOW = """
import sys
import numpy as np
import tensorflow as tf
for arrays, prefix in zip(sys.argv[1::2], sys.argv[2::2]):
    with np.load(arrays) as file:
        names = sorted(file.files)
        tensors = [tf.constant(file[name]) for name in names]
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)
"""


@pytest.fixture(scope="session")
def i3d_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stream -> its PyTorch file."""
    folder = tmp_path_factory.mktemp("i3d")
    return {stream: write_checkpoint(folder / f"i3d_{stream}.pt", f"i3d_{stream}") for stream in STREAMS}


@pytest.fixture(scope="session")
def i3d_prefixes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stream -> the prefix of its TensorFlow checkpoint."""
    folder = tmp_path_factory.mktemp("i3d_tensorflow")
    prefixes = {stream: folder / stream / "model.ckpt" for stream in STREAMS}
    arguments = []
    for stream, prefix in prefixes.items():
        prefix.parent.mkdir()
        np.savez(folder / f"{stream}.npz", **seeded_arrays(f"i3d_{stream}", "keys_tf.json", "tf"))
        arguments += [folder / f"{stream}.npz", prefix]
    subprocess.run([sys.executable, "-c", WRITE_TENSORFLOW, *arguments], check=True, capture_output=True)
    return prefixes
