"""Conclusions about pixels; tests/end_to_end/test_compare.py makes rows again with a network."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from utils.run.pixels import AS_A, Hypothesis, Pixels, distance, source_of
from utils.sources.fingerprint import Fingerprint


def pixels(**left: float | None) -> Pixels:
    tried = [Hypothesis(name.replace("_", " "), value, None, "") for name, value in left.items()]
    return Pixels("v", sorted(tried, key=distance))


@pytest.mark.parametrize(
    ("found", "conclusion"),
    [
        (Pixels("v"), "nothing could be tried"),
        (pixels(as_A_was_made=0.5, mirrored=1e-4), "B was made with: mirrored"),
        (pixels(as_A_was_made=0.5, mirrored=0.2), "nearest: mirrored; something else differs, too"),
        (pixels(as_A_was_made=0.5, mirrored=0.4), "none of these brings B much nearer"),
        (pixels(as_A_was_made=None, mirrored=0.4), "nearest: mirrored"),
    ],
)
def test_conclusions(found: Pixels, conclusion: str) -> None:
    assert found.conclusion.startswith(conclusion)
    assert AS_A == "as A was made" and distance(Hypothesis("", None, None, "")) == np.inf


def test_the_video_is_where_it_was_or_in_the_folder_that_the_user_says(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.mp4").touch()

    def found(path: str, videos: str | None = None, **source: Any) -> Any:
        pack: Any = SimpleNamespace(line=lambda name: SimpleNamespace(source=Fingerprint(path, **source)))
        return source_of(pack, "a", videos)

    here = str(tmp_path / "x" / "a.mp4")
    assert found(here).path == here and found(f"{here}.gone") is None
    assert found("/old/a.mp4", str(tmp_path / "x")).path == here
    assert found("x/a.mp4", str(tmp_path)).path == here
    assert found("https://host/a.mp4").path == "https://host/a.mp4"
    part = found(here, segment=(1.0, 2.0), member="m.mp4", offset=512, bytes=9)
    assert (part.start_s, part.end_s, part.member, part.offset, part.size) == (1.0, 2.0, "m.mp4", 512, 9)
