"""What processes inherit, and what the caller keeps."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from utils.engines.environment import (
    UNGUARDED,
    VARIABLES,
    WORKER,
    library_environment,
    without_garbage_collection,
    worker_environment,
)


def test_variables_are_set_in_the_block_where_the_user_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    before = dict(os.environ)
    with library_environment():
        assert dict(os.environ) == before | VARIABLES | {"OPENBLAS_NUM_THREADS": "7"}
    with pytest.raises(KeyError), worker_environment():
        assert os.environ[WORKER] == "1"
        raise KeyError
    assert dict(os.environ) == before


@pytest.mark.parametrize(("value", "code"), [("1", UNGUARDED), (None, 0)])
def test_a_worker_that_runs_the_script_again_ends_at_once(value: str | None, code: int) -> None:
    environment = {name: each for name, each in os.environ.items() if name != WORKER} | (
        {WORKER: value} if value else {}
    )
    program = "from utils.engines.environment import end_if_worker; end_if_worker(); print('goes on')"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (code, b"" if value else b"goes on\n")


def test_what_is_imported_is_not_looked_through_for_garbage():
    frozen = gc.get_freeze_count()
    with without_garbage_collection():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(kept)
    gc.unfreeze()
