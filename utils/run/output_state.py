"""What is known of the outputs of one feature type."""

from dataclasses import dataclass

from utils.sinks.readback import OutputReader
from utils.state.manifest import Latest
from utils.storage.folder import Folder
from utils.worker.plan import FeaturePlan


@dataclass
class OutputState:
    """What is known of the outputs of one feature type."""

    feature: FeaturePlan
    folder: Folder
    latest: Latest
    outputs: OutputReader
