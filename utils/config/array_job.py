"""--shard: which part of the list a run takes, also as an array job of a cluster's scheduler.

Variables: the manuals of Slurm (sbatch), Grid Engine (qsub), LSF (bsub) and PBS (qsub).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from utils.errors import UserError


@dataclass(frozen=True)
class Scheduler:
    """The variables in which a scheduler says which task of an array this is.

    number: of the task. first, step: of the numbers, 1 where there is no variable. count, last: how many there are, or
    the last number; a scheduler without both does not say.
    """

    name: str
    number: str
    first: str = ""
    step: str = ""
    count: str = ""
    last: str = ""


SCHEDULERS = (
    Scheduler(
        "Slurm",
        "SLURM_ARRAY_TASK_ID",
        first="SLURM_ARRAY_TASK_MIN",
        step="SLURM_ARRAY_TASK_STEP",
        count="SLURM_ARRAY_TASK_COUNT",
    ),
    Scheduler("Grid Engine", "SGE_TASK_ID", first="SGE_TASK_FIRST", step="SGE_TASK_STEPSIZE", last="SGE_TASK_LAST"),
    Scheduler("LSF", "LSB_JOBINDEX", step="LSB_JOBINDEX_STEP", last="LSB_JOBINDEX_END"),
    Scheduler("PBS", "PBS_ARRAY_INDEX"),
    Scheduler("PBS", "PBS_ARRAYID"),
)


def part_of_list(shard: str, variables: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Return i and n of "i/n", "auto" or "auto/n": this run takes part i, from 0, of n parts.

    Raises:
        UserError: it is none of them, or "auto" outside an array job.
    """
    part, _, n_parts = shard.partition("/")
    if shard == "auto" or (part == "auto" and n_parts.isdecimal() and int(n_parts)):
        return _part_of_array(shard, int(n_parts or 0), variables)
    if part.isdecimal() and n_parts.isdecimal() and int(part) < int(n_parts):
        return int(part), int(n_parts)
    raise UserError(
        f"--shard is {shard}; it must be i/n with i from 0 to n - 1, such as 0/4, 1/4, 2/4 and 3/4, or auto in an "
        "array job"
    )


def _part_of_array(shard: str, n_wanted: int, variables: Mapping[str, str]) -> tuple[int, int]:
    """Return i and n of an array job's task. n_wanted: 0 for as many parts as the array has tasks."""

    def number(name: str, otherwise: int) -> int:
        return int(variables[name]) if variables.get(name, "").isdecimal() else otherwise

    for scheduler in SCHEDULERS:
        task = number(scheduler.number, -1)
        if task < 0 or (task == 0 and scheduler.name == "LSF"):  # 0: no array job
            continue
        if n_wanted:
            return task % n_wanted, n_wanted  # whether the numbers start at 0 or at 1
        first, step = number(scheduler.first, 1), number(scheduler.step, 1)
        n_parts = number(scheduler.count, (number(scheduler.last, first - step) - first) // step + 1)
        if not n_parts:
            raise UserError(f"--shard auto: {scheduler.name} does not say how many tasks the array has: give auto/N")
        part = (task - first) // step
        if not 0 <= part < n_parts:
            raise UserError(
                f"--shard auto: task {task} is not among {n_parts} numbers without a gap from {first} on; number the "
                f"array's tasks so, or give auto/N with N above the largest number"
            )
        return part, n_parts
    known = ", ".join(dict.fromkeys(scheduler.name for scheduler in SCHEDULERS))
    raise UserError(f"--shard {shard}: this is no task of an array job ({known}); give i/n, such as 0/4")
