import uuid

import pytest

from utils.storage.folder import folder_at


@pytest.fixture(params=["disk", "memory"])
def folder(request, tmp_path):
    folder = folder_at(str(tmp_path) if request.param == "disk" else f"memory://{uuid.uuid4().hex}/out")
    folder.prepare()
    return folder
