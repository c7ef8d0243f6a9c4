"""A worker process: one device, one set of networks, videos taken one by one from the main process."""

import logging
import os
import signal
import threading
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from utils.config import Config, RunConfig
from utils.errors import FramemillError, RunError
from utils.registry import load_object
from utils.sources.ref import VideoRef

log = logging.getLogger(__name__)


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


class Link:
    """This worker's end of its own pipe: asks for videos, reports events. Safe to use from many threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._asking = threading.Lock()

    def send(self, kind: str, *content: Any) -> None:
        """Report an event to the main process."""
        with self._sending:
            self._connection.send((kind, *content))

    def next_ref(self) -> VideoRef | None:
        """Ask for the next video; None when there is no more, or the main process is gone."""
        with self._asking:
            try:
                self.send("next")
                return self._connection.recv()
            except (EOFError, OSError):
                return None


def work(connection: Connection, plan: Plan, device_name: str) -> None:
    """Body of the worker process: extract until the main process has no more videos.

    SIGINT is left to the main process, which ends its workers by SIGTERM.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit_at_once)
    from utils import logs

    logs.set_up(device_name, plan.run.quiet)
    link = Link(connection)
    try:
        _extract(link, plan, device_name)
        link.send("bye")
    except FramemillError as error:
        link.send("fatal", error.exit_code, str(error))
    except BrokenPipeError:
        log.warning("the main process is gone, so this worker stops")
    except Exception:
        link.send("fatal", RunError.exit_code, f"worker on {device_name}: {traceback.format_exc()}")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to clean up: no traceback from here on


def _exit_at_once(_signal: int, _frame: object) -> None:
    raise SystemExit(143)  # as a shell reports SIGTERM; `finally` blocks still remove unfinished files


def _extract(link: Link, plan: Plan, device_name: str) -> None:
    import torch

    from utils.decoders import Decoders
    from utils.finish import Finisher
    from utils.pipeline import Pipeline

    torch.set_num_threads(plan.n_threads)
    torch.backends.cudnn.allow_tf32 = False  # torch's default rounds convolutions to 10 bits, past our tolerance
    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device(device_name)
    extractor = load_object(plan.extractor)(plan.config, plan.checkpoints, device)
    link.send("ready", os.getpid())
    finisher = Finisher(link, plan, extractor, device_name)
    pipeline = Pipeline(
        extractor,
        plan.run.batch_size or extractor.batch_size,
        spill=plan.folder if plan.run.on_extraction != "print" else None,
        finish=finisher.finish,
        windows_done=lambda n: link.send("windows", n),
        predicted=finisher.show_predictions,
    )
    pipeline.run(Decoders(extractor, link.next_ref, plan.decode_threads, plan.frames_folder))


def manifest_line(plan: Plan, ref: VideoRef, status: str, reason: str, **facts: Any) -> dict[str, Any]:
    """Return a manifest line for one video."""
    from utils.manifest import source_facts

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
