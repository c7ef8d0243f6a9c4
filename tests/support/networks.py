"""Golden cases of whole networks: checkpoint layout, input, output, and how exact each number format is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.i3d.weights import Stream, load_i3d
from models.i3d_r50.weights import load_i3d_r50
from models.pwc.weights import load_pwc
from models.raft.weights import load_raft
from models.slowfast.preprocess import network_input
from models.slowfast.weights import load_slowfast
from models.slowonly.weights import load_slowonly
from models.swin.weights import load_swin
from models.tsn.weights import load_tsn
from models.vggish.weights import load_vggish
from support.golden import GOLDEN, case, golden_clips, moving_frames, write_checkpoint


@dataclass(frozen=True)
class Golden:
    """A golden case: checkpoint layout, loader, case, input, output, and the relative error that bf16 may have."""

    model: str
    load: Callable[[Path], nn.Module]
    name: str
    inputs: Callable[[dict[str, Any]], tuple[Tensor, ...]]
    output: str
    bf16_tolerance: float
    float32_parts: tuple[str, ...] = ("classifier",)
    keys: str = "keys.json"
    wrapper: str | None = "state_dict"


def drawn(meta: dict[str, Any]) -> tuple[Tensor, ...]:
    rng = np.random.default_rng(meta["input"]["seed"])
    return (torch.from_numpy(rng.normal(0.0, meta["input"]["scale"], meta["input"]["shape"]).astype(np.float32)),)


def frames(meta: dict[str, Any]) -> Tensor:
    rule = meta["input"]
    return torch.from_numpy(moving_frames(rule["seed"], rule.get("n", 32), rule["height"], rule["width"]))


def clips(meta: dict[str, Any]) -> tuple[Tensor, ...]:
    return (golden_clips(meta["input"]),)


def pairs(meta: dict[str, Any]) -> tuple[Tensor, ...]:
    pixels = frames(meta).permute(0, 3, 1, 2).float()
    return pixels[:-1], pixels[1:]


def with_index_tables(path: Path) -> Path:
    """Put the real index tables of Swin into a checkpoint, which has zeros there."""
    with np.load(GOLDEN / "swin_tiny" / "relative_position_index.npz") as file:
        index = torch.from_numpy(file["output_index"].astype(np.int64))
    tensors = torch.load(path, weights_only=True)["state_dict"]
    tensors = {name: index if name.endswith("_index") else tensor for name, tensor in tensors.items()}
    torch.save({"state_dict": tensors}, path)
    return path


def i3d(stream: Stream) -> Golden:
    load = lambda path: load_i3d(path, stream, 1e-5, "video_features")  # noqa: E731 - short, used at once
    parts = ("conv3d_0c_1x1",)
    return Golden(f"i3d_{stream}", load, "case_t10", drawn, "output_features", 0.01, parts, wrapper=None)


CASES = {
    "i3d_rgb": i3d("rgb"),
    "i3d_flow": i3d("flow"),
    "slowonly": Golden("slowonly_r50", load_slowonly, "case_2x4x64x64", clips, "output_feature", 0.01),
    "i3d_r50": Golden("i3d_r50_nl", load_i3d_r50, "case_2x32x64x64", clips, "output_feature", 0.01),
    "slowfast": Golden(
        "slowfast_r50",
        load_slowfast,
        "case_224",
        lambda meta: (network_input(frames(meta)[None]),),
        "output_features",
        0.01,
        keys="keys_pytorchvideo.json",
        wrapper="model_state",
    ),
    "tsn": Golden("tsn_r50", load_tsn, "case_5x64x96", clips, "output_clip", 0.01, ("classifier", "backbone.avgpool")),
    "swin": Golden(
        "swin_tiny",
        lambda path: load_swin(with_index_tables(path)),
        "case_2x32x64x64",
        clips,
        "output_feature",
        0.02,
        ("classifier", "backbone.avgpool"),
    ),
    "vggish": Golden(
        "vggish",
        load_vggish,
        "case_torch_weights",
        lambda meta: (torch.from_numpy(case("vggish", "case_torch_weights")[0]["input"]),),
        "output_embedding",
        0.015,
        (),
        "keys_torch.json",
        None,
    ),
    "raft": Golden("raft", load_raft, "case_flow_133x203", pairs, "output_flow_padded", 0.05, (), wrapper=None),
    "pwc": Golden("pwc", load_pwc, "case_flow_100x140", pairs, "output_flow_align_true", 0.05, (), wrapper=None),
}
FLOW = ("raft", "pwc")  # they cast themselves


def write(golden: Golden, path: Path) -> Path:
    """Write the checkpoint of a case, with seeded weights; return its path."""
    return write_checkpoint(path, golden.model, golden.keys, golden.wrapper)


def features_of(outputs: Any) -> Tensor:
    """Return the features of a network's outputs: they come before logits, and SlowFast's last layer is the one."""
    while not isinstance(outputs, Tensor):
        outputs = outputs[-1] if isinstance(outputs, list) else outputs[0]
    return outputs
