"""Fixtures of the Python interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.media import moving_frames, waveform, write_clip
from support.program import ROOT
from support.tiny_program import add_types

from models import MODELS


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Name of a feature type without a network, the mean of each frame; `loudness` is there, too."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "support")
    before = dict(MODELS)
    add_types()
    yield "tiny"
    MODELS.clear()
    MODELS.update(before)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three clips of different lengths, with sound."""
    folder = tmp_path_factory.mktemp("clips")
    return [
        write_clip(folder / f"{n}.mp4", moving_frames(n, seed=n), audio=waveform(n, n / 25, 16000), audio_rate=16000)
        for n in (60, 27, 12)
    ]
