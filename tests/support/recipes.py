"""Golden rows of recipes: what the original code of a recipe gives of the sample clips, with seeded weights."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

import featmill
from models.i3d.weights import from_tensorflow
from support.golden import case, seeded_arrays, write_checkpoint
from support.program import ROOT
from utils.weights import seeded

CASES = {
    "anet_i3d": ["case_rgb"],
    "anet_tsp": ["case_pan"],
    "audioset_8bit": ["case_sound"],
    "bmt": ["case_rgb_flow"],
    "ego4d_slowfast": ["case_pan"],
    "mstcn": ["case_rgb", "case_flow"],
    "rtfm_i3d": ["case_center", "case_ten_crops"],
    "thumos14_i3d": ["case_rgb"],
    "unav100": ["case_rgb", "case_flow", "case_sound"],
    "videomaev2_tad": ["case_small"],
}
SLOW = {  # compared by benchmarks/recipes.py --golden
    ("anet_i3d", "case_rgb"),
    ("ego4d_slowfast", "case_pan"),
    ("mstcn", "case_rgb"),
    ("rtfm_i3d", "case_ten_crops"),
    ("unav100", "case_flow"),
}


def golden_rows(recipe: str, name: str, weights_dir: Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return our first rows of a case, the recorded ones, and what the case says of itself.

    weights_dir: gets the checkpoints of the case.
    """
    expected, meta = case(recipe, name)
    for file, layout in meta["checkpoints"].items():
        if not (weights_dir / file).exists():
            write_checkpoint(weights_dir / file, *layout)
    for file, arrays in meta.get("arrays", {}).items():
        drawn = {
            key: seeded.draw(key, tuple(shape)).astype(np.float64) * scale for key, (shape, scale) in arrays.items()
        }
        np.savez(weights_dir / file, **drawn)
    paths = {flag: weights_dir / f"{flag}.pt" for flag in meta.get("tensorflow", {})}
    for flag, layout in meta.get("tensorflow", {}).items():
        torch.save(from_tensorflow(seeded_arrays(*layout, layout_name="tf")), paths[flag])
    with warnings.catch_warnings(action="ignore"):
        video = featmill.extract(
            ROOT / "sample" / meta["clip"], meta["feature_type"], device="cpu", recipe=recipe, weights_dir=weights_dir,
            start_s=0, end_s=meta["end_s"], **meta["flags"], **paths,
        )  # fmt: skip
    rows = expected["output_rows"]
    return video[meta["key"]][: len(rows), ..., :: meta["every"]], rows, meta
