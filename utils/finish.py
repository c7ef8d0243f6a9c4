"""What happens to a video whose features are there: sink, manifest line, word to the main process."""

from pathlib import Path
from typing import Any

import numpy as np

from utils.cut import Cut
from utils.decoders import Job
from utils.extractor import Extractor
from utils.labels import labels, top_classes
from utils.link import Link
from utils.manifest import Manifest
from utils.pipeline import Outcome
from utils.plan import Plan, manifest_line
from utils.sinks import make_sink


class Finisher:
    """Writes outcomes of one worker, and reports each to the main process."""

    def __init__(self, link: Link, plan: Plan, extractor: Extractor, device_name: str) -> None:
        self._link = link
        self._plan = plan
        self._extractor = extractor
        self._device_name = device_name
        self._keeps_files = plan.run.on_extraction != "print"
        self._sink = make_sink(plan.run.on_extraction, plan.folder, lambda text: link.send("text", text))
        self._manifest = Manifest(plan.folder)

    def finish(self, outcome: Outcome) -> None:
        """Write the outputs, then the manifest line, then report.

        Raises:
            RunError: the output folder cannot be written.
        """
        job = outcome.job
        outputs: list[dict[str, Any]] = []
        if outcome.record is not None:
            with job.timed("write"):
                outputs = self._sink.write(outcome.record)
        line = manifest_line(
            self._plan,
            job.ref,
            outcome.status,
            outcome.reason,
            fps=job.info.fps,
            rate_hz=job.info.rate_hz,
            decoded=job.decoded,
            declared=job.declared,
            windows=outcome.n_windows,
            repeated=outcome.n_repeated,
            problems=job.problems,
            outputs=outputs,
            seconds={stage: round(seconds, 4) for stage, seconds in job.seconds.items()},
            device=self._device_name,
        )
        if self._keeps_files:
            self._manifest.append(line)
        self._link.send("finished", line)

    def show_predictions(self, job: Job, cut: Cut, logits: dict[str, np.ndarray]) -> None:
        """Show the five best classes of one window for each stream."""
        names = labels(self._extractor.label_set) if self._extractor.label_set else None
        lines = []
        for key, values in logits.items():
            lines.append(f"{Path(job.ref.path).name} window {cut.row} (ends at {cut.end_s:.3f} s) {key}")
            lines += top_classes(values, names)
        self._link.send("text", "\n".join(lines) + "\n")
