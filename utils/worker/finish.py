"""What happens to a video whose features are there: sink, manifest line, report to the main process."""

import numpy as np

from utils.extractors.base import AudioStreamInfo, VideoStreamInfo
from utils.extractors.labels import Classes, best_classes, class_lines
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import Output
from utils.sinks.top_classes import TopClasses
from utils.state.manifest import Manifest
from utils.storage.folder import folder_at
from utils.storage.urls import base_name
from utils.worker.events import Job
from utils.worker.messages import Finished, MainPipe, Printed
from utils.worker.pipeline import Outcome
from utils.worker.plan import FeaturePlan, Plan


class Finisher:
    """Writes outcomes of one worker and feature type, and reports each to the main process.

    classes: of the predictions.
    """

    def __init__(self, pipe: MainPipe, plan: Plan, feature: FeaturePlan, classes: Classes, device_name: str) -> None:
        self._pipe = pipe
        self._feature = feature
        self._classes = classes
        self._device_name = device_name
        self._saves = plan.format.saves
        self._title = f"{feature.feature_type}: " if len(plan.features) > 1 else ""
        self._folder = folder = folder_at(feature.output)
        if self._saves:
            folder.prepare(make=False)
        self._sink = plan.format.make_sink(folder, self._show, plan.names)
        self._manifest = Manifest(folder)
        self._top: dict[Job, TopClasses] = {}

    def _show(self, text: str) -> None:
        self._pipe.send(Printed(self._title + text))

    def finish(self, outcome: Outcome) -> None:
        """Write the outputs, then the manifest line, then report.

        Raises:
            RunError: the output folder cannot be written.
        """
        job = outcome.job
        outputs: list[Output] = []
        if outcome.record is not None:
            with job.timed("write"):
                outputs = self._sink.write(outcome.record)
        top, classes = self._top.pop(job, None), ""
        if top is not None and outcome.record is not None:
            classes = top.write(self._folder, job.ref.name)
        line = self._line(outcome, outputs, classes)
        if self._saves:
            self._manifest.append(line)
        self._pipe.send(Finished(line))

    def _line(self, outcome: Outcome, outputs: list[Output], top_classes: str) -> ManifestLine:
        job = outcome.job
        return self._feature.line(
            job.ref,
            outcome.status,
            outcome.reason,
            job.source,
            fps=job.info.fps if isinstance(job.info, VideoStreamInfo) else None,
            rate_hz=job.info.rate_hz if isinstance(job.info, AudioStreamInfo) else None,
            decoded=job.decoded,
            declared=job.declared,
            length_s=None if job.length_s is None else round(job.length_s, 3),
            windows=outcome.n_windows,
            repeated=outcome.n_repeated,
            problems=tuple(job.problems),
            outputs=tuple(outputs),
            top_classes=top_classes,
            seconds={stage: round(seconds, 4) for stage, seconds in dict(job.seconds).items()},
            device=self._device_name,
            revision=job.revision,
        )

    def show_predictions(self, job: Job, row: int, span_s: tuple[float, float], logits: dict[str, np.ndarray]) -> None:
        """Show the five best classes of one window for each stream, and keep them for the video's file."""
        name = base_name(job.ref.member or job.ref.path)
        lines: list[str] = []
        for key, values in logits.items():
            best = best_classes(values, self._classes)
            if self._saves:
                self._top.setdefault(job, TopClasses()).add(row, span_s, key, best)
            lines.append(f"{name} window {row} (ends at {span_s[1]:.3f} s) {key}")
            lines += class_lines(best)
        self._show("\n".join(lines) + "\n")
