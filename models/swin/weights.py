"""Loading Video Swin from published files."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from models.swin.network import VideoSwin
from utils.errors import UserError
from utils.nn.lean_torchvision import torchvision
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.rename import rename
from utils.weights.seeded import fill_random

SwinTransformer3d = torchvision.models.video.SwinTransformer3d
N_STAGES = 4
NAMES = (  # mmaction2 and the authors → torchvision; shapes are the same
    (r"backbone\.patch_embed\.", "patch_embed."),
    *(
        row
        for i in range(N_STAGES)
        for row in (
            (rf"backbone\.layers\.{i}\.blocks\.(\d+)\.mlp\.fc1\.", rf"features.{2 * i}.\1.mlp.0."),
            (rf"backbone\.layers\.{i}\.blocks\.(\d+)\.mlp\.fc2\.", rf"features.{2 * i}.\1.mlp.3."),
            (rf"backbone\.layers\.{i}\.blocks\.(\d+)\.", rf"features.{2 * i}.\1."),  # norm1, norm2, attn
            (rf"backbone\.layers\.{i}\.downsample\.", f"features.{2 * i + 1}."),
        )
    ),
    (r"backbone\.norm3\.", "norm."),
    (r"backbone\.norm\.", "norm."),  # the authors' name
    (r"cls_head\.fc_cls\.", "head."),
)


def load_swin(path: str | Path) -> VideoSwin:
    """Return the network in evaluation mode, on the CPU, of the size and with as many classes as the file has.

    path: a file in the layout of mmaction2, of the authors, or of torchvision.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of a Video Swin with windows of 8x7x7.
    """
    tensors = rename(read_tensors(path), NAMES)
    swin = _build(tensors, path)
    load_strict(swin, tensors, path)
    return VideoSwin(swin).eval()


def random_swin() -> VideoSwin:
    """Return the tiny network in evaluation mode with seeded random weights, the same everywhere."""
    swin = _swin(96, [2, 2, 6, 2], [3, 6, 12, 24], 400)
    fill_random(swin)
    return VideoSwin(swin).eval()


def _build(tensors: Mapping[str, Tensor], path: str | Path) -> SwinTransformer3d:
    """Return a network of the width, depths, heads and classes that the tensors have, without their values."""
    table = "features.{}.{}.attn.relative_position_bias_table"  # [positions, heads] of a block
    try:
        width, n_classes = len(tensors["patch_embed.proj.bias"]), len(tensors["head.bias"])
        heads = [tensors[table.format(2 * i, 0)].shape[1] for i in range(N_STAGES)]
    except (KeyError, IndexError, TypeError) as error:
        raise UserError(f"{path}: not a checkpoint of Video Swin ({error} is missing or has another shape)") from error
    depths = [sum(table.format(2 * i, j) in tensors for j in range(len(tensors))) for i in range(N_STAGES)]
    return _swin(width, depths, heads, n_classes)


def _swin(width: int, depths: list[int], heads: list[int], n_classes: int) -> SwinTransformer3d:
    return SwinTransformer3d(
        patch_size=[2, 4, 4],
        embed_dim=width,
        depths=depths,
        num_heads=heads,
        window_size=[8, 7, 7],
        num_classes=n_classes,
    )
