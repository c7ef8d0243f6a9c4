import pytest

from utils.errors import RunError
from utils.run.input_folders import InputFolders


def test_a_folder_that_is_gone_stops_the_run(tmp_path):
    listed, later, other = (tmp_path / name for name in ("listed", "later", "other"))
    for folder in (listed, later, other):
        folder.mkdir()
    folders = InputFolders([listed])
    folders.read_from(str(later / "a.mp4"))
    folders.check(str(listed / "missing.mp4"))  # the folder is there, the file alone is missing
    for folder in (listed, later, other):
        folder.rmdir()
    for folder in (listed, later):
        with pytest.raises(RunError, match=f"{folder.name}: the folder of the videos is gone"):
            folders.check(str(folder / "a.mp4"))
    folders.check(str(other / "a.mp4"))  # nothing was read from it
