"""The network of an extractor's features, and with --show_pred the labels that they are compared with."""

from typing import cast

import torch
from torch import Tensor, nn

from models.transformers.config import TransformersConfig
from models.transformers.layers import keep_normed_weights
from models.transformers.network import FeatureNetwork, check_layers, chosen_pool
from models.transformers.pretrained import family, model_folder, no_text
from models.transformers.text import text_of
from models.transformers.weights import made_model
from utils.errors import UserError
from utils.extractors.base import Extractor, InfoT
from utils.extractors.text import ZeroShot, embed_all


def load_network(extractor: Extractor[TransformersConfig, InfoT]) -> FeatureNetwork:
    """Return the network of the features that the flags ask for; set `zero_shot` if --show_pred asks for labels.

    Raises:
        UserError: the files are not of the model, or it does not have such features, or no text tower for them.
    """
    config, kind = extractor.config, family(extractor.config)[1]
    if isinstance(config.show_pred, str) and (reason := no_text(config)):
        raise UserError(f"--show_pred {config.show_pred}: {reason}")
    pool = chosen_pool(kind, config.model_name, config.pool, config.layer, config.projected)
    dtype = torch.float32 if config.show_pred else extractor.compute.dtype  # that of texts in every mode
    model = made_model(model_folder(config), extractor.checkpoints["transformers"], dtype)
    keep_normed_weights(model)
    network = FeatureNetwork(model, kind, pool, config.layer, _texts(extractor, model) if config.show_pred else None)
    check_layers(network, config.layer, config.model_name)
    return network


def _texts(extractor: Extractor[TransformersConfig, InfoT], model: nn.Module) -> Tensor | None:
    """Set an extractor's `zero_shot`; return `FeatureNetwork`'s texts, if its family changes them by each clip."""
    config = extractor.config
    tower = text_of(model, model_folder(config), config, extractor.device)
    extractor.zero_shot = ZeroShot(cast(str, config.show_pred), tower)
    kind = family(config)[1].text
    return embed_all(tower.pooled, extractor.zero_shot.names) if kind is not None and kind.by_clip else None


def outputs_by_key(extractor: Extractor[TransformersConfig, InfoT], outputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Return what `FeatureNetwork` gives by key, with the logits of the labels if there are any."""
    rows = dict(zip(extractor.keys, outputs, strict=False))
    if extractor.zero_shot is None:
        return rows
    key = extractor.keys[0]
    logits = outputs[1] if len(outputs) > len(rows) else extractor.zero_shot.logits(rows[key])
    return {**rows, f"logits/{key}": logits}
