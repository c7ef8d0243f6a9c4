"""The folders of feature types below an output folder."""

from pathlib import PurePosixPath

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


def feature_folders(output: str, most: int | None = None) -> list[tuple[Folder, Folder, Latest]]:
    """Return each folder that holds a manifest, the folder of its run's outputs, and the last lines of the manifest.

    output: an --output_path, or the folder of one feature type in it. most: lines to read, as in `Latest`.

    Raises:
        UserError: there is no manifest.
    """
    root = folder_at(output)
    above = folder_at(output.rstrip("/").rpartition("/")[0] or ".")
    places = [(root, above), *((root.below(name), root) for name in subfolders(output))]
    found = [(folder, outputs, latest) for folder, outputs in places if len(latest := Latest(folder, most))]
    if not found:
        if reader := TO_READ.get(PurePosixPath(output).suffix):
            raise UserError(
                f"{redacted(output)}: give a folder, the --output_path of a run; a file of --out is read by {reader}"
            )
        raise UserError(
            f"{redacted(output)}: no {FILE_NAME} there or one folder below; give the --output_path of a run"
        )
    return found
