"""Loading timm's networks, and the transform that belongs to their weights. timm's own code renames the tensors."""

import importlib
import math
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from torch import Tensor, nn

from utils.config.schema import did_you_mean
from utils.errors import UserError
from utils.nn.lean_import import without_compiler
from utils.transforms.image_input import Fit, ImageInput
from utils.weights.checkpoint import read_tensors
from utils.weights.seeded import fill_random


def load_timm(path: str | Path, model_name: str) -> nn.Module:
    """Return the network with its classifier, in evaluation mode, on the CPU.

    path: a file in timm's layout of this model or in one that timm converts, with any number of classes or none.

    Raises:
        UserError: the file is missing, unreadable, or of another network; timm is not installed or has no such model.
    """
    timm = import_timm()
    tensors = read_tensors(path)
    n_classes = _count_classes(tensors, pretrained_config(model_name).classifier)
    # With the file's number of classes timm loads strictly and drops nothing. But it converts names first, and its
    # conversions raise any of these errors for the state dict of another network.
    overlay = {"state_dict": tensors, "num_classes": n_classes, "label_offset": 0, "custom_load": False}
    try:
        network = timm.create_model(model_name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=n_classes)
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a checkpoint of {model_name} ({_shortened(error)})") from error
    network.pretrained_cfg.pop("state_dict", None)  # else it stays in memory
    return network.eval()


def random_timm(model_name: str) -> nn.Module:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    pretrained_config(model_name)
    network = import_timm().create_model(model_name, pretrained=False)
    fill_random(network)
    return network.eval()


def take_classifier(network: nn.Module) -> nn.Module | None:
    """Return the classifier, from features to logits, after removing it: the network then returns its pooled features.

    None if there is no classifier, or more than one.
    """
    model = cast(Any, network)  # timm's models have no common type with these methods
    classifier = model.get_classifier()
    model.reset_classifier(0)
    is_one = isinstance(classifier, nn.Module) and not isinstance(classifier, nn.Identity)
    return classifier.eval() if is_one else None


def pretrained_config(model_name: str) -> Any:
    """Return timm's table entry for a model: where its weights are, and how frames are prepared for them.

    Raises:
        UserError: timm is not installed, or has no such model or tag.
    """
    timm = import_timm()
    try:
        found = timm.models.get_pretrained_cfg(model_name)
    except RuntimeError as error:
        tags = sorted(timm.models.get_arch_pretrained_cfgs(model_name))
        raise UserError(f"--model_name {model_name}: timm has no such tag; choose from {', '.join(tags)}") from error
    if found is None:
        guess = did_you_mean(model_name, [*timm.list_models(), *timm.list_pretrained()])
        raise UserError(f"--model_name {model_name}: no model of timm {timm.__version__}{guess}")
    return found


def image_input(network: nn.Module) -> ImageInput:
    """Return timm's evaluation transform for a network, which depends on its weights."""
    config = import_timm().data.resolve_model_data_config(network)
    size, share = config["input_size"][1:], config["crop_pct"]
    mean = tuple(config["mean"])
    fits: dict[str, Fit] = {"squash": "squash", "border": "longest"}
    return ImageInput(
        size=tuple(size),
        resize=tuple(math.floor(side / share) for side in size),
        fit=fits.get(config["crop_mode"], "shortest"),
        filter=config["interpolation"],
        mean=mean,
        std=tuple(config["std"]),
        fill=tuple(round(255 * value) for value in mean) if config["crop_mode"] == "border" else (0, 0, 0),
    )


def import_timm() -> ModuleType:
    """Return timm.

    Raises:
        UserError: it is not installed.
    """
    try:
        with without_compiler():
            return importlib.import_module("timm")
    except ImportError as error:
        raise UserError(f"the models of timm need the package timm ({error}); install it") from error


def _count_classes(tensors: dict[str, Tensor], classifier: str | tuple[str, ...] | None) -> int:
    """Return the number of classes of a state dict's classifier; 0 if it has none."""
    first = classifier if classifier is None or isinstance(classifier, str) else classifier[0]
    for name in (f"{first}.weight", f"{first}.bias"):
        if name in tensors and tensors[name].ndim:
            return tensors[name].shape[0]
    return 0


def _shortened(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:400] or type(error).__name__
