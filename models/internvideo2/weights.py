"""Loading InternVideo2 from published files."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from models.internvideo2.network import GELUS, N_CLASSES, SPECS, InternVideo2
from utils.nn.vision_transformer import TransformerSpec
from utils.weights.checkpoint import load_strict, n_classes, read_tensors
from utils.weights.rename import WITHOUT_PREFIXES, rename
from utils.weights.seeded import fill_random

NAMES = ((r"clip_projector\.cross_attn\.([qkv])_bias", r"clip_projector.cross_attn.\1.bias"),)
TRAINING = ("clip_decoder.", "final_clip_decoder.", "mae_decoder.", "clip_pos_embed", "mae_pos_embed")
POSITIONS = "pos_embed"


def load_internvideo2(
    path: str | Path,
    size: str,
    n_frames: int,
    gelu: str = "tanh",
    pool: str = "mean",
    dtype: torch.dtype = torch.float32,
) -> InternVideo2:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has, or no classifier.

    n_frames: of a clip; positions of the file's are interpolated where it has others. size, gelu, pool: of the flags.
    dtype: of its weights; the file's are converted as they are read.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of a network of this size.
    """
    spec = replace(SPECS[size], gelu=GELUS[gelu])
    tensors = convert(read_tensors(path, dtype))
    if POSITIONS in tensors:
        tensors[POSITIONS] = interpolate(tensors[POSITIONS], n_frames, spec)
    network = InternVideo2(spec, n_frames, n_classes(tensors, "head.bias", 0), pool)
    load_strict(network, tensors, path, copy=False)
    return network.eval()


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the published tensors of the encoder under the network's names, without those for training."""
    tensors = rename(tensors, WITHOUT_PREFIXES)
    return rename({name: value for name, value in tensors.items() if not name.startswith(TRAINING)}, NAMES)


def interpolate(positions: Tensor, n_frames: int, spec: TransformerSpec) -> Tensor:
    """Return the positions of `n_frames`, [1, 1 + n * 256, width], linear in time; the class token's stays.

    positions: of any number of frames, laid out in the same way; of other shapes they are returned unchanged.
    """
    n_tokens = positions.shape[1] - 1 if positions.ndim == 3 else 0
    if n_tokens == n_frames * spec.tubes_per_slice or not n_tokens or n_tokens % spec.tubes_per_slice:
        return positions
    by_time = positions[0, 1:].float().unflatten(0, (-1, spec.tubes_per_slice)).permute(1, 2, 0)  # [256, width, T]
    resized = F.interpolate(by_time, n_frames, mode="linear", align_corners=False).permute(2, 0, 1).flatten(0, 1)
    return torch.cat([positions[:, :1], resized[None].to(positions.dtype)], 1)


def random_internvideo2(size: str, n_frames: int, gelu: str = "tanh", pool: str = "mean") -> InternVideo2:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = InternVideo2(replace(SPECS[size], gelu=GELUS[gelu]), n_frames, N_CLASSES, pool)
    fill_random(network)
    return network.eval()
