"""What every worker of a run is told, and what each manifest line takes from it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utils.config import Config, RunConfig
from utils.manifest import source_facts
from utils.sources.ref import VideoRef


@dataclass(frozen=True)
class Plan:
    """What every worker of a run is told.

    extractor: dotted path of the extractor class, "package.module:Class".
    checkpoints: file per name in the model's needs(), None for random weights.
    folder: of the outputs and the manifest.
    facts: what each manifest line repeats: settings hash, weights, program version.
    """

    extractor: str
    run: RunConfig
    config: Config
    checkpoints: dict[str, Path | None]
    folder: Path
    frames_folder: Path | None
    n_threads: int
    decode_threads: int
    facts: dict[str, Any] = field(default_factory=dict)


def manifest_line(plan: Plan, ref: VideoRef, status: str, reason: str, **facts: Any) -> dict[str, Any]:
    """Return a manifest line for one video."""
    return {
        "status": status,
        "reason": reason,
        "id": ref.id,
        "name": ref.name,
        "source": source_facts(ref.path),
        **facts,
        **plan.facts,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
