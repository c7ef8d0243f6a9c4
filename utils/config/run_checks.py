"""Checks of run settings that are more than a bound."""

import re
from typing import TYPE_CHECKING

from utils.errors import UserError

if TYPE_CHECKING:
    from utils.config.run import RunConfig

OF_RAY = {"ray_address": "auto", "min_workers": 1, "gpus_per_worker": 1.0, "cpus_per_worker": None}  # with defaults


def check_track(name: str, track: str | None) -> None:
    """Raise UserError unless --video_track or --audio_track is a number, or looks like a language."""
    if track is not None and re.fullmatch(r"\d{1,3}|[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", track) is None:
        raise UserError(f"--{name} is {track}; it must be a number from 0, or a language such as eng, en or en-US")


def check_engine(run: "RunConfig") -> None:
    """Raise UserError for flags of another engine than the run's."""
    given = [name for name, default in OF_RAY.items() if getattr(run, name) != default]
    if run.engine == "local" and given:
        raise UserError(f"--{given[0]} is about --engine ray; add that flag, or leave this one out")
    if run.engine == "ray" and (run.device_ids or run.device == "mps"):
        raise UserError("--engine ray takes --device auto, cuda or cpu, and no --device_ids: Ray hands out its GPUs")
