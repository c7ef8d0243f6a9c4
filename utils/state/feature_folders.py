"""The folders of feature types below an output folder."""

from utils.errors import UserError
from utils.state.manifest import FILE_NAME, Latest
from utils.storage.folder import Folder, folder_at, subfolders
from utils.storage.urls import redacted


def feature_folders(output: str) -> list[tuple[Folder, Folder]]:
    """Return each folder that holds a manifest, and the folder of its run's outputs.

    output: an --output_path, or the folder of one feature type in it.

    Raises:
        UserError: there is no manifest.
    """
    root = folder_at(output)
    found = [(folder, root) for name in subfolders(output) if len(Latest(folder := root.below(name)))]
    if len(Latest(root)):
        found.insert(0, (root, folder_at(output.rstrip("/").rpartition("/")[0] or ".")))
    if not found:
        raise UserError(
            f"{redacted(output)}: no {FILE_NAME} there or one folder below; give the --output_path of a run"
        )
    return found
