"""What is known of the outputs of one feature type."""

import os
from dataclasses import dataclass, replace

from utils.sinks.manifest_line import ManifestLine
from utils.sinks.readback import OutputReader
from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.ref import VideoRef
from utils.state.manifest import Latest
from utils.state.resume import refuse_mixing
from utils.storage.files import check_writable
from utils.storage.folder import Folder, folder_at
from utils.storage.urls import is_url, redacted
from utils.worker.plan import FeaturePlan, Plan


@dataclass
class OutputState:
    """The folder of one feature type, the last manifest line of each video in it, and a reader of its files."""

    feature: FeaturePlan
    folder: Folder
    latest: Latest
    reader: OutputReader

    @property
    def feature_type(self) -> str:
        """The feature type."""
        return self.feature.feature_type

    def part(self, ref: VideoRef) -> VideoRef | None:
        """Return what the feature type takes of a video, None where the video is not for it."""
        return ref.part(self.feature.wants_audio)

    def replaced_by(self, ref: VideoRef) -> ManifestLine | None:
        """Return the line of another video that has outputs of the same name; None if there is none.

        Not another video are a file that changed in its place, one that was moved or copied from where none is any
        more, and whatever has the same id in a list.
        """
        line = self.latest.owner(ref.name)
        if line is None or line.source.path == redacted(ref.path) or (ref.has_id and line.id == ref.id):
            return None
        now = fingerprint(ref)
        is_same = now.bytes is not None and replace(now, path=line.source.path) == line.source
        return line if not is_same and _is_there(now) and _is_there(line.source) else None


def _is_there(source: Fingerprint) -> bool:
    """Return whether an input is where it was, or nobody can say."""
    return source.sha256 is not None or is_url(source.path) or os.path.exists(source.path)  # noqa: PTH110 - any text


def look_up(plan: Plan, root: Folder) -> list[OutputState]:
    """Return what is known of each feature type's outputs; an empty list where nothing is written.

    root: the folder of the run's outputs.

    Raises:
        UserError: they were made with other settings. RunError: a folder cannot be written.
    """
    return [_look_up(feature, plan, root) for feature in plan.features] if plan.format.saves else []


def _look_up(feature: FeaturePlan, plan: Plan, root: Folder) -> OutputState:
    folder = folder_at(feature.output)
    if folder.local is not None:
        check_writable(folder.local)
    latest = Latest(folder)
    if not plan.run.overwrite:
        refuse_mixing(folder, latest, feature.settings)
    return OutputState(feature, folder, latest, OutputReader(folder, root, plan.run.verify))
