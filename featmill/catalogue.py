"""The feature types that there are."""

from typing import Any

from models import MODELS
from utils.commands.models import describe


def models() -> list[dict[str, Any]]:
    """Return a row per feature type: its outputs and their dimensions, parameters, GFLOP, licence and checkpoints."""
    return [describe(name, model, None) for name, model in MODELS.items()]
