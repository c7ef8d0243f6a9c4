"""What is known of the outputs of one feature type."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from utils.run.same_video import is_of_another
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.readback import OutputReader
from utils.sources.name_template import PER_VIDEO, OutputNames
from utils.sources.ref import VideoRef
from utils.state.feature_folders import emptiness
from utils.state.manifest import Latest
from utils.state.resume import refuse_mixing
from utils.storage.files import check_writable
from utils.storage.folder import Folder, folder_at
from utils.worker.plan import FeaturePlan, Plan

log = logging.getLogger(__name__)


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
        """Return the line of another video that has outputs of the same name; None if there is none."""
        line = self.latest.owner(ref)
        return line if line is not None and is_of_another(line, ref) else None


def look_up(plan: Plan, root: Folder, same: Callable[[str], str] = str) -> list[OutputState]:
    """Return what is known of each feature type's outputs; an empty list where nothing is written.

    root: the folder of the run's outputs. same: as in `OutputNames`.

    Raises:
        UserError: they were made with other settings. RunError: a folder cannot be written.
    """
    if not plan.format.saves:
        return []
    names = OutputNames(plan.names or PER_VIDEO, same)
    return [_look_up(feature, plan, root, names) for feature in plan.features]


def _look_up(feature: FeaturePlan, plan: Plan, root: Folder, names: OutputNames) -> OutputState:
    folder = folder_at(feature.output)
    if folder.local is not None:
        check_writable(folder.local)
    latest = Latest(folder, names=names)
    if why := emptiness(folder, latest):
        log.warning("%s: all is extracted", why)
    if not plan.run.overwrite:
        refuse_mixing(folder, latest, feature.settings)
    return OutputState(feature, folder, latest, OutputReader(folder, root, plan.run.verify))
