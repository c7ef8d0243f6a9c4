"""Parts of a list, by hand and by the variables of schedulers."""

import pytest

from utils.config.array_job import part_of_list
from utils.errors import UserError

SLURM = {
    "SLURM_ARRAY_TASK_ID": "7",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_STEP": "2",
    "SLURM_ARRAY_TASK_COUNT": "5",  # --array=1-9:2
}
SGE = {"SGE_TASK_ID": "12", "SGE_TASK_FIRST": "4", "SGE_TASK_STEPSIZE": "4", "SGE_TASK_LAST": "16"}
LSF = {"LSB_JOBINDEX": "3", "LSB_JOBINDEX_STEP": "1", "LSB_JOBINDEX_END": "10"}
NO_ARRAYS = {"LSB_JOBINDEX": "0", "SGE_TASK_ID": "undefined"}


@pytest.mark.parametrize(
    ("shard", "variables", "expected"),
    [
        ("2/5", {}, (2, 5)),
        ("auto", SLURM, (3, 5)),
        ("auto", SGE, (2, 4)),
        ("auto", LSF, (2, 10)),
        ("auto/4", {"PBS_ARRAY_INDEX": "0"}, (0, 4)),
        ("auto/4", {"PBS_ARRAYID": "4"}, (0, 4)),
        ("auto/3", SLURM, (1, 3)),
        ("auto", NO_ARRAYS | SLURM, (3, 5)),
    ],
)
def test_parts(shard: str, variables: dict[str, str], expected: tuple[int, int]) -> None:
    assert part_of_list(shard, variables) == expected


@pytest.mark.parametrize(
    ("shard", "variables", "words"),
    [
        ("auto", {}, ["no task of an array job", "Slurm, Grid Engine, LSF, PBS"]),
        ("auto", NO_ARRAYS, ["no task of an array job"]),
        ("auto", {"PBS_ARRAY_INDEX": "3"}, ["PBS does not say", "auto/N"]),
        ("auto", SLURM | {"SLURM_ARRAY_TASK_ID": "40"}, ["task 40", "auto/N"]),
        ("auto/", SLURM, ["--shard is auto/"]),
        ("auto/0", SLURM, ["--shard is auto/0"]),
        ("4/4", {}, ["--shard is 4/4"]),
    ],
)
def test_what_is_no_part_is_refused(shard: str, variables: dict[str, str], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        part_of_list(shard, variables)
    assert all(word in str(caught.value) for word in words), str(caught.value)
