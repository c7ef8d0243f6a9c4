"""A worker's pipeline of one extractor, in the process of the test."""

from collections.abc import Callable
from typing import cast

import torch

from utils.extractors.base import AnyExtractor
from utils.worker import pipeline
from utils.worker.decode import Decoders
from utils.worker.pipeline import Outcome, Pipeline


class Arrived:
    """Stands in for copies to a GPU."""

    def __init__(self, _device: torch.device) -> None: ...

    def copy(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.clone()


def outcomes_of(
    feature_type: str, extractor: AnyExtractor, decoders: object, warn: Callable[[str], None]
) -> list[Outcome]:
    """Return how the videos of decoders, or of what stands in for them, end."""
    outcomes: list[Outcome] = []
    ours = Pipeline(
        extractor,
        extractor.batch_size,
        spill=None,
        finish=outcomes.append,
        windows_done=lambda n: None,
        predicted=lambda job, row, span_s, logits: None,
        warn=warn,
    )
    pipeline.run({feature_type: ours}, cast(Decoders, decoders))
    return outcomes
