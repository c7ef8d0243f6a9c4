"""Texts in the space of a feature type's rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from utils.config.run import RunConfig
from utils.config.schema import build
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.run.like import RecordedNetwork
from utils.run.prepare import RANDOM_WARNING
from utils.run.settings import find_checkpoints


def embed_texts(
    texts: Sequence[str],
    run: RunConfig,
    feature_type: str,
    given: Mapping[str, Any],
    models: Mapping[str, Model],
    device: str,
    warn: Callable[[str], None],
    like: RecordedNetwork | None = None,
) -> np.ndarray:
    """Return the vectors of texts, float32 [n, D].

    run: says where weights are. given: flags of the feature type, over those that `like` recorded. device: "cpu",
    "cuda:0". warn: called where weights are random. like: features to use the same network as.

    Raises:
        UserError: the type has no text tower, its rows are in another space, or weights cannot be downloaded.
    """
    if not texts or not all(text.strip() for text in texts):
        raise UserError("texts must be one or more, none of them empty")
    if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
        raise UserError("texts must be UTF-8: one has bytes that are not; convert it first")
    model = models[feature_type]
    if not model.text:
        joint = ", ".join(name for name, each in models.items() if each.text)
        raise UserError(f"{_place(like)}{feature_type} has no text tower; feature types with one: {joint}")
    config = build(
        model.config_class(), [("record", model.flags_of(like.settings) if like else {}), ("argument", given)]
    )
    if reason := model.no_text(config):
        raise UserError(f"{_place(like)}{reason}")
    checkpoints = (
        find_checkpoints(run, config, model) if like is None else like.checkpoints_of(run, config, model, bool(given))
    )
    if None in checkpoints.values():
        warn(RANDOM_WARNING)
    from utils.worker.text import embed  # here: it imports PyTorch

    return embed(texts, model.text, config, checkpoints, device)


def _place(like: RecordedNetwork | None) -> str:
    return f"{like.place}: " if like else ""
