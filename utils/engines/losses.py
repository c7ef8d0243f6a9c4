"""What becomes of the videos of a worker that died: who is to blame, and whether they are tried again."""

import collections
from dataclasses import dataclass
from typing import Literal

from utils.engines.base import Gone
from utils.engines.held import Held, Worker
from utils.run.progress import RunProgress
from utils.worker.plan import Plan

LOST_NODES = 10  # with one video: from then on the video counts as the cause, as it may take too much memory


@dataclass(frozen=True)
class Verdict:
    """What to do with a video: hand it out again, retry it alone, or give it up for this reason."""

    then: Literal["again", "alone", "give up"]
    reason: str = ""


class Losses:
    """Counts the workers and nodes that each video was lost with."""

    def __init__(self, plan: Plan, progress: RunProgress) -> None:
        self._run = plan.run
        self._progress = progress
        self._deaths: collections.Counter[str] = collections.Counter()
        self._lost_nodes: collections.Counter[str] = collections.Counter()

    def verdict(self, worker: Worker, held: Held, gone: Gone) -> Verdict:
        """Decide about a video that a worker had when it died, and say so."""
        cause, ref = gone.cause, held.task.ref
        self._lost_nodes[ref.id] += gone.node_lost
        if gone.node_lost and self._lost_nodes[ref.id] <= LOST_NODES:
            self._progress.say_once(f"the worker on {worker.where} {cause}; its videos are tried elsewhere")
            return Verdict("again")
        if worker.hung is not None and worker.hung != ref.id:
            return Verdict("again")
        if not (held.begun or worker.alone):  # it may have been begun since, so alone, without blame
            self._progress.say_once(f"the worker on {worker.where} {cause}; videos it may have begun are tried alone")
            return Verdict("alone")
        if worker.hung is not None:
            timeout_s = self._run.video_timeout
            cause = f"was ended, as the decoder gave nothing for {timeout_s:g} s (--video_timeout),"
        self._deaths[ref.id] += 1
        if self._deaths[ref.id] <= self._run.max_retries:
            self._progress.warn(f"{ref.label}: the worker on {worker.where} {cause}; trying this video alone")
            return Verdict("alone")
        reason = f"{ref.label}: the worker {cause} {self._deaths[ref.id]} times while it held this video"
        return Verdict("give up", reason)
