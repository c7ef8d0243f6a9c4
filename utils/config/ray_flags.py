"""The flags of `RunConfig` about --engine ray."""

from collections.abc import Mapping
from typing import Any

from utils.config.schema import flag
from utils.errors import UserError

RAY_ADDRESS: Any = flag(
    "auto",
    "Ray cluster of --engine ray; auto: the one that runs on this machine, or that RAY_ADDRESS names",
    group="devices",
    shapes_output=False,
    metavar="ADDRESS",
)
MIN_WORKERS: Any = flag(
    1,
    "workers of --engine ray without which the run stops, once it has waited ten minutes for room",
    group="devices",
    at_least=1,
    shapes_output=False,
)
GPUS_PER_WORKER: Any = flag(
    1.0,
    "GPUs of each worker of --engine ray; 0.5: two workers share one",
    group="devices",
    metavar="GPUS",
    above=0,
    at_most=1,
    shapes_output=False,
)
CPUS_PER_WORKER: Any = flag(
    None,
    "CPUs of each worker of --engine ray, and its threads (default: a GPU's part of its node's CPUs, up to 4 "
    "without GPUs)",
    group="devices",
    at_least=1,
    shapes_output=False,
)
FLAGS = {
    "ray_address": RAY_ADDRESS, "min_workers": MIN_WORKERS,
    "gpus_per_worker": GPUS_PER_WORKER, "cpus_per_worker": CPUS_PER_WORKER,
}  # fmt: skip


def check_engine(settings: Mapping[str, Any]) -> None:
    """Raise UserError for flags of another engine than the run's. settings: of the run, by name."""
    given = [name for name, spec in FLAGS.items() if settings[name] != spec.default]
    if settings["engine"] == "local" and given:
        raise UserError(f"--{given[0]} is about --engine ray; add that flag, or leave this one out")
    if settings["engine"] == "ray" and (settings["device_ids"] or settings["device"] == "mps"):
        raise UserError("--engine ray takes --device auto, cuda or cpu, and no --device_ids: Ray hands out its GPUs")
