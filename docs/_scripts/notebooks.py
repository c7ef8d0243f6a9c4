"""Run the notebooks of the documentation: `python docs/_scripts/notebooks.py` overwrites their outputs."""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "notebooks"


def outcomes() -> dict[Path, NotebookNode]:
    """Return the notebooks with the outputs of a run, from top to bottom: text and pictures, without warnings.

    They run one after the other in one kernel, which imports PyTorch once; its variables are removed in between.
    """
    notebooks = {path: nbformat.read(path, as_version=4) for path in sorted(FOLDER.glob("*.ipynb"))}
    every = nbformat.v4.new_notebook()
    for notebook in notebooks.values():
        every.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    client = NotebookClient(every, timeout=600, resources={"metadata": {"path": FOLDER}})
    client.execute(env={**os.environ, "PYTHONPATH": str(FOLDER.parents[1])})
    for cell in every.cells:
        cell.metadata = {}  # times of the run
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [_kept(output) for output in cell.outputs if output.get("name") != "stderr"]
    return notebooks


def _kept(output: NotebookNode) -> NotebookNode:
    """Return an output without its number, and a picture without its text."""
    if output.output_type == "execute_result":
        output.execution_count = None
        if "image/png" in output.data:
            output.data = {"image/png": output.data["image/png"]}
    return output


if __name__ == "__main__":
    for path, notebook in outcomes().items():
        nbformat.write(notebook, path)
