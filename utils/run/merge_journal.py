"""The journal of merging: it makes merged files count and their staged files go, as one step.

The journal says which manifest lines change; then the manifest gets these lines; then the staged files go, and the
journal. Killed in between, the next run finishes from the journal. So no video is lost, and none is merged twice.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import Output
from utils.sinks.staging import remove_staged
from utils.state.manifest import Manifest
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json

JOURNAL = ".featmill/merge.jsonl"
DAMAGED = (ValueError, KeyError, TypeError, AttributeError)

log = logging.getLogger(__name__)


def key(line: ManifestLine) -> tuple[str, str]:
    """Return what a line is about: feature type and video."""
    return line.stamp.feature_type, line.id


@dataclass(frozen=True)
class _Entry:
    """One entry of the journal: a new manifest line, and the staged files that it replaces, if any."""

    line: ManifestLine
    staged: tuple[Output, ...]

    def to_json(self) -> bytes:
        content = {"line": self.line.to_json(), "staged": [output.to_json() for output in self.staged]}
        return json.dumps(content).encode() + b"\n"

    @classmethod
    def from_json(cls, raw: bytes) -> "_Entry":
        """Raises one of DAMAGED for anything else."""
        content = parse_json(raw)
        line = ManifestLine.from_json(content["line"])
        if line is None:
            raise ValueError("it has no manifest line")
        return cls(line, tuple(map(Output.from_json, content["staged"])))


def commit(
    place: Folder, folders: Mapping[str, Folder], lines: Sequence[ManifestLine], waiting: Sequence[ManifestLine]
) -> int:
    """Make merged files count: they are in place, the lines about them are not in the manifests yet.

    Return how many staged results that were.
    lines: also those of videos that were merged before and are now elsewhere.
    """
    if not lines:
        return 0
    lines = [replace(line, revision=line.revision + 1) for line in lines]
    staged = {key(line): line.outputs for line in waiting}
    with place.whole(JOURNAL) as file:
        for line in lines:
            file.write(_Entry(line, staged.get(key(line), ())).to_json())
    return recover(place, folders)


def has_journal(place: Folder) -> bool:
    """Return whether a merge is half committed, by a run that was killed or is still committing it."""
    return place.size(JOURNAL) is not None


def recover(place: Folder, folders: Mapping[str, Folder]) -> int:
    """Do what the journal says, if there is one; return how many staged results it is about."""
    if not has_journal(place):
        return 0
    try:
        with place.open(JOURNAL) as file:
            entries = list(map(_Entry.from_json, file))
    except DAMAGED as error:
        log.warning("%s/%s is damaged (%s), so its videos are merged again", place, JOURNAL, error)
        entries = []
    for name, folder in folders.items():
        own = [entry for entry in entries if entry.line.stamp.feature_type == name]
        if own:
            Manifest(folder).append(*(entry.line for entry in own))
            remove_staged(folder, (output for entry in own for output in entry.staged))
    place.remove(JOURNAL)
    return sum(bool(entry.staged) for entry in entries)
