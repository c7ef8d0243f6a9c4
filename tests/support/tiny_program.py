"""main.py with two more feature types, without weights: `tiny`, whose worker dies of black frames, and `loudness`."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from main import main
from models import MODELS
from utils.config.schema import Config, flag
from utils.extractors.registry import Model

FILES = ()


@dataclass(frozen=True)
class TinyConfig(Config):
    """What `--feature_type tiny` lets the user choose."""

    pause_s: float = flag(0.0, "seconds that the network takes for each frame", group="tiny", shapes_output=False)


@dataclass(frozen=True)
class LoudnessConfig(Config):
    """Nothing to choose."""


def needs(_config: TinyConfig) -> dict[str, object]:
    """Return no checkpoint."""
    return {}


def add_types() -> None:
    """Add the two feature types to the table of models."""
    MODELS["tiny"] = Model(
        config="tiny_program:TinyConfig",
        extractor="tiny_extractor:TinyExtractor",
        pretrained="tiny_program",
        summary="the mean of each frame",
        outputs={"tiny": "[frames, 1]"},
    )
    MODELS["loudness"] = Model(
        config="tiny_program:LoudnessConfig",
        extractor="tiny_extractor:LoudnessExtractor",
        pretrained="tiny_program",
        summary="the loudness of each second",
        outputs={"loudness": "[seconds, 1]"},
        media="audio",
    )


def run() -> None:
    """Run the program with the two feature types, and exit."""
    add_types()
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
