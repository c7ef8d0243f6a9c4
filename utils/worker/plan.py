"""What every worker of a run is told, and what each manifest line takes from it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.sinks.acav import AcavNames
from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.ref import VideoRef


@dataclass(frozen=True)
class FeaturePlan:
    """One feature type of a run.

    extractor: dotted path of the extractor class, "package.module:Class".
    checkpoints: file per name in the model's needs(), None for random weights.
    output: folder of the outputs and the manifest: a local path, or an address.
    facts: what each manifest line repeats: settings hash, weights, program version.
    described: what result files of shards call its features.
    """

    feature_type: str
    extractor: str
    config: Config
    checkpoints: dict[str, Path | None]
    output: str
    described: AcavNames
    frames_folder: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What every worker of a run is told."""

    run: RunConfig
    features: tuple[FeaturePlan, ...]
    n_threads: int
    decode_threads: int

    @property
    def keeps_files(self) -> bool:
        """Whether anything is written."""
        return self.run.on_extraction != "print"


@dataclass(frozen=True)
class Task:
    """One video to extract, and the feature types that it lacks."""

    ref: VideoRef
    feature_types: tuple[str, ...]


def manifest_line(
    feature: FeaturePlan, ref: VideoRef, status: str, reason: str, source: Fingerprint | None = None, **facts: Any
) -> dict[str, Any]:
    """Return a manifest line for one video and feature type. source: what is known of it, where asking is no use."""
    return {
        "id": ref.id,  # first, so that the index of a long manifest need not parse whole lines
        "status": status,
        "reason": reason,
        "name": ref.name,
        "source": (source or fingerprint(ref)).to_json(),
        **({"shard": ref.shard} if ref.shard else {}),
        **({"meta": dict(ref.meta)} if ref.meta else {}),
        **facts,
        **feature.facts,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
