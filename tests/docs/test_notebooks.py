"""The notebooks of the documentation run from top to bottom, in a Jupyter kernel, and are kept without outputs."""

import os

import nbformat
import pytest
from nbclient import NotebookClient
from support.program import ROOT

FOLDER = ROOT / "docs" / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def test_the_notebooks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other in one kernel, which imports PyTorch once; its variables are removed in between."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    notebooks = [nbformat.read(FOLDER / name, as_version=4) for name in NAMES]
    assert len(notebooks) == 2
    every = nbformat.v4.new_notebook()
    for notebook in notebooks:
        assert not any(cell.get("outputs") for cell in notebook.cells)
        assert 'weights="random"' in notebook.cells[0].source and "mean" in notebook.cells[0].source
        every.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    NotebookClient(every, timeout=600, resources={"metadata": {"path": FOLDER}}).execute()
    for notebook in notebooks:
        assert any(cell.get("outputs") for cell in notebook.cells)
