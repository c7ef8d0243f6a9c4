"""The notebooks of the documentation run from top to bottom, in a Jupyter kernel, and are kept without outputs."""

import os

import nbformat
import pytest
from nbclient import NotebookClient
from support.program import ROOT

FOLDER = ROOT / "docs" / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    notebook = nbformat.read(FOLDER / name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert 'weights="random"' in notebook.cells[0].source and "mean" in notebook.cells[0].source
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": FOLDER}}).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_there_are_two() -> None:
    assert len(NAMES) == 2
