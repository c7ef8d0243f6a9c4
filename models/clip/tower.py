"""Image towers: open_clip's networks and tables, without its text towers."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from torch import Tensor, nn

from utils.config.schema import did_you_mean
from utils.errors import UserError
from utils.nn.attention import use_linear_attention
from utils.nn.lean_import import without_compiler
from utils.transforms.image_input import ImageInput
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random

PREFIX = "visual."  # of the image tower's tensors in every checkpoint
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


def load_tower(path: str | Path, model_name: str, tag: str | None) -> nn.Module:
    """Return the image tower of a checkpoint in evaluation mode, float32, on the CPU.

    path: OpenAI's TorchScript archive, or a state dict of OpenAI's names, which open_clip shares.

    Raises:
        UserError: the file is missing, unreadable, or of another network.
    """
    tensors = {name: value for name, value in read_tensors(path).items() if name.startswith(PREFIX)}
    if not tensors:
        raise UserError(f"{path}: not a checkpoint of CLIP: it has no tensor of an image tower ({PREFIX}...)")
    tower = build_tower(model_name, tag)
    load_strict(nn.ModuleDict({"visual": tower}), tensors, path)
    return tower.eval()


def random_tower(model_name: str, tag: str | None) -> nn.Module:
    """Return the tower in evaluation mode with seeded random weights, the same everywhere."""
    tower = build_tower(model_name, tag)
    fill_random(nn.ModuleDict({"visual": tower}))
    return tower.eval()


def build_tower(model_name: str, tag: str | None) -> nn.Module:
    """Return open_clip's image tower with the activation that the weights were trained with.

    The text towers are not built: they take as long, and some need further packages and files.

    Raises:
        UserError: open_clip is not installed, or has no such network or tag.
    """
    config = model_settings(model_name)
    quick_gelu = needs_quick_gelu(model_name, tag, config)
    return import_open_clip().model._build_vision_tower(config["embed_dim"], config["vision_cfg"], quick_gelu)


def model_settings(model_name: str) -> dict[str, Any]:
    """Return open_clip's configuration of a network.

    Raises:
        UserError: open_clip is not installed, or has no such network.
    """
    open_clip = import_open_clip()
    config = open_clip.get_model_config(model_name)
    if config is None:
        guess = did_you_mean(model_name, open_clip.list_models())
        raise UserError(f"--model_name {model_name}: no model of open_clip {open_clip.__version__}{guess}")
    return config


def needs_quick_gelu(model_name: str, tag: str | None, settings: dict[str, Any]) -> bool:
    """Return whether the weights of a tag were trained with QuickGELU. settings: the network's.

    Some tags are listed for the plain name, too, whose GELU they were not trained with.
    """
    return bool(settings.get("quick_gelu") or (tag and weights_entry(model_name, tag).get("quick_gelu")))


class Projected(nn.Module):
    """A vision transformer of open_clip, and the projection of its pooled features as a linear layer.

    In the tower it is a matrix product, by MKL on a CPU: last digits of a row would depend on the batch that it is in.
    So are linear layers within CoCa's pool.
    """

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        weight = cast(Tensor, tower.proj).detach().T.contiguous()
        self.projection = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.projection.weight = nn.Parameter(weight)
        tower.register_parameter("proj", None)
        if isinstance(pool := getattr(tower, "attn_pool", None), nn.Module):
            use_linear_attention(pool)
        self.tower = tower

    def forward(self, images: Tensor) -> Tensor:
        """[n, 3, h, w] -> [n, D]."""
        outputs = self.tower(images)
        return self.projection(outputs[0] if isinstance(outputs, tuple) else outputs)  # CoCa's also returns its tokens


def with_linear_projection(tower: nn.Module) -> nn.Module:
    """Return a `Projected` of a vision transformer of open_clip; other towers as they are."""
    return tower if getattr(tower, "proj", None) is None else Projected(tower)


def image_input(tower: nn.Module, model_name: str, tag: str | None) -> ImageInput:
    """Return the evaluation transform that belongs to the weights.

    tag: None for the user's own file, whose transform is assumed to be that of all published weights of the network.

    Raises:
        UserError: there is no tag, and the published weights have different transforms.
    """
    found = _preprocessing(model_name, tag)
    side = cast(int | tuple[int, int], tower.image_size)  # as open_clip sets it
    size = (side, side) if isinstance(side, int) else (side[0], side[1])
    return ImageInput(
        size=size,
        resize=size,
        fit=found.get("resize_mode", "shortest"),
        filter=found.get("interpolation", "bicubic"),
        mean=found.get("mean", OPENAI_MEAN),
        std=found.get("std", OPENAI_STD),
    )


def weights_entry(model_name: str, tag: str | None) -> dict[str, Any]:
    """Return open_clip's table entry for weights: where they are, and how frames are prepared.

    Raises:
        UserError: open_clip is not installed, or has no such network or tag.
    """
    open_clip = import_open_clip()
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    if not tags:
        guess = did_you_mean(model_name, [name for name, _ in open_clip.list_pretrained()])
        raise UserError(f"--model_name {model_name}: open_clip has no weights for it{guess}")
    entry = open_clip.get_pretrained_cfg(model_name, tag) if tag else None
    if not entry:
        given = f"--pretrained {tag} is not one of its tags" if tag else "--pretrained must be one of its tags"
        raise UserError(f"--model_name {model_name}: {given}: {', '.join(tags)}")
    return entry


def _preprocessing(model_name: str, tag: str | None) -> dict[str, Any]:
    """Return the preprocessing of a tag; without one, the preprocessing that all tags of a network share."""
    if tag:
        return weights_entry(model_name, tag)
    open_clip = import_open_clip()
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    entries = [open_clip.get_pretrained_cfg(model_name, each) for each in tags]
    for name in ("resize_mode", "interpolation", "mean", "std"):
        if any(entry.get(name) != entries[0].get(name) for entry in entries):
            raise UserError(
                f"--model_name {model_name}: its published weights need different preprocessing; name those that yours "
                f"are like with --pretrained: {', '.join(tags)}"
            )
    return entries[0] if entries else {}


def import_open_clip() -> ModuleType:
    """Return open_clip.

    Raises:
        UserError: it is not installed.
    """
    try:
        with without_compiler():
            return importlib.import_module("open_clip")
    except ImportError as error:
        raise UserError(f"clip needs the packages open_clip_torch and timm ({error}); install them") from error
