"""Features made again under other assumptions about pixels, to find the one that made another pack."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from utils.config.run import RunConfig
from utils.config.schema import build
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.run.like import RecordedNetwork, plan_like
from utils.run.packs import OwnPack, Saved
from utils.run.prepare import Resources
from utils.run.relation import Compared, best_relation
from utils.sinks.record import Record
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.storage.urls import base_name, is_url

if TYPE_CHECKING:
    from utils.worker.altered import AlteredSession, Frames

ROWS = 4  # that are made again, where rows have times
OFFSETS = (1, 2, 4, 8)  # frames by which a pack may start later
AS_A = "as A was made"
SCALINGS = {  # mean and deviation of each colour, of pixels in 0..255
    "no mean and deviation, pixels in 0..1": ((0.0,) * 3, (255.0,) * 3),
    "no mean and deviation, pixels in 0..255": ((0.0,) * 3, (1.0,) * 3),
    "pixels in -1..1": ((127.5,) * 3, (127.5,) * 3),
    "mean 114.75, deviation 57.375 (0.45, 0.225)": ((114.75,) * 3, (57.375,) * 3),
    "mean and deviation of ImageNet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "mean and deviation of CLIP": ((122.7709, 116.7460, 104.0937), (68.5005, 66.6322, 70.3232)),
}


@dataclass(frozen=True)
class Hypothesis:
    """How near B comes to A's rows made again in one way. left, cosine: of the worst array; None: not comparable."""

    name: str
    left: float | None
    cosine: float | None
    verdict: str


@dataclass(frozen=True)
class Pixels:
    """What was tried on one video, the nearest first. note: what could not be tried, and why."""

    video: str
    tried: Sequence[Hypothesis] = ()
    note: str = ""
    tolerance: float = 1e-3

    @property
    def conclusion(self) -> str:
        """In words."""
        if not self.tried:
            return "nothing could be tried"
        best, as_a = self.tried[0], next(one for one in self.tried if one.name == AS_A)
        if distance(best) <= self.tolerance:
            return f"B was made with: {best.name}"
        if distance(best) < distance(as_a) / 2:
            return f"nearest: {best.name}; something else differs, too"
        return "none of these brings B much nearer: another crop, resize, decoder, layer or network"


def session_like(like: RecordedNetwork, models: Mapping[str, Model], resources: Resources) -> "AlteredSession":
    """Return the network that made saved features, on the CPU. Checkpoints that are gone are downloaded.

    Raises:
        UserError: the features are of sound, frames were decoded by a GPU, or checkpoints are not to be had.
    """
    model = models[like.feature_type]
    config = build(model.config_class(), [("record", model.flags_of(like.settings))])
    if model.media_of(config) == "audio":
        raise UserError(f"{like.place}: --pixels is for features of frames, and these are of sound")
    if getattr(config, "decode", "exact") == "gpu":
        raise UserError(f"{like.place}: made with --decode gpu, and --pixels makes rows again on the CPU")
    from utils.worker.altered import AlteredSession  # here: it imports PyTorch

    return AlteredSession(plan_like(like, RunConfig(device="cpu"), models, resources))


def source_of(pack: OwnPack, name: str, videos: str | None) -> VideoRef | None:
    """Return a video of a pack: where the run had it, or in the folder `videos`; None if it is not there."""
    source = pack.line(name).source
    paths = [source.path] if videos is None else [f"{videos}/{source.path}", f"{videos}/{base_name(source.path)}"]
    path = next((path for path in paths if path and (is_url(path) or Path(path).exists())), None)
    return None if path is None else _reference(path, source)


def _reference(path: str, source: Fingerprint) -> VideoRef:
    start_s, end_s = source.segment or (None, None)
    size = source.bytes if source.member else None
    return VideoRef("compare", "compare", path, start_s, end_s, source.member, source.offset, size)


class PixelSearch:
    """Tries all scalings with all changes of frames on one video, then other first frames with the nearest of them."""

    def __init__(self, session: "AlteredSession", ref: VideoRef, a: Saved, b: Saved, tolerance: float) -> None:
        self._session, self._whole, self._a, self._b, self._tolerance = session, ref, a, b, tolerance
        self._tried: dict[str, Hypothesis] = {}

    def run(self, video: str) -> Pixels:
        """Return what was tried. video: its name.

        Raises:
            VideoError: the video cannot be used.
        """
        ref, left = self._reproducing()
        if not left <= self._tolerance:
            return Pixels(video, (), f"made again, A's own rows are {left:.1e} apart: is it the same file?")
        from utils.worker.altered import Scaling, same

        self._session.measure(ref)
        own, note = self._session.scaling, ""
        if own is None:
            note = "means and deviations are left out: this network has no input of plain pixels"
        known = {name: Scaling(*value) for name, value in SCALINGS.items()}
        scalings = {"": None, **{name: each for name, each in known.items() if own and not own.is_near(each)}}
        changes: dict[str, Frames] = {
            "": same, "BGR for RGB": lambda frames: frames.flip(-1), "mirrored": lambda frames: frames.flip(2)
        }  # fmt: skip
        ways = {", ".join(filter(None, pair)): pair for pair in itertools.product(changes, scalings)}
        for name, (change, scaling) in ways.items():
            self._try(name or AS_A, self._session.rows(ref, changes[change], scalings[scaling]))
        best = min(self._tried.values(), key=distance).name.replace(AS_A, "")
        change, scaling = ways[best]
        for offset, later in self._later(ref):
            record = self._session.rows(later, changes[change], scalings[scaling])
            self._try(f"{best}{', ' if best else ''}from frame {offset} on", record)
        return Pixels(video, sorted(self._tried.values(), key=distance), note, self._tolerance)

    def _reproducing(self) -> tuple[VideoRef, float]:
        """Return a part of the video that gives A's first rows, or all of it, and how far they are from A's."""
        end_s = self._a.end_s
        left = np.inf
        if end_s is not None and len(end_s) > ROWS:
            start_s, fps = self._whole.start_s, self._a.fps or 25.0
            ref = replace(self._whole, start_s=start_s, end_s=float(end_s[ROWS - 1]) + 0.5 / fps)
            left = self._left(best_relation(_saved(self._session.rows(ref)), self._a, self._tolerance))
            if left <= self._tolerance:
                return ref, left
        record = self._session.rows(self._whole)
        return self._whole, self._left(best_relation(_saved(record), self._a, self._tolerance))

    def _later(self, ref: VideoRef) -> Iterator[tuple[int, VideoRef]]:
        """Yield parts of the video that start some frames later, fewer than rows are apart."""
        if self._a.start_s is None or self._a.fps is None:
            return
        for offset in OFFSETS:
            if offset < (self._a.hop_frames or 0):
                later_s = offset / self._a.fps
                start_s = float(self._a.start_s[0]) + later_s - 0.5 / self._a.fps
                yield offset, replace(ref, start_s=start_s, end_s=None if ref.end_s is None else ref.end_s + later_s)

    def _try(self, name: str, record: Record) -> None:
        found = best_relation(_saved(record), self._b, self._tolerance)
        worst = max((relation for *_, relation in found), key=lambda relation: relation.distance)
        self._tried[name] = Hypothesis(name, worst.left, worst.cosine_median, worst.verdict)

    @staticmethod
    def _left(found: Sequence[Compared]) -> float:
        return max(relation.distance for *_, relation in found)


def distance(hypothesis: Hypothesis) -> float:
    """Return how far B is; infinite where it cannot be compared."""
    return np.inf if hypothesis.left is None else hypothesis.left


def _saved(record: Record) -> Saved:
    return Saved.of(record.timed_arrays)
