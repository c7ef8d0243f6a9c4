"""Peak host memory of loading a large model of --feature_type transformers, as a multiple of its file.

    python -m benchmarks.loading [--layers 12] [--file bfloat16] [--precision bf16]

The file is a VideoMAE of width 1024, 25 MB per layer in bfloat16. The memory is what loading adds to a new process that
has imported all that it needs.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from models.transformers.families import FAMILIES
from models.transformers.network import FeatureNetwork
from models.transformers.weights import import_transformers, load_model
from utils.nn.prepare import ComputeMode, prepare_network
from utils.nn.skip_init import SkipInit


def write_model(folder: Path, layers: int, dtype: torch.dtype) -> Path:
    """Write a model; return its file of weights."""
    library = import_transformers()
    config = library.VideoMAEConfig(
        hidden_size=1024, intermediate_size=4096, num_attention_heads=16, num_hidden_layers=layers
    )
    with SkipInit():
        model = library.VideoMAEModel(config).to(dtype)
    for values in model.state_dict().values():
        values.fill_(0.01)
    model.save_pretrained(folder)
    return folder / "model.safetensors"


def added_mib(folder: Path, precision: str) -> float:
    """Return the memory that loading adds to this process, in MiB."""
    import_transformers().VideoMAEModel  # noqa: B018 - imports its code
    before = peak_mib()
    compute = ComputeMode(precision)
    with SkipInit():
        network = FeatureNetwork(load_model(folder, compute.dtype), FAMILIES["videomae"], "mean", ())
    prepare_network(network, torch.device("cpu"), compute)
    for values in network.parameters():
        values.sum()  # else those that are mapped from the file are not in memory yet
    return peak_mib() - before


def peak_mib() -> float:
    """Return the most memory that this program has held, in MiB; ru_maxrss has that before exec, too."""
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument(
        "--file", default="bfloat16", choices=("bfloat16", "float32"), help="type of the file's weights"
    )
    parser.add_argument("--precision", default="bf16", choices=("bf16", "float32"))
    parser.add_argument("--folder", type=Path, help="measure in this process, of the model in this folder")
    options = parser.parse_args(arguments)
    if options.folder:
        print(added_mib(options.folder, options.precision))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = write_model(Path(folder), options.layers, getattr(torch, options.file))
        command = [sys.executable, "-m", "benchmarks.loading", "--folder", folder, "--precision", options.precision]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        added, size = float(done.stdout.split()[-1]), file.stat().st_size / 2**20
    print(f"file of {size:.0f} MiB in {options.file}: {added:.0f} MiB in {options.precision}, {added / size:.2f} of it")


if __name__ == "__main__":
    main()
