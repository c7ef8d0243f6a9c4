"""main.py with one more feature type, `simulated`: a device that sleeps for a given time per frame, without weights.

python -m benchmarks.simulated --feature_type simulated --pause_s 0.01 --video_paths a.mp4
"""

import sys
from dataclasses import dataclass

from main import main
from models import MODELS
from utils.config.schema import Config, flag
from utils.extractors.registry import Model

FILES = ()


@dataclass(frozen=True)
class SimulatedConfig(Config):
    """What `--feature_type simulated` lets the user choose."""

    pause_s: float = flag(
        0.0, "seconds that the device is busy with each frame", group="simulated", shapes_output=False
    )
    memory_frames: int = flag(1 << 30, "frames of a batch that fit in the device's memory", group="simulated")


def needs(_config: SimulatedConfig) -> dict[str, object]:
    """Return no checkpoint."""
    return {}


if __name__ == "__main__":
    MODELS["simulated"] = Model(
        config="benchmarks.simulated:SimulatedConfig",
        extractor="benchmarks.simulated_extractor:SimulatedExtractor",
        pretrained="benchmarks.simulated",
        summary="the mean of each frame, by a device that sleeps",
        outputs={"simulated": "[frames, 3]"},
    )
    sys.exit(main(sys.argv[1:]))
