"""Texts in the space of features."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from featmill.settings import run_of, warn
from models import MODELS
from utils.errors import UserError
from utils.run.like import recorded
from utils.run.text import embed_texts


def embed_text(
    texts: str | Sequence[str],
    feature_type: str | None = None,
    *,
    like: str | os.PathLike[str] | None = None,
    device: Any = "auto",
    **flags: Any,
) -> np.ndarray:
    """Return the vectors of texts in the space of a feature type's rows, float32 [texts, D].

    They are those of the model's own library: of length 1 only where its rows are. A single text makes one row.

    feature_type: such as "clip". like: an output folder instead; the network that made its features is used.
    device: as for `Extractor`. flags: those of the feature type that choose the network, "weights" and "weights_dir".

    Raises:
        UserError: an argument is wrong, the features are in no space shared with text, or weights cannot be downloaded.
    """
    if like is None and feature_type is None:
        raise UserError("give a feature type, or like= with a folder of features")
    record = None if like is None else recorded(os.fspath(like), feature_type, MODELS)
    name = record.feature_type if record else str(feature_type)
    run, given, resources = run_of(name, str(device), flags)
    listed = [texts] if isinstance(texts, str) else list(texts)
    if not all(isinstance(text, str) for text in listed):
        raise UserError("texts must be one str, or several")
    return embed_texts(listed, run, name, given, MODELS, resources.devices[0], warn, record)
