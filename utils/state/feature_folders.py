"""The folders of feature types below an output folder."""

import logging
from pathlib import PurePosixPath

from utils.config.words import counted
from utils.errors import UserError
from utils.state.manifest import FILE_NAME, Latest
from utils.storage.folder import Folder, folder_at, subfolders
from utils.storage.urls import redacted

TO_READ = {
    ".pkl": "pickle.load",
    ".npz": "numpy.load",
    ".json": "json.load",
    ".yaml": "yaml.safe_load",
}  # files of --out
BLANK = b" \t\r\n\0"  # zero bytes are what a machine that lost its power leaves
LOOKED_AT = 1 << 20  # bytes

log = logging.getLogger(__name__)


def feature_folders(output: str, most: int | None = None) -> list[tuple[Folder, Folder, Latest]]:
    """Return each folder that holds a manifest, the folder of its run's outputs, and the last lines of the manifest.

    output: an --output_path, or the folder of one feature type in it. most: lines to read, as in `Latest`.

    One that is empty is left out with a warning.

    Raises:
        UserError: there is no manifest, or none with anything in it.
    """
    root = folder_at(output)
    above = folder_at(output.rstrip("/").rpartition("/")[0] or ".")
    places = [(root, above), *((root.below(name), root) for name in subfolders(output))]
    all_read = [(folder, outputs, Latest(folder, most)) for folder, outputs in places]
    found = [(folder, outputs, latest) for folder, outputs, latest in all_read if len(latest)]
    empty = [why for folder, _, latest in all_read if (why := emptiness(folder, latest))]
    if empty and not found:
        raise UserError(f"{empty[0]}: restore it from a copy, or run the extraction again")
    for why in empty:
        log.warning("%s", why)
    if not found:
        if reader := TO_READ.get(PurePosixPath(output).suffix):
            raise UserError(
                f"{redacted(output)}: give a folder, the --output_path of a run; a file of --out is read by {reader}"
            )
        raise UserError(
            f"{redacted(output)}: no {FILE_NAME} there or one folder below; give the --output_path of a run"
        )
    return found


def emptiness(folder: Folder, latest: Latest) -> str:
    """Return what is wrong with a manifest that is there and says nothing of any video; "" for any other."""
    size = None if len(latest) else folder.size(FILE_NAME)
    if size is None:
        return ""
    with folder.open(FILE_NAME) as file:
        start = file.read(LOOKED_AT)
    name = f"{str(folder).rstrip('/')}/{FILE_NAME}"
    if not size:
        what = "is empty (0 bytes)"
    elif not start.strip(BLANK):
        what = f"is empty ({counted(size, 'byte')}, all blank or zero)"
    else:
        what = f"has no line of a video that can be read ({counted(size, 'byte')})"
    return f"{name} {what}, so nothing tells which features are there"
