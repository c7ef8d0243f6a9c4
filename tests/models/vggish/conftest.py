import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.golden import case

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class TensorFlowRun:
    """What TensorFlow made: a V1 checkpoint in the published layout, outputs by name, and what it printed."""

    checkpoint: Path
    outputs: dict[str, np.ndarray]
    printed: str


@pytest.fixture(scope="session")
def tensorflow_run(tmp_path_factory) -> Iterator[TensorFlowRun]:
    """TensorFlow in a separate process: it takes seconds to import and cannot be unloaded."""
    folder = tmp_path_factory.mktemp("tensorflow")
    examples = {name: case("vggish", f"case_{name}_weights")[0]["input"] for name in ("tf", "torch")}
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
    yield TensorFlowRun(folder / "vggish_model.ckpt", outputs, done.stdout + done.stderr)
    shutil.rmtree(folder)  # the checkpoint has 289 MB
