"""Checkpoints with seeded weights in the published layouts, written once for all tests of I3D."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.golden import seeded_arrays, write_checkpoint
from support.shared import made_once

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


@pytest.fixture(scope="package")
def i3d_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stream -> its PyTorch file."""
    folder = tmp_path_factory.mktemp("i3d")
    return {stream: write_checkpoint(folder / f"i3d_{stream}.pt", f"i3d_{stream}") for stream in STREAMS}


@pytest.fixture(scope="package")
def i3d_prefixes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stream -> the prefix of its TensorFlow checkpoint."""

    def write(folder: Path) -> None:
        arguments = []
        for stream in STREAMS:
            (folder / stream).mkdir()
            tensors: dict[str, Any] = seeded_arrays(f"i3d_{stream}", "keys_tf.json", "tf")
            np.savez(folder / f"{stream}.npz", **tensors)
            arguments += [folder / f"{stream}.npz", folder / stream / "model.ckpt"]
        subprocess.run([sys.executable, "-c", WRITE_TENSORFLOW, *arguments], check=True, capture_output=True)

    folder = made_once(tmp_path_factory, "i3d_tensorflow", write)
    return {stream: folder / stream / "model.ckpt" for stream in STREAMS}
