"""The notebooks of the documentation run from top to bottom, in a Jupyter kernel, and give the outputs in the tree."""

import base64
import io
import re
import runpy
from typing import Any

import nbformat
import numpy as np
from PIL import Image
from support.program import ROOT

NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def assert_same(ours: dict[str, Any], kept: dict[str, Any]) -> None:
    """Compare two outputs; numbers with a fraction may round otherwise on another machine."""
    if "image/png" in kept.get("data", {}):
        pictures = (base64.b64decode(output["data"]["image/png"]) for output in (ours, kept))
        drawn, expected = (np.asarray(Image.open(io.BytesIO(picture)), float) for picture in pictures)
        np.testing.assert_allclose(drawn, expected, atol=1)
        return
    texts = [output.get("text") or output["data"]["text/plain"] for output in (ours, kept)]
    assert NUMBER.sub("x", texts[0]) == NUMBER.sub("x", texts[1])
    numbers, expected = (np.array(NUMBER.findall(text), float) for text in texts)
    np.testing.assert_allclose(numbers, expected, rtol=1e-3, atol=1e-4)


def test_the_notebooks_run() -> None:
    found = runpy.run_path(str(ROOT / "docs" / "_scripts" / "notebooks.py"))["outcomes"]()
    assert [path.name for path in found] == ["first_features.ipynb", "similarity_and_segments.ipynb"]
    for path, notebook in found.items():
        assert 'weights="random"' in notebook.cells[0].source and "mean" in notebook.cells[0].source
        kept = nbformat.read(path, as_version=4)
        assert sum(len(cell.get("outputs", ())) for cell in kept.cells) >= 5
        for ours, expected in zip(notebook.cells, kept.cells, strict=True):
            for pair in zip(ours.get("outputs", ()), expected.get("outputs", ()), strict=True):
                assert_same(*pair)
