"""Networks for the part golden beside those of tests/support/networks.py."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from support.golden import golden_sounds, moving_frames
from support.networks import Golden
from torch import Tensor, nn

from benchmarks import networks
from benchmarks.networks import Subject
from models.internvideo2.weights import load_internvideo2
from models.panns.config import FRONT_ENDS
from models.panns.preprocess import log_mel
from models.panns.weights import load_panns
from models.r21d import preprocess as of_r21d
from models.r21d.weights import load_r21d
from models.s3d import preprocess as of_s3d
from models.s3d.weights import load_howto100m, load_s3d
from models.timm.weights import random_timm, take_classifier
from models.videomae.weights import load_videomae
from utils.weights.seeded import fill_random

Meta = dict[str, Any]


def _stacks(to_network: Callable[[Tensor], Tensor], meta: Meta) -> tuple[Tensor, ...]:
    """Return the stacks of frames that a case names, as the network's input."""
    rule = meta["input"]
    frames = to_network(torch.from_numpy(moving_frames(rule["seed"], rule["n"], rule["height"], rule["width"])))
    size, step = rule["stack_size"], rule["step_size"]
    starts = range(0, len(frames) - size + 1, step)
    return (torch.stack([frames[start : start + size].transpose(0, 1) for start in starts]),)


def _normal(mean: float, deviation: float, meta: Meta) -> tuple[Tensor, ...]:
    rng, shape = np.random.default_rng(meta["input"]["seed"]), meta["input"]["shape"]
    return (torch.from_numpy(rng.normal(mean, deviation, shape).astype(np.float32)),)


def _uniform(meta: Meta) -> tuple[Tensor, ...]:
    return (torch.from_numpy(np.random.default_rng(meta["seed"]).random(meta["shape"], np.float32)),)


def _log_mels(meta: Meta) -> tuple[Tensor, ...]:
    return (log_mel(golden_sounds(meta["input"]), FRONT_ENDS["cnn14"]),)


_case = partial(Golden, bf16_tolerance=0.05, wrapper=None)


GOLDEN = {  # with golden data
    "s3d": _case(
        "s3d",
        load_s3d,
        "case_s16",
        partial(_stacks, of_s3d.to_network),
        "output_features",
        float32_parts=("avgpool", "classifier"),
    ),
    "s3d howto100m": _case(
        "s3d_howto100m",
        load_howto100m,
        "case_2x8x64x64",
        _uniform,
        "output_mixed_5c",
        float32_parts=("avgpool", "classifier"),
    ),
    "r21d": _case(
        "r21d",
        partial(load_r21d, model_name="r2plus1d_18_16_kinetics"),
        "case_r2plus1d_18",
        partial(_stacks, of_r21d.to_network),
        "output_features",
        float32_parts=("avgpool", "fc"),
        keys="keys_r2plus1d_18.json",
    ),
    "videomae": _case(
        "videomae_v2",
        partial(load_videomae, model_name="vit_small_patch16_224"),
        "case_small_net",
        partial(_normal, 0.45, 0.25),
        "output_features",
        float32_parts=("fc_norm", "head"),
        keys="keys_vit_small.json",
        wrapper="module",
    ),
    "internvideo2": _case(
        "internvideo2",
        lambda path: load_internvideo2(path, "S14", 8, "exact"),
        "case_S14_8f_erf",
        partial(_normal, 0.0, 1.0),
        "output_mean_patches",
        float32_parts=(),
        keys="keys_S14.json",
        wrapper="module",
    ),
    "panns": _case(
        "panns_cnn14",
        partial(load_panns, model_name="cnn14"),
        "case_32k_1s",
        _log_mels,
        "output_embedding",
        float32_parts=("fc1", "classifier"),
        wrapper="model",
    ),
}


def _timm() -> nn.Module:
    network = random_timm("vit_small_patch16_224")
    take_classifier(network)
    return network


def _dinov2() -> nn.Module:
    from transformers import Dinov2Config, Dinov2Model

    network = Dinov2Model(Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=224))
    fill_random(network)
    return network.eval()


def _tvl1() -> nn.Module:
    from models.tvl1.network import TVL1

    return TVL1()


SUBJECTS = {  # compared with themselves on the CPU, on smooth inputs
    "clip": networks.SUBJECTS["clip"],
    "resnet50": networks.SUBJECTS["resnet50"],
    "timm vit_small": Subject(_timm, (3, 224, 224), ()),
    "transformers dinov2": Subject(_dinov2, (3, 224, 224), ()),
    "tvl1": Subject(_tvl1, (3, 96, 128), (), pair=True),
}
WITHOUT_WEIGHTS = ("tvl1",)  # computes in float32 always, and multiplies rounding
