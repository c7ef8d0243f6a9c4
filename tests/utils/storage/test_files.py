"""Files that appear complete or not at all."""

import pytest

from utils.errors import RunError
from utils.storage.files import whole_file


def test_an_interrupted_write_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "x.npy") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_stops_the_run(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"), whole_file(tmp_path / "file" / "x.npy") as file:
        file.write(b"")
