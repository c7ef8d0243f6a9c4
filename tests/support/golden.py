"""Golden data: checkpoints in their published layout, recorded cases, and the error that they allow."""

import contextlib
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from support.device import TOLERANCE
from support.media import waveform
from utils.weights import seeded

GOLDEN = Path(__file__).parents[1] / "golden"


def relative_error(ours: Any, reference: Any) -> float:
    """Return ||ours - reference|| / ||reference|| in float64; infinite where the shapes differ."""
    ours, reference = (x.cpu() if isinstance(x, torch.Tensor) else x for x in (ours, reference))
    ours, reference = np.asarray(ours, np.float64), np.asarray(reference, np.float64)
    if ours.shape != reference.shape:
        return float("inf")
    return float(np.linalg.norm(ours - reference) / max(np.linalg.norm(reference), 1e-30))


def case(model: str, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of tests/golden/<model>/<name>.npz and its meta."""
    with np.load(GOLDEN / model / f"{name}.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files if key != "meta"}
        meta = json.loads(str(file["meta"])) if "meta" in file.files else {}
    return arrays, meta


def layout(model: str, keys: str = "keys.json") -> dict[str, Any]:
    """Return a published checkpoint's layout: "tensors" is name -> [shape, dtype], in order."""
    spec = json.loads((GOLDEN / model / keys).read_text())
    if "keys" in spec:  # the same table, named so in some of the files
        spec["tensors"] = spec.pop("keys")
    return spec


def seeded_arrays(model: str, keys: str = "keys.json", layout_name: str = "torch") -> dict[str, np.ndarray]:
    """Return every tensor of a published layout, with seeded values."""
    spec = layout(model, keys)
    alias, scale = spec.get("alias", {}), spec.get("scale", {})
    arrays = {}
    for name, (shape, dtype, *value) in spec["tensors"].items():
        if dtype.startswith("int"):
            arrays[name] = np.full(shape, value[0] if value else 0, dtype)
        else:
            drawn = seeded.draw(alias.get(name, name), tuple(shape), layout_name)
            arrays[name] = np.asarray(drawn * scale.get(name, 1), dtype)
    return arrays


def write_checkpoint(path: Path, model: str, keys: str = "keys.json", wrapper: str | None = None) -> Path:
    """Write a checkpoint with seeded weights in a published layout, as torch.save would; return its path."""
    tensors = {name: torch.from_numpy(array) for name, array in seeded_arrays(model, keys).items()}
    torch.save({wrapper: tensors} if wrapper else tensors, path)
    return path


def moving_frames(seed: int, n: int, height: int, width: int) -> np.ndarray:
    """Return the smooth moving RGB frames that the golden cases name, uint8 [n, height, width, 3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    phase = rng.uniform(0, 2 * np.pi, (3, 4))
    frequency = rng.uniform(0.02, 0.15, (3, 4, 2))
    speed = rng.uniform(-0.4, 0.4, (3, 4))
    frames = np.empty((n, height, width, 3), np.uint8)
    for t in range(n):
        for c in range(3):
            angles = [frequency[c, k, 0] * x + frequency[c, k, 1] * y + phase[c, k] + speed[c, k] * t for k in range(4)]
            frames[t, :, :, c] = np.clip(127.5 + 30.0 * sum(map(np.sin, angles)), 0, 255).round()
    return frames


def golden_clips(rule: dict[str, Any]) -> torch.Tensor:
    """Return the input that a case of mmaction2's 3D networks names, float32 [views, 3, frames, height, width]."""
    mean, std = (np.array(rule[name], np.float32) for name in ("mean", "std"))
    views = [moving_frames(seed, rule["n"], rule["height"], rule["width"]) for seed in rule["seeds"]]
    normalized = (np.stack(views).astype(np.float32) - mean) / std
    return torch.from_numpy(normalized.transpose(0, 4, 1, 2, 3).copy())


def golden_sounds(rule: dict[str, Any]) -> torch.Tensor:
    """Return the waveforms that a case of PANNs names, float32 [rows, samples]."""
    rate, rows = rule["rate"], []
    for row in rule["rows"]:
        if row["kind"] == "waveform":
            rows.append(waveform(row["seed"], row["samples"] / rate, rate))
        elif row["kind"] == "tone":
            rows.append(0.5 * np.sin(2 * np.pi * row["hz"] * np.arange(row["samples"]) / rate))
        else:
            rows.append(np.zeros(row["samples"]))
    sounds = np.stack(rows).astype(np.float32)
    assert zlib.crc32(sounds.tobytes()) == rule["crc32"]
    return torch.from_numpy(sounds)


def check_input(clips: torch.Tensor, expected: Mapping[str, np.ndarray]) -> None:
    """Assert that the input of a case of mmaction2's networks was regenerated as it was."""
    assert abs(clips.double().sum().item() / float(expected["input_sum"]) - 1) < 1e-6
    probe = clips.flatten()[:: max(1, clips.numel() // 64)][:64]
    np.testing.assert_allclose(probe, expected["input_probe"], rtol=1e-6)


@contextlib.contextmanager
def watched(modules: Mapping[str, torch.nn.Module]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield a dict that gets what modules return while the block runs, by name."""
    found: dict[str, torch.Tensor] = {}
    with contextlib.ExitStack() as stack:
        for name, module in modules.items():
            handle = module.register_forward_hook(
                lambda _m, _i, output, name=name: found.update({name: cast(torch.Tensor, output).clone()})
            )
            stack.callback(handle.remove)
        yield found


def check_stages(stages: Mapping[str, torch.Tensor], last: torch.Tensor, expected: Mapping[str, np.ndarray]) -> None:
    """Assert that stages and last feature map, [N, channels, ...] each, are those of a case of mmaction2's networks."""
    for name, output in stages.items():
        mean = output.double().transpose(0, 1).flatten(1).mean(1)
        assert relative_error(mean, expected[f"output_mean_{name}"]) < TOLERANCE
    is_grid = "output_map_grid" in expected
    recorded = expected["output_map_grid" if is_grid else "output_map"]
    assert relative_error(last[..., ::3, ::3] if is_grid else last, recorded) < TOLERANCE
