"""Windows of saved features that are like a text, an example or each other."""

import math
import os
from typing import Any

import numpy as np

from featmill.inputs import as_array
from featmill.settings import device_flags, warn
from models import MODELS
from utils.config.run import RunConfig
from utils.config.schema import build
from utils.errors import UserError
from utils.explore.search.ask import Duplicates, Search, text_type
from utils.explore.search.windows import Hit


def search(
    output: str,
    feature_type: str | None,
    query: Any,
    like: str | None,
    *,
    top: int = 10,
    min_score: float = -math.inf,
    **options: Any,
) -> list[Hit]:
    """See `Outputs.search`."""
    if (query is None) == (like is None):
        raise UserError("search() takes a text, a vector or a picture, or like=")
    if isinstance(query, os.PathLike):
        query, like = None, os.fspath(query)
    if isinstance(query, str):
        looking = _looking(output, text_type(output, feature_type, MODELS), **options)
        return looking.text(query, top, min_score)
    looking = _looking(output, feature_type, **options)
    if like is not None:
        return looking.example(like, top, min_score)
    array = as_array(query.convert("RGB") if hasattr(query, "convert") else query)  # Pillow converts
    if array.dtype.kind not in "fiu":
        raise UserError(f"search() takes a text, a vector or a picture, not {type(query).__name__}")
    if array.ndim == 3:
        if array.dtype != np.uint8 or array.shape[2] != 3 or not array.size:
            raise UserError(f"a picture is uint8 [H, W, 3]; this is {array.dtype} {list(array.shape)}")
        return looking.picture(array, top, min_score)
    return looking.vector(array, top, min_score)


def outliers(
    output: str, feature_type: str | None, *, top: int = 10, min_score: float | None = None, **options: Any
) -> list[Hit]:
    """See `Outputs.outliers`."""
    return _looking(output, feature_type, **options).outliers(top, min_score)


def duplicates(
    output: str, feature_type: str | None, *, top: int = 10, min_score: float | None = None, **options: Any
) -> list[Duplicates]:
    """See `Outputs.duplicates`."""
    return _looking(output, feature_type, **options).duplicates(top, min_score)


def _looking(
    output: str, feature_type: str | None, *, feature: str | None = None, device: Any = "auto", exact: bool = False
) -> Search:
    run = build(RunConfig, [("device", device_flags(str(device)))])
    return Search(output, MODELS, feature_type, feature, run, exact, warn)
