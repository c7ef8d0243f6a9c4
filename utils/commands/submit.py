"""`main.py submit FLAGS`: an extraction as an array job of Slurm, through submitit."""

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from utils.commands import cli
from utils.commands.estimate import estimated
from utils.commands.estimate import parser as estimate_parser
from utils.commands.estimate_report import Report
from utils.commands.parser import Parser
from utils.config.words import counted
from utils.errors import PROGRAM, Interrupted, RunError, UserError
from utils.extractors.registry import Model
from utils.run.array_task import ArrayTask
from utils.storage.urls import is_url

ROOT = Path(__file__).parents[2]  # of the checkout; in the wheel, the package `featmill`
MOST_TIMEOUTS = 1000  # of a task, each followed by another submission
IN_TIME = 0.8  # of a task's time, for the work that it is estimated to take
EXAMPLES = f"""\
examples:
  {PROGRAM} submit --gpus 1 --slurm_partition gpu --feature_type i3d --video_list list.txt --output_path out
  {PROGRAM} submit --tasks 2 --cluster local --wait --feature_type clip --input_dir videos --output_path out
"""


def submit(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Submit an extraction as an array job whose tasks share the list; return the exit code.

    Raises:
        UserError: an argument is wrong, or submitit is not installed. RunError: the scheduler refuses the job.
    """
    slurm, others = _slurm_flags(arguments)
    options, flags = _parser().parse_known_args(others)
    run, configs = cli.parse(flags, models)
    if options.tasks is not None and options.tasks < 1:
        raise UserError(f"--tasks is {options.tasks}; it must be at least 1")
    if run.shard is not None:
        raise UserError("each task of the array gets its own --shard: drop it")
    if not any(flag.split("=")[0].replace("-", "_") == "__output_path" for flag in flags):
        raise UserError("submit: --output_path is missing: the folder for the features of all tasks")
    if options.jobs_dir is None and is_url(run.output_path):
        raise UserError("--jobs_dir is missing: a folder that all machines see, for the tasks' logs")
    folder = Path(options.jobs_dir or f"{run.output_path}/jobs").absolute()
    executor = _executor(options, slurm, folder)
    try:
        if options.tasks is None:
            options.tasks = _n_tasks(options, estimated(run, configs, models, estimate_parser().parse_args([])))
    except Interrupted as stopped:
        print("stopped: nothing is submitted", file=sys.stderr)
        return stopped.exit_code
    jobs = _submit(executor, options, flags)
    names = ", ".join([job.job_id for job in jobs[:4]] + ["..."] * (len(jobs) > 4))
    print(f"{counted(len(jobs), 'task')} submitted: {names}")
    print(f"logs in {folder}; {PROGRAM} status {run.output_path} shows what is done")
    return _wait(jobs) if options.wait else 0


def _parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} submit",
        usage=f"{PROGRAM} submit [--tasks N] [--slurm_NAME VALUE ...] FLAGS",
        description="Run an extraction as an array job: each task takes a part of the list. FLAGS are the run's. "
        "--slurm_NAME VALUE is passed to sbatch as --NAME=VALUE, such as --slurm_partition.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", type=int, metavar="N",
                        help="tasks of the array (default: by an estimate on this machine)")  # fmt: skip
    parser.add_argument("--tasks_at_once", type=int, metavar="N", help="tasks that run at once (default: all)")
    parser.add_argument("--timeout_min", type=int, default=60, metavar="MINUTES",
                        help="time of a task, after which it is submitted again and resumes (default: 60)")  # fmt: skip
    parser.add_argument("--gpus", type=int, default=0, metavar="N", help="GPUs of a task (default: none)")
    parser.add_argument("--cpus", type=int, default=4, metavar="N", help="CPU cores of a task (default: 4)")
    parser.add_argument("--mem_gb", type=int, metavar="GB", help="memory of a task (default: the cluster's)")
    parser.add_argument("--cluster", choices=("slurm", "local"), default="slurm",
                        help="slurm, or local: processes on this machine, to try it")  # fmt: skip
    parser.add_argument("--jobs_dir", metavar="DIR", help="folder for the tasks' logs (default: jobs in --output_path)")
    parser.add_argument(
        "--wait", action="store_true", help="wait for the tasks; the exit code is then the worst of them"
    )
    return parser


def _n_tasks(options: argparse.Namespace, report: Report | int) -> int:
    """Return how many tasks end in time by an estimate on this machine, and say why.

    Raises:
        UserError: nothing is left to do, or this machine is unlike those of the tasks.
    """
    if isinstance(report, int):
        raise UserError("submit: every video is done already")
    devices, on_gpus = report.plan.devices, report.plan.devices[0].startswith("cuda")
    if bool(options.gpus) != on_gpus:
        here, there = ("GPUs", "none (--gpus)") if on_gpus else ("no GPU", "some (--gpus)")
        raise UserError(f"--tasks is missing: no estimate is possible here, where a run has {here} and tasks {there}")
    share = options.gpus / len(devices) if on_gpus else options.cpus / report.found.usage.cores
    work_s = report.work_s
    alone_h, high_h = (value / min(1.0, share) / 3600 for value in (work_s.value, work_s.high or 2 * work_s.value))
    needed = math.ceil(high_h * 60 / (IN_TIME * options.timeout_min))
    n_tasks = max(1, min(needed, report.listed.n_videos))
    print(
        f"{counted(n_tasks, 'task')} of {counted(options.timeout_min, 'minute')} (--timeout_min): one task "
        f"alone would take {alone_h:.2g} h, {high_h:.2g} h at most, by an estimate; --tasks N gives another number"
    )
    return n_tasks


def _slurm_flags(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the values of --slurm_NAME, by "slurm_NAME", and the other arguments.

    Raises:
        UserError: one has no value.
    """
    slurm: dict[str, str] = {}
    others: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        name, equals, value = argument.partition("=")
        if not name.replace("-", "_").startswith("__slurm_"):
            others.append(argument)
        elif equals or (left and not left[0].startswith("--")):
            slurm[name[2:].replace("-", "_")] = value if equals else left.pop(0)
        else:
            raise UserError(f"{name}: expected one value, which is passed on to sbatch")
    return slurm, others


def _executor(options: argparse.Namespace, slurm: Mapping[str, str], folder: Path) -> Any:
    """Return what submits the tasks.

    Raises:
        UserError: submitit is missing, or does not know an argument.
    """
    try:
        import submitit
    except ImportError as error:
        raise UserError("submit needs submitit: pip install submitit") from error
    parameters: dict[str, Any] = {
        "name": "featmill",
        "timeout_min": options.timeout_min,
        "gpus_per_node": options.gpus,
        "cpus_per_task": options.cpus,
        "mem_gb": options.mem_gb,
    }
    try:
        again = {f"{options.cluster}_max_num_timeout": MOST_TIMEOUTS}
        executor = submitit.AutoExecutor(folder, cluster=options.cluster, **again)
        executor.update_parameters(**{name: value for name, value in parameters.items() if value is not None}, **slurm)
    except (NameError, ValueError, TypeError) as error:
        raise UserError(f"submit: {str(error).splitlines()[0]}") from error
    except RuntimeError as error:  # sbatch is missing
        raise RunError(f"submit: {error}") from error
    return executor


def _submit(executor: Any, options: argparse.Namespace, flags: Sequence[str]) -> list[Any]:
    """Return the submitted jobs, one per task."""
    command = [sys.executable, "-m", "featmill", *flags]
    tasks = [ArrayTask(command, part, options.tasks) for part in range(options.tasks)]
    if not (ROOT / "__init__.py").exists():  # a checkout: its tasks must find it from any folder
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    executor.update_parameters(slurm_array_parallelism=options.tasks_at_once or options.tasks)
    try:
        return executor.submit_array(tasks)
    except RuntimeError as error:  # sbatch refuses
        raise RunError(f"submit: {error}") from error


def _wait(jobs: Sequence[Any]) -> int:
    """Wait for the tasks, say which failed and why, and return the worst exit code."""
    worst = 0
    for job in jobs:
        error = job.exception()
        if error is not None:
            print(f"task {job.job_id} failed: {str(error).strip().splitlines()[-1]}; see {job.paths.stderr}")
        worst = max(worst, RunError.exit_code if error is not None else job.result())
    return worst
