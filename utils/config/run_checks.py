"""Checks of run settings that are more than a bound."""

import re

from utils.errors import UserError


def check_track(name: str, track: str | None) -> None:
    """Raise UserError unless --video_track or --audio_track is a number, or looks like a language."""
    if track is not None and re.fullmatch(r"\d{1,3}|[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", track) is None:
        raise UserError(f"--{name} is {track}; it must be a number from 0, or a language such as eng, en or en-US")
