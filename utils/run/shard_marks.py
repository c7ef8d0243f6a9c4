"""Which tar shards are finished wholly, so that a later run need not even open them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from utils.run.output_state import OutputState
from utils.sinks.rewritten import is_as_left
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json
from utils.storage.urls import base_name

FOLDER = ".featmill/shards"


def mark_finished(root: Folder, shard: str, tar: str, states: Sequence[OutputState]) -> None:
    """Note that every clip of a shard has its features in <shard>.pkl."""
    with root.whole(f"{FOLDER}/{shard}.json") as file:
        file.write(json.dumps(_mark(root, shard, tar, states)).encode())


def is_finished(root: Folder, tar: str, states: Sequence[OutputState], verify: bool) -> bool:
    """Return whether a shard is noted as finished, with the same tar, settings and result file.

    verify: read the result file, rather than trust its size and time of modification.
    """
    shard = PurePath(base_name(tar)).stem
    try:
        with root.open(f"{FOLDER}/{shard}.json") as file:
            return parse_json(file.read()) == _mark(root, shard, tar, states) and is_as_left(
                root, f"{shard}.pkl", verify
            )
    except (FileNotFoundError, ValueError):
        return False


def _mark(root: Folder, shard: str, tar: str, states: Sequence[OutputState]) -> dict[str, Any]:
    return {
        "tar": replace(fingerprint(VideoRef(shard, shard, tar)), folder="").to_json(),  # it may move with the tars
        "bytes": root.size(f"{shard}.pkl"),
        "settings": {state.feature_type: state.feature.stamp.settings_hash for state in states},
    }
