"""What an error while decoding means for its video."""

import logging

from utils.errors import FeatmillError, SkippedError
from utils.media.reader import LOCAL_REMEDY
from utils.nn.out_of_memory import is_out_of_memory
from utils.sinks.manifest_line import Status
from utils.storage.files import cause_of, may_pass

log = logging.getLogger(__name__)


def outcome_of(error: Exception, label: str) -> tuple[Status, str]:
    """Return the status of the video and the reason; unexpected errors are logged."""
    if isinstance(error, FeatmillError):
        reason = str(error) if label in str(error) else f"{label}: {error}"  # a model does not know the video's name
        return ("skipped" if isinstance(error, SkippedError) else "failed"), reason
    if is_out_of_memory(error):
        return "failed", f"{label}: no memory to decode it; --decode_threads 1 and fewer --num_workers take less"
    if isinstance(error, OSError) and may_pass(error):
        return "failed", f"{label}: cannot be read ({cause_of(error)}). {LOCAL_REMEDY}"
    log.exception("%s: unexpected error while decoding", label)
    return "failed", f"{label}: unexpected {type(error).__name__}: {error} (please report this)"
