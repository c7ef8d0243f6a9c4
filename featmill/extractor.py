"""Extraction in the calling process."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Never, Self

import numpy as np

from featmill.inputs import described, reference, stated
from featmill.settings import plan_of
from featmill.video import Predictions, Video
from utils.errors import UserError, VideoError
from utils.extractors.base import AudioStreamInfo, VideoStreamInfo
from utils.extractors.labels import best_classes
from utils.worker.events import Job
from utils.worker.pipeline import Outcome
from utils.worker.plan import Task
from utils.worker.session import Session

ONE_VIDEO = str | os.PathLike | bytes | bytearray | memoryview | Mapping


def extract(video: Any, feature_type: str, *, device: str = "auto", **arguments: Any) -> Video:
    """Return the features of one video. For several, an `Extractor` loads the networks once.

    arguments: those of `Extractor` and of its call: fps, rate_hz, start_s, end_s, and any flag of the feature type.

    Raises:
        VideoError: the video has no features. UserError: an argument is wrong.
    """
    of_video = {name: arguments.pop(name) for name in ("fps", "rate_hz", "start_s", "end_s") if name in arguments}
    with Extractor(feature_type, device=device, **arguments) as extractor:
        return extractor(video, **of_video)


class Extractor:
    """The networks of one feature type, loaded onto one device; a context manager.

    Everything happens in this process; networks run in the thread that asks for features. Nothing of PyTorch's global
    state, signals, environment or working directory is changed. Threads end when the block does.

    feature_type: such as "i3d"; `featmill.models()` lists them.
    device: "auto" (the first GPU, else the CPU), "cpu", "cuda", "cuda:1" or "mps".
    flags: the flags of `featmill --feature_type TYPE --help`, without dashes, with the same defaults; those about
        lists of videos, output folders and processes excepted.

    Raises:
        UserError: an argument is wrong, or a checkpoint is missing and cannot be downloaded.
    """

    def __init__(self, feature_type: str, *, device: Any = "auto", **flags: Any) -> None:
        self._plan = plan_of(feature_type, str(device), flags)
        self.feature_type = feature_type
        self._session: Session | None = Session(self._plan)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> Never:
        raise UserError("an Extractor stays in its process: make one in each, or use MapBatches, which can be pickled")

    def close(self) -> None:
        """Free the networks, and end the threads. What a `map` in another thread computes is finished first."""
        session, self._session = self._session, None  # first: a `map` that ends for this looks at it
        if session is not None:
            session.close()

    def __call__(
        self,
        video: Any,
        *,
        fps: float | None = None,
        rate_hz: int | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> Video:
        """Return the features of one video.

        video: a path or an address; the bytes of a file; uint8 frames [n, H, W, 3] with `fps`, or float samples [n] or
            [n, channels] with `rate_hz`, as an array or a tensor; or a mapping as `map` takes it.
        start_s, end_s: a segment, in seconds of the video's own time.

        Raises:
            VideoError: the video cannot be used.
        """
        (result,) = self.map([_with(video, fps=fps, rate_hz=rate_hz, start_s=start_s, end_s=end_s)])
        if result.status == "failed":
            raise VideoError("; ".join(result.notes))
        return result

    def map(self, videos: Iterable[Any], *, ordered: bool = True) -> Iterator[Video]:
        """Yield the features of each video, with status "failed" and the reason in `notes` where there are none.

        The next videos are decoded while earlier ones are computed, and batches are filled across videos. Memory does
        not grow with the number of videos: `videos` is read a few ahead.

        videos: paths, addresses, bytes, or mappings with one of "path", "bytes", "frames" (with "fps") and "samples"
            (with "rate_hz"), and optionally "start_s", "end_s" and "name".
        ordered: in the order of `videos`; else as they end.

        Raises:
            UserError: the extractor is closed, or closes before the last video, or an item is not a video.
        """
        if self._session is None:
            raise UserError("this extractor is closed")
        if hasattr(videos, "read"):  # its lines would be taken for videos
            raise UserError("map takes paths, not an open file: of a list in it, give (line.strip() for line in file)")
        if hasattr(videos, "columns"):  # so would their names be
            raise UserError("map takes a column, not a table: give table['path'], or use MapBatches for all rows")
        if isinstance(videos, ONE_VIDEO) or not hasattr(videos, "__iter__"):
            raise UserError("map takes several videos, such as a list of paths; for one, call the extractor with it")
        return self._map(self._session, videos, ordered)

    def _map(self, session: Session, videos: Iterable[Any], ordered: bool) -> Iterator[Video]:
        predictions: dict[str, dict[str, dict[int, list[tuple[str, float]]]]] = defaultdict(lambda: defaultdict(dict))

        def predicted(job: Job, row: int, _span_s: tuple[float, float], logits: dict[str, np.ndarray]) -> None:
            for key, values in logits.items():
                best = best_classes(values, session.classes)
                predictions[job.ref.id][key][row] = [(name, probability) for name, probability, _ in best]

        tasks = (Task(reference(i, video), (self.feature_type,)) for i, video in enumerate(videos))
        with contextlib.closing(session.extract(tasks, ordered, predicted)) as outcomes:  # also where this is dropped
            for outcome in outcomes:
                by_row = predictions.pop(outcome.job.ref.id, {})
                yield _video(outcome, {key: [rows[i] for i in sorted(rows)] for key, rows in by_row.items()})
        if self._session is None:
            raise UserError("this extractor was closed while videos were extracted")


def _with(video: Any, **about: Any) -> dict[str, Any]:
    """Return a video with what the caller says about it."""
    if not isinstance(video, ONE_VIDEO) and not hasattr(video, "read"):  # files are refused as videos
        video = {"samples" if about["rate_hz"] is not None else "frames": video}
    return described(video) | stated(about)


def _video(outcome: Outcome, predictions: Predictions) -> Video:
    job, record = outcome.job, outcome.record
    about: dict[str, Any] = {}
    if record is not None:
        about = {
            "arrays": {key: record.arrays[key] for key in record.features},
            "start_s": record.start_s,
            "end_s": record.end_s,
            "timestamps_ms": record.arrays.get("timestamps_ms"),
        }
    return Video(
        name=job.ref.name,
        feature_type=job.feature_type,
        status=outcome.status,
        fps=job.info.fps if isinstance(job.info, VideoStreamInfo) else None,
        rate_hz=job.info.rate_hz if isinstance(job.info, AudioStreamInfo) else None,
        notes=tuple(job.problems) if record is not None else (outcome.reason,),
        predictions=predictions,
        **about,
    )
