"""How weights become a network of timm, and what frames such a network wants. timm's own code maps the names."""

import importlib
import math
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from utils.config.schema import nearest
from utils.errors import UserError
from utils.transforms.image_input import ImageInput
from utils.weights.checkpoint import read_tensors
from utils.weights.seeded import fill_random


def load_timm(path: str | Path, model_name: str) -> nn.Module:
    """Return the network with its classifier, in evaluation mode, on the CPU.

    path: a file in timm's layout of this model or one that timm converts, with any number of classes or none.

    Raises:
        UserError: the file is missing, unreadable, or of another network; timm is missing or has no such model.
    """
    timm = import_timm()
    tensors = read_tensors(path)
    n_classes = _count_classes(tensors, pretrained_config(model_name).classifier)
    # With the file's own number of classes timm loads strictly and drops nothing; but first it converts names, and
    # what its conversions raise when the state dict is of something else is anyone's guess.
    overlay = {"state_dict": tensors, "num_classes": n_classes, "label_offset": 0, "custom_load": False}
    try:
        network = timm.create_model(model_name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=n_classes)
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a checkpoint of {model_name} ({_shortened(error)})") from error
    network.pretrained_cfg.pop("state_dict", None)  # or it would stay in memory
    return network.eval()


def random_timm(model_name: str) -> nn.Module:
    """Return the network with weights that anyone can regenerate and that mean nothing."""
    pretrained_config(model_name)
    network = import_timm().create_model(model_name, pretrained=False)
    fill_random(network)
    return network.eval()


def take_classifier(network: nn.Module) -> nn.Module | None:
    """Remove the classifier, so that the network returns its pooled features, and return it: features to logits.

    None where there is none, or not a single one.
    """
    classifier = network.get_classifier()
    network.reset_classifier(0)
    is_one = isinstance(classifier, nn.Module) and not isinstance(classifier, nn.Identity)
    return classifier.eval() if is_one else None


def pretrained_config(model_name: str) -> Any:
    """Return what timm's table says of a model: where its weights are, and what they were trained on.

    Raises:
        UserError: timm is not installed, or knows neither this model nor this tag.
    """
    timm = import_timm()
    try:
        found = timm.models.get_pretrained_cfg(model_name)
    except RuntimeError as error:
        tags = sorted(timm.models.get_arch_pretrained_cfgs(model_name))
        raise UserError(
            f"--model_name {model_name}: timm has no such weights; choose from {', '.join(tags)}"
        ) from error
    if found is None:
        guess = nearest(model_name, [*timm.list_models(), *timm.list_pretrained()])
        raise UserError(f"--model_name {model_name}: no model of timm {timm.__version__}{guess}")
    return found


def image_input(network: nn.Module) -> ImageInput:
    """Return timm's evaluation transform of a network, from the configuration of its weights."""
    config = import_timm().data.resolve_model_data_config(network)
    size, share = config["input_size"][1:], config["crop_pct"]
    mean = tuple(config["mean"])
    fits = {"squash": "squash", "border": "longest"}
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
        return importlib.import_module("timm")
    except ImportError as error:
        raise UserError(f"the models of timm need the package timm ({error}); install it") from error


def _count_classes(tensors: dict[str, Tensor], classifier: str | tuple[str, ...] | None) -> int:
    """Return the rows of the classifier of a state dict; 0 where it has none."""
    first = classifier if classifier is None or isinstance(classifier, str) else classifier[0]
    for name in (f"{first}.weight", f"{first}.bias"):
        if name in tensors and tensors[name].ndim:
            return tensors[name].shape[0]
    return 0


def _shortened(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:400] or type(error).__name__
