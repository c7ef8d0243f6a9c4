"""A worker process: one device, one set of networks, videos taken one by one from the main process."""

import logging
import os
import signal
import traceback
from multiprocessing.connection import Connection

from utils import logs
from utils.errors import FramemillError, RunError
from utils.link import Link
from utils.plan import Plan
from utils.registry import load_object

log = logging.getLogger(__name__)


def work(connection: Connection, plan: Plan, device_name: str) -> None:
    """Body of the worker process: extract until the main process has no more videos.

    SIGINT is left to the main process, which ends its workers by SIGTERM.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit_at_once)
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
