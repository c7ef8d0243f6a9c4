from pathlib import Path

import pytest
from support.golden import write_checkpoint


@pytest.fixture(scope="package")
def tsn_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("tsn") / "tsn.pth", "tsn_r50", wrapper="state_dict")
