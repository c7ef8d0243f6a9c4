"""One line of a manifest: what became of one video and feature type."""

import dataclasses
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self, get_args

from utils.sinks.output import ArrayInfo, Output, features_in
from utils.sources.fingerprint import Fingerprint

Status = Literal["done", "partial", "skipped", "failed", "cleared"]
STATUSES: tuple[Status, ...] = ("done", "partial", "skipped", "failed")  # of videos, from best to worst
WITH_OUTPUTS: tuple[Status, ...] = ("done", "partial")
FINISHED: tuple[Status, ...] = (*WITH_OUTPUTS, "skipped")  # a later run does not try these again
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%z"


IF_ANY = ("warning", "recipe")  # parts of a stamp that most lines lack


@dataclass(frozen=True)
class RunStamp:
    """What all lines that a run writes for a feature type repeat.

    settings_hash: of the settings and weights that decide what the features are. weights: SHA-256 of each checkpoint,
    or "random". on_extraction: the format. run: names the run's own file, run-<run>.json. version: of the program.
    warning: of features that mean nothing, as those of random weights; else empty.
    recipe: that the run followed, and what is unlike it; empty without one.
    """

    feature_type: str = ""
    settings_hash: str = ""
    weights: Mapping[str, str] = field(default_factory=dict)
    on_extraction: str = ""
    run: str = ""
    version: str = ""
    warning: str = ""
    recipe: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what each manifest line holds."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value or key not in IF_ANY}


STAMP_KEYS = tuple(spec.name for spec in dataclasses.fields(RunStamp))


@dataclass(frozen=True, kw_only=True)
class ManifestLine:
    """What became of one video and feature type.

    id, name, position, shard, meta: as in VideoRef. status: "cleared" of a folder, tar or data set that could not be
    read, and since can be. reason: why it is not done, or has problems.
    fps, rate_hz: of the frames or samples that were extracted. decoded: how many of them; declared: how many frames the
    header promises. length_s: of what was extracted, None where nothing says. windows: rows; repeated: frames shown
    again to fill windows. seconds: spent, by stage. top_classes: the file of what --show_pred printed; empty without
    one.
    finished: local time with its offset from UTC. revision: counts the lines of one video, since clocks may be wrong.
    other: keys of other versions, kept.
    """

    id: str
    status: Status
    name: str = ""
    position: int = 0
    reason: str = ""
    source: Fingerprint = field(default_factory=Fingerprint)
    shard: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    fps: float | None = None
    rate_hz: int | None = None
    decoded: int = 0
    declared: int | None = None
    length_s: float | None = None
    windows: int = 0
    repeated: int = 0
    problems: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    top_classes: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    device: str = ""
    stamp: RunStamp = field(default_factory=RunStamp)
    finished: str = field(default_factory=lambda: time.strftime(TIME_FORMAT))
    revision: int = 0
    other: Mapping[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def finished_s(self) -> float | None:
        """`finished` in seconds since 1970, whatever its time zone; None if it is not a time."""
        try:
            time_ = datetime.fromisoformat(self.finished)  # ten times as fast as strptime
        except (TypeError, ValueError):
            return None
        return None if time_.tzinfo is None else time_.timestamp()

    @property
    def features(self) -> dict[str, ArrayInfo]:
        """The model's outputs in all files, by key; times, and numbers such as clip_length, left out."""
        arrays = {key: info for output in self.outputs for key, info in output.arrays.items()}
        return {key: arrays[key] for key in features_in(arrays) if arrays[key].shape}

    @property
    def order(self) -> tuple[int, str]:
        """What lines are sorted by in a file of many videos, so that its bytes tell nothing of who finished first."""
        return self.position, self.id

    def is_later_than(self, line: "ManifestLine") -> bool:
        """Return whether this line of a video was written after another one of it.

        The revision decides. Lines share one if an earlier version wrote them, or two runs took each other for dead.
        """
        if self.revision != line.revision:
            return self.revision > line.revision
        return (self.finished_s or 0.0) > (line.finished_s or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return the line as it is written; `id` comes first, so that an index need not parse whole lines."""
        return {
            "id": self.id,
            "status": self.status,
            "reason": self.reason,
            "name": self.name,
            "position": self.position,
            "source": self.source.to_json(),
            **({"shard": self.shard} if self.shard else {}),
            **({"meta": dict(self.meta)} if self.meta else {}),
            **({"top_classes": self.top_classes} if self.top_classes else {}),
            **{name: getattr(self, name) for name in PLAIN_KEYS},
            "problems": list(self.problems),
            "outputs": [output.to_json() for output in self.outputs],
            "seconds": dict(self.seconds),
            "device": self.device,
            **self.stamp.to_json(),
            "finished": self.finished,
            "revision": self.revision,
            **self.other,
        }

    @classmethod
    def from_json(cls, content: Any) -> Self | None:
        """Return the line that was read; None for anything else, such as one that a crash has cut short."""
        try:
            others = content.keys() - KEYS
            known = {name: content[name] for name in READ_AS_THEY_ARE if name in content}
            line = cls(
                **known,
                source=Fingerprint.from_json(content.get("source") or {}),
                problems=tuple(content.get("problems", ())),
                outputs=tuple(map(Output.from_json, content.get("outputs", ()))),
                stamp=RunStamp(**{key: content[key] for key in STAMP_KEYS if key in content}),
                other={key: value for key, value in content.items() if key in others} if others else {},
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return line if line.status in get_args(Status) and _has_types(line) else None


def _has_types(line: ManifestLine) -> bool:
    """Return whether what programs count and show has the types that it is written with."""
    texts = (
        line.id,
        line.name,
        line.reason,
        line.device,
        line.top_classes,
        line.source.path,
        line.source.folder,
        line.source.member,
    )
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(line.meta, Mapping)
        and isinstance(line.seconds, Mapping)
        and all(isinstance(number, int) for number in (line.revision, line.windows, line.position))
        and line.windows >= 0
        and isinstance(line.length_s, int | float | None)
    )


PLAIN_KEYS = ("fps", "rate_hz", "decoded", "declared", "length_s", "windows", "repeated")
READ_AS_THEY_ARE = (
    "id",
    "status",
    "reason",
    "name",
    "position",
    "shard",
    "meta",
    "top_classes",
    *PLAIN_KEYS,
    "seconds",
    "device",
    "finished",
    "revision",
)
KEYS = {*READ_AS_THEY_ARE, "source", "problems", "outputs", *STAMP_KEYS}
