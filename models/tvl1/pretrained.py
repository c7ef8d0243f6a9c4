"""TV-L1 has no weights, so it needs no files. Imports no torch."""

from models.tvl1.config import TVL1Config
from utils.weights.pretrained import Needed, Published

FILES: tuple[Published, ...] = ()


def needs(config: TVL1Config) -> dict[str, Needed]:
    """Return nothing."""
    return {}
