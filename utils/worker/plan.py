"""What every worker of a run is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.media.limits import Limits
from utils.sinks.acav import AcavNames
from utils.sinks.formats import FORMATS, Format
from utils.sinks.manifest_line import ManifestLine, RunStamp, Status
from utils.sources.fingerprint import Fingerprint
from utils.sources.name_template import NameTemplate
from utils.sources.ref import VideoRef
from utils.state.resume import Settings


@dataclass(frozen=True)
class FeaturePlan:
    """One feature type of a run.

    extractor: dotted path of the extractor class, "package.module:Class".
    checkpoints: file per name in the model's needs(), None for random weights.
    settings: all that decides what the features are.
    output: folder of the outputs and the manifest: a local path, or an address.
    stamp: what each manifest line repeats.
    acav: what result files of shards call its features.
    wants_audio: whether it takes the sound of a video, not its frames.
    """

    feature_type: str
    extractor: str
    config: Config
    checkpoints: dict[str, Path | None]
    settings: Settings
    output: str
    stamp: RunStamp
    acav: AcavNames
    frames_folder: Path | None = None
    wants_audio: bool = False

    def line(self, ref: VideoRef, status: Status, reason: str, source: Fingerprint, **found: Any) -> ManifestLine:
        """Return the manifest line of a video. found: further fields of the line."""
        return ManifestLine(
            id=ref.id,
            status=status,
            name=ref.name,
            position=ref.position,
            reason=reason,
            source=source,
            shard=ref.shard,
            meta=ref.meta,
            stamp=self.stamp,
            **found,
        )


@dataclass(frozen=True)
class Plan:
    """What every worker of a run is told. devices: one per worker; threads are per worker."""

    run: RunConfig
    features: tuple[FeaturePlan, ...]
    devices: tuple[str, ...]
    n_threads: int
    decode_threads: int

    @property
    def format(self) -> Format:
        """The format of the outputs."""
        return FORMATS[self.run.on_extraction]

    @property
    def names(self) -> NameTemplate | None:
        """What files of videos are called, None for the format's own choice."""
        return None if self.run.name_template is None else NameTemplate.of(self.run.name_template)

    @property
    def limits(self) -> Limits:
        """What of each file is decoded."""
        run = self.run
        return Limits(
            run.max_pixels,
            run.max_seconds,
            run.max_bytes,
            video_track=run.video_track or "",
            audio_track=run.audio_track or "",
            frames_fps=run.frames_fps,
            skip_silent=run.no_audio == "skip",
        )


@dataclass(frozen=True)
class Task:
    """One video to extract, and the feature types that it lacks.

    revisions: of the manifest lines to write, by feature type; 0 where nothing is written.
    """

    ref: VideoRef
    feature_types: tuple[str, ...]
    revisions: Mapping[str, int] = field(default_factory=dict[str, int])
