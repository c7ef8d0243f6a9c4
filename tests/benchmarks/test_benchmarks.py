"""The videos that benchmarks/variants.py makes of a clip, and the idle shares of benchmarks/pipeline.py."""

import json
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from support.media import moving_frames, waveform, write_clip

from benchmarks import record, variants
from benchmarks.measured import Run, steady_per_s
from benchmarks.pipeline import idle_shares

FPS, RATE_HZ = 25, 44100


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of 70 frames, 64x48, with audio: 2.8 s."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_clip(path, moving_frames(70), FPS, audio=waveform(0, 2.8, RATE_HZ))


def decoded(path: Path) -> tuple[np.ndarray, float]:
    """Return the frames, uint8 [n, H, W] grey, and the seconds of sound, 0 without any."""
    with av.open(str(path)) as container:
        frames = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])
        if not container.streams.audio:
            return frames, 0.0
        container.seek(0)
        return frames, sum(frame.samples for frame in container.decode(audio=0)) / RATE_HZ


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("1080p", [(1080, 1920)]),
        ("4k", [(2160, 3840)]),
        ("mixed", [(240, 320), (360, 640), (720, 1280)]),
    ],
)
def test_a_clip_in_other_sizes_keeps_its_length_and_audio(tmp_path: Path, kind: str, sizes: list) -> None:
    clip = write_clip(tmp_path / "clip.mp4", moving_frames(2), FPS, audio=waveform(0, 2 / FPS, RATE_HZ))
    found = [decoded(path) for path in variants.write(str(clip), kind, tmp_path / kind)]
    assert [frames.shape for frames, _ in found] == [(2, *size) for size in sizes]
    assert [sound_s for _, sound_s in found] == pytest.approx([2 / FPS] * len(sizes), abs=0.05)


def test_short_variants_are_pieces_of_the_clip_long_enough_for_a_window_of_i3d(tmp_path: Path, clip: Path) -> None:
    paths = variants.write(str(clip), "short", tmp_path)
    pieces = [decoded(path) for path in paths]
    assert len(set(paths)) == 12
    assert {frames.shape for frames, _ in pieces} == {(75, 48, 64)}
    assert [sound_s for _, sound_s in pieces] == pytest.approx([2.5] * 12, abs=0.05)
    whole = decoded(clip)[0].astype(np.int16)
    starts = [int(np.abs(whole - frames[0]).mean(axis=(1, 2)).argmin()) for frames, _ in pieces]
    assert starts == sorted(starts) and (starts[0], starts[-1]) == (0, 8)  # the first frame from 0.3 s on


def test_the_long_variant_repeats_the_clip(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert variants.variants("long", 2.8)[0].seconds == 180
    monkeypatch.setattr(variants, "LONG_S", 7.0)
    (path,) = variants.write(str(clip), "long", tmp_path)
    frames, sound_s = decoded(path)
    whole = decoded(clip)[0]
    assert len(frames) == 175
    assert sound_s == pytest.approx(7, abs=0.05)
    assert np.abs(frames - np.concatenate([whole, whole, whole[:35]]).astype(np.int16)).mean() < 5


def test_a_clip_without_audio_gives_videos_without_audio(tmp_path: Path) -> None:
    silent = write_clip(tmp_path / "silent.mp4", moving_frames(2), FPS)
    (path,) = variants.write(str(silent), "1080p", tmp_path / "out")
    assert decoded(path)[1] == 0


def test_the_idle_share_is_what_a_stage_leaves_of_the_time() -> None:
    run = Run(seconds=10, stages=Counter(network=4, cut=3, decode=2, prepare=3))
    assert idle_shares(run, n_decoders=2, has_pairs=False) == pytest.approx({"network": 0.6, "decoders": 0.75})
    assert idle_shares(run, n_decoders=2, has_pairs=True) == pytest.approx({"network": 0.3, "decoders": 0.75})


def test_a_steady_rate_leaves_out_the_start_and_the_end_of_a_run() -> None:
    assert steady_per_s([(2.0, 3), (4.0, 1)]) == 1
    assert steady_per_s([(2.0, 3), (3.0, 3), (4.0, 3)]) == 3
    done = [(9.0, 1), (9.1, 1), *((10 + 0.1 * i, 2) for i in range(4)), (90.0, 1), (99.0, 1)]
    assert steady_per_s(done) == pytest.approx(8 / 1.2)
    assert Run(batches=done).windows_per_s == pytest.approx(8 / 1.2)


def test_figures_are_recorded_without_git_and_under_either_name_of_opencv(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(record, "PACKAGES", ("torch", "opencv-python-of-no-machine"))
    record.write("figures", {"fps": 3}, tmp_path)
    (written,) = tmp_path.glob("figures-*.json")
    figures = json.loads(written.read_text())
    assert (figures["fps"], figures["commit"]) == (3, "none")
    assert set(figures["versions"]) == {"python", "torch"}
