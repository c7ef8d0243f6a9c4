"""Figures of the families of --feature_type transformers, computed without weights.

Each is the library's own configuration, which its documentation gives for the repository named here; where the two
differ, the repository's numbers are given.
"""

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.transformers.families import FAMILIES
from models.transformers.network import FeatureNetwork
from models.transformers.weights import import_transformers

DINO = {"patch_size": 14, "image_size": 518}
FRAME, TWO_SECONDS, PE_CLIP = (3, 224, 224), (32000,), (16, 3, 336, 336)
USUAL: dict[str, tuple[str, tuple[int, ...]]] = {  # family → repository, shape of a row's input
    "videomae": ("MCG-NJU/videomae-base", (16, *FRAME)),
    "timesformer": ("facebook/timesformer-base-finetuned-k600", (8, *FRAME)),
    "vivit": ("google/vivit-b-16x2-kinetics400", (32, *FRAME)),
    "vjepa2": ("facebook/vjepa2-vitl-fpc64-256", (64, 3, 256, 256)),
    "xclip": ("microsoft/xclip-base-patch32", (8, *FRAME)),
    "videoprism_vision_model": ("google/videoprism-base-f16r288", (16, 3, 288, 288)),
    "videoprism": ("google/videoprism-lvt-base-f16r288", (16, 3, 288, 288)),
    "pe_video": ("facebook/pe-av-large", PE_CLIP),
    "pe_audio_video": ("facebook/pe-av-large", PE_CLIP),
    "vit": ("google/vit-base-patch16-224", FRAME),
    "dinov2": ("facebook/dinov2-base", FRAME),
    "dinov2_with_registers": ("facebook/dinov2-with-registers-base", FRAME),
    "clip": ("openai/clip-vit-base-patch32", FRAME),
    "siglip": ("google/siglip-base-patch16-224", FRAME),
    "clap": ("laion/clap-htsat-unfused", (1, 1001, 64)),
    "audio-spectrogram-transformer": ("MIT/ast-finetuned-audioset-10-10-0.4593", (1024, 128)),
    "wav2vec2": ("facebook/wav2vec2-base-960h", TWO_SECONDS),
    "hubert": ("facebook/hubert-base-ls960", TWO_SECONDS),
    "wavlm": ("microsoft/wavlm-base", TWO_SECONDS),
    "data2vec-audio": ("facebook/data2vec-audio-base-960h", TWO_SECONDS),
    "whisper": ("openai/whisper-tiny", (80, 3000)),
    "pe_audio": ("facebook/pe-av-large", (1, 480000)),
}
DIFFERENT: dict[str, dict[str, Any]] = {"dinov2": DINO, "dinov2_with_registers": DINO}


def network(name: str) -> nn.Module:
    """Return the network that gives a family's default features, on the meta device."""
    family = FAMILIES[name]
    model_class = getattr(import_transformers(), family.model)
    with torch.device("meta"):
        model = model_class(model_class.config_class(**DIFFERENT.get(name, {})))
    return FeatureNetwork(model, family, family.pool, ()).eval().requires_grad_(False)


def figures(name: str) -> dict[str, Any]:
    """Return the dimension, parameters and GFLOP of a row, two per multiply-add, of a family's network."""
    made = network(name)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        (row,) = made(torch.zeros(1, *USUAL[name][1], device="meta"))
    return {
        "dimension": row.shape[-1],
        "parameters": sum(
            values.numel() for part, values in made.named_parameters() if ".predictor." not in part
        ),  # V-JEPA 2's does not run
        "gflop": round(counter.get_total_flops() / 1e9, 2),
    }
