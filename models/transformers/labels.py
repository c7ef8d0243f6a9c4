"""Labels of --show_pred for models of transformers."""

from torch import Tensor

from models.transformers.config import TransformersConfig
from models.transformers.pretrained import family, no_text
from models.transformers.text import load_text
from utils.errors import UserError
from utils.extractors.base import Extractor, InfoT
from utils.extractors.text import ZeroShot


def use_labels(extractor: Extractor[TransformersConfig, InfoT]) -> Tensor | None:
    """Set an extractor's `zero_shot` if --show_pred asks for it; return `FeatureNetwork`'s texts.

    Raises:
        UserError: there is no text tower for the features.
    """
    config = extractor.config
    if not isinstance(config.show_pred, str):
        return None
    if reason := no_text(config):
        raise UserError(f"--show_pred {config.show_pred}: {reason}")
    tower, kind = load_text(config, extractor.checkpoints, extractor.device), family(config)[1].text
    extractor.zero_shot = ZeroShot(config.show_pred, tower)
    return tower.pooled(extractor.zero_shot.names) if kind is not None and kind.by_clip else None


def outputs_by_key(extractor: Extractor[TransformersConfig, InfoT], outputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Return what `FeatureNetwork` gives by key, with the logits of the labels if there are any."""
    rows = dict(zip(extractor.keys, outputs, strict=False))
    if extractor.zero_shot is None:
        return rows
    key = extractor.keys[0]
    logits = outputs[1] if len(outputs) > len(rows) else extractor.zero_shot.logits(rows[key])
    return {**rows, f"logits/{key}": logits}
