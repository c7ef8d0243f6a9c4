"""Runs with other settings at the same moment: one is refused before any work.

The manifest tells the settings of finished videos; two runs that start together on a new folder find none. So each run
leaves its settings in a small file for as long as it works. A run that finds the settings of another live run
withdraws; of two that find each other, both withdraw and try again after a random wait.
"""

import hashlib
import json
import random
import time
from collections.abc import Iterator

from utils.errors import UserError
from utils.state.claims import FOLDER, Claims
from utils.state.manifest import settings_hash
from utils.state.resume import Settings, differences
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json

TRIES = 20
WAIT_S = 0.5


def claim_settings(root: Folder, claims: Claims, feature_type: str, settings: Settings) -> None:
    """Leave the settings of a feature type for other runs to find; `claims` removes them at the run's end.

    Raises:
        UserError: a live run works with other settings on the same folder, with the difference named.
    """
    stem = f"{FOLDER}/settings-{hashlib.sha256(feature_type.encode()).hexdigest()[:16]}-"
    name = f"{stem}{settings_hash(settings)}"
    content = json.dumps(settings, default=str).encode()
    for _ in range(TRIES):
        _refuse(root, settings, list(_others(root, claims, stem, settings)))
        claims.leave_note(name, content)
        if not list(_others(root, claims, stem, settings)):
            return
        claims.remove_note(name)
        time.sleep(random.uniform(0, WAIT_S))
    raise UserError(f"{root}: another run with other settings keeps starting here; start one of them later")


def _others(root: Folder, claims: Claims, stem: str, settings: Settings) -> Iterator[Settings]:
    """Yield the settings that differ from ours of the live runs on this folder."""
    own = settings_hash(settings)
    for name in list(root.names(stem)):
        if name.removeprefix(stem).startswith(own) or not claims.outlives(name):
            continue
        try:
            with root.open(name) as file:
                other = parse_json(file.read())
        except (FileNotFoundError, ValueError):  # its run may have just ended
            continue
        yield other


def _refuse(root: Folder, settings: Settings, others: list[Settings]) -> None:
    if others:
        ours = json.loads(json.dumps(settings, default=str))
        raise UserError(
            f"{root}: another run is working here with other settings ({'; '.join(differences(others[0], ours))}): "
            "choose another --output_path, or wait until it ends"
        )
