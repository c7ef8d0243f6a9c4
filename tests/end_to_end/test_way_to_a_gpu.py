"""The way of frames to a GPU, walked on a CPU: decode processes, planes, full batches; the same features to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.media import cut, moving_frames, turn, write_clip
from support.pipelines import Arrived, outcomes_of

from models import MODELS
from utils.extractors.base import AnyExtractor
from utils.extractors.registry import load_extractor
from utils.media.video import empty_bytes
from utils.sources.ref import VideoRef
from utils.worker import open_frames, pipeline
from utils.worker.decode import Decoders
from utils.worker.events import ChunkDecoded
from utils.worker.pipeline import Outcome
from utils.worker.plan import Task

pytestmark = pytest.mark.bits  # those of a CPU
SIZE = (90, 122)
CASES = [
    ("resnet", {"model_name": "resnet18"}),
    ("pwc", {}),
]


@pytest.fixture(autouse=True)
def one_thread():
    """Let the main thread, which prepares frames for a GPU, round as decode threads do, which prepare them on a CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    lengths = {"plain.mp4": 21, "upright.mp4": 12, "cut.mkv": 30, "short.mp4": 3}
    paths = [write_clip(folder / name, moving_frames(n, *SIZE, seed=n)) for name, n in lengths.items()]
    turn(paths[1], 0, 1, -1, 0)
    cut(paths[2], 0.6)
    return paths


def loaded(feature_type: str, settings: dict[str, Any]) -> AnyExtractor:
    """Return an extractor on a CPU."""
    model = MODELS[feature_type]
    config = model.config_class()(**settings)
    return load_extractor(model.extractor)(config, dict.fromkeys(model.needs(config)), torch.device("cpu"))


def decoders(feature_type: str, extractor: AnyExtractor, clips: list[Path]) -> Decoders:
    """Return two threads that decode the clips."""
    tasks = iter([Task(VideoRef(clip.name, clip.stem, str(clip)), (feature_type,)) for clip in clips])
    return Decoders({feature_type: extractor}, lambda: next(tasks, None), 2)


def run(feature_type: str, settings: dict[str, Any], clips: list[Path], device: str) -> list[Outcome]:
    """Return how the clips end, on a CPU that is called `device`."""
    extractor = loaded(feature_type, settings)
    extractor.device = torch.device(device)
    outcomes = outcomes_of(
        feature_type, extractor, decoders(feature_type, extractor, clips), lambda text: pytest.fail(text)
    )
    return sorted(outcomes, key=lambda outcome: outcome.job.ref.id)


@pytest.mark.parametrize(("feature_type", "settings"), CASES, ids=lambda value: str(value))
def test_features_are_those_of_a_cpu(feature_type, settings, clips, monkeypatch):
    monkeypatch.setattr(pipeline, "DeviceCopies", Arrived)
    monkeypatch.setitem(open_frames.ALLOCATE, "cuda", empty_bytes)
    on_cpu, on_gpu = (run(feature_type, settings, clips, device) for device in ("cpu", "cuda"))
    assert {"done", "partial"} <= {outcome.status for outcome in on_cpu}
    for expected, outcome in zip(on_cpu, on_gpu, strict=True):
        assert (outcome.status, outcome.reason, outcome.n_windows) == (
            expected.status,
            expected.reason,
            expected.n_windows,
        )
        assert (outcome.record is None) == (expected.record is None)
        if outcome.record is not None and expected.record is not None:
            assert outcome.record.arrays.keys() == expected.record.arrays.keys()
            for name, array in expected.record.arrays.items():
                np.testing.assert_array_equal(outcome.record.arrays[name], array)


def test_resizes_do_not_depend_on_the_number_of_threads(clips):
    extractor, chunks = loaded("r21d", {}), []
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        events = decoders("r21d", extractor, clips[:1]).events(1.0)
        chunks.append(torch.cat([event.frames for event in events if isinstance(event, ChunkDecoded)]))
    assert torch.equal(*chunks)
