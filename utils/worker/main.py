"""A worker process: one device, one set of networks, videos taken one by one from the main process."""

import contextlib
import logging
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

import torch
from av.logging import set_level

from utils.errors import FeatmillError, RunError, printable
from utils.extractors.base import AnyExtractor
from utils.extractors.labels import Classes
from utils.extractors.registry import load_extractor
from utils.nn.lean_import import load_meta_kernels
from utils.nn.prepare import ComputeMode, check_available, set_process_flags
from utils.storage.folder import folder_at
from utils.weights.store import cache_folder
from utils.worker import pipeline
from utils.worker.align import Finish, Joiner
from utils.worker.decode import Decoders
from utils.worker.finish import Finisher
from utils.worker.messages import Ended, Fatal, MainPipe, Ready, Start, Warned, WindowsDone
from utils.worker.pipeline import Pipeline
from utils.worker.plan import FeaturePlan, Plan
from utils.worker.row_steps import steps_of, through
from utils.worker.watchdog import Watchdog
from utils.worker.writer import Writer

log = logging.getLogger(__name__)
AGAIN_S = 0.01  # until a signal that was swallowed comes again


def work(connection: Connection) -> None:
    """Wait for a plan and a device, then extract until the main process has no more videos."""
    try:
        start: Start = connection.recv()
    except (EOFError, OSError):  # the main process has nothing to do, or is gone
        return
    _set_up_logs(start.label, start.plan.run.quiet)
    pipe = MainPipe(connection)
    try:
        _extract(pipe, start.plan, start.device, start.label)
        pipe.send(Ended())
        if not start.plan.run.compile:  # the compiler has helpers and semaphores to clean up
            _end()
    except FeatmillError as error:
        pipe.send(Fatal(error.exit_code, str(error)))
    except BrokenPipeError:
        log.warning("the main process is gone, so this worker stops")
    except Exception:
        pipe.send(Fatal(RunError.exit_code, f"worker on {start.label}: {traceback.format_exc()}"))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to clean up: no traceback from here on


def _end() -> None:
    """End the process without unloading PyTorch, which takes 0.4 s: all is written and reported."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):  # nobody may read it
            stream.flush()
    os._exit(0)


def _exit_at_once(_signal: int, _frame: object) -> None:
    raise SystemExit(143)  # as a shell reports SIGTERM; `finally` blocks still remove unfinished files


def _exit_after_callbacks(swallowed: Any) -> None:
    """Have the signal again where it came within a callback of the interpreter, which lets no exception through."""
    if isinstance(swallowed.exc_value, SystemExit):
        threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGTERM)).start()
    else:
        sys.__unraisablehook__(swallowed)


def _extract(pipe: MainPipe, plan: Plan, device_name: str, label: str) -> None:
    device, compute = torch.device(device_name), ComputeMode(plan.run.precision, plan.run.compile)
    check_available(device)
    _set_up_torch(plan, device, compute)
    extractors, classes = _load(plan, device, compute)
    set_level(None)  # a library may have set it: FFmpeg's threads then take the GIL to log, and can deadlock
    sys.unraisablehook = _exit_after_callbacks
    signal.signal(signal.SIGTERM, _exit_at_once)  # until here it ends the process silently: nothing is to be cleaned up
    pipe.send(Ready())
    with Watchdog(pipe.send, plan.run.video_timeout) as watchdog, Writer() as writer:
        features = {feature.feature_type: feature for feature in plan.features}
        finishers = {name: Finisher(pipe, plan, feature, classes[name], label) for name, feature in features.items()}
        finish = {name: _finish(plan, finisher, writer) for name, finisher in finishers.items()}
        if plan.run.align is not None:
            finish = dict.fromkeys(finish, Joiner(plan.run, finish).end)
        pipelines = {
            name: _pipeline(pipe, plan, feature, extractors[name], finishers[name], finish[name])
            for name, feature in features.items()
        }
        decoders = Decoders(
            extractors,
            pipe.next_task,
            plan.decode_threads,
            limits=plan.limits,
            watching=watchdog.watching,
            following=watchdog.following,
            frames_folders={f.feature_type: f.frames_folder for f in plan.features if f.frames_folder is not None},
        )
        pipeline.run(pipelines, decoders, writer.check)


def _set_up_torch(plan: Plan, device: torch.device, compute: ComputeMode) -> None:
    """Set what PyTorch keeps for the whole process. What it compiles is kept for later runs."""
    torch.set_num_threads(plan.n_threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)  # events, graphs and what is asked about "the GPU" mean this one, not the first
    set_process_flags(compute, device)
    if compute.compile or device.type == "cuda":  # Triton's kernels may ask for the compiler, too
        load_meta_kernels()
    if compute.compile:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder().parent / "compiled"))


def _load(plan: Plan, device: torch.device, compute: ComputeMode) -> tuple[dict[str, AnyExtractor], dict[str, Classes]]:
    """Return each feature type's extractor, and the classes of its predictions."""
    extractors = {
        feature.feature_type: load_extractor(feature.extractor)(feature.config, feature.checkpoints, device, compute)
        for feature in plan.features
    }
    return extractors, {name: extractor.classes() for name, extractor in extractors.items()}


def _finish(plan: Plan, finisher: Finisher, writer: Writer) -> Finish:
    """Return what takes the outcomes of a feature type."""
    # What is printed goes out between the predictions for its windows, so in this thread.
    finish = writer.later(finisher.finish, lambda outcome: outcome.n_bytes) if plan.format.saves else finisher.finish
    return through(steps_of(plan.run), finish)


def _pipeline(
    pipe: MainPipe, plan: Plan, feature: FeaturePlan, extractor: AnyExtractor, finisher: Finisher, finish: Finish
) -> Pipeline:
    return Pipeline(
        extractor,
        plan.run.batch_size or extractor.batch_size,
        spill=folder_at(feature.output).local if plan.format.saves else None,
        finish=finish,
        windows_done=lambda n: pipe.send(WindowsDone(n)),
        predicted=finisher.show_predictions,
        warn=lambda text: pipe.send(Warned(f"{feature.feature_type}: {text}")),
    )


def _set_up_logs(label: str, quiet: bool) -> None:
    """Send warnings (and with quiet off, notes) of this process to standard error, marked with `label`."""
    handler = logging.StreamHandler()
    handler.setFormatter(_PrintableFormatter(f"[{label}] %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    above = __name__.removesuffix("utils.worker.main")
    for name in (f"{above}utils", f"{above}models"):
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.INFO)


class _PrintableFormatter(logging.Formatter):
    """Escapes what a name in a message could do to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))
