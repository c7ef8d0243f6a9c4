import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.golden import GOLDEN

from utils.extractors.placement import PLACEMENTS, all_clips, loop, place

TABLES = GOLDEN / "mmaction_sampling"
VERSIONS = {"v0": "mmaction2_0x", "v1": "mmaction2_1x"}


def settings_of(table: str) -> list[dict]:
    return json.loads((TABLES / table).read_text())["settings"]


def test_clips_are_those_of_mmaction2():
    for row in settings_of("sample_frames.json"):
        length, interval, n_clips = row["clip_len"], row["frame_interval"], row["num_clips"]
        for n_frames, expected in row["total_frames"].items():
            for version, placement in VERSIONS.items():
                starts = PLACEMENTS[placement](int(n_frames), length, interval, n_clips)
                assert loop(starts, int(n_frames), length, interval) == expected[version], (row, n_frames, version)


@given(st.integers(1, 200), st.sampled_from([1, 2, 4]), st.integers(1, 20), st.integers(1, 30))
def test_clips_of_any_interval_are_those_of_mmaction2_0x(n_frames, length, interval, n_clips):
    """SampleFrames._get_test_clips of mmaction2 v0.24.1: of single frames the interval counts, too."""
    clip_length = length * interval
    part = (n_frames - clip_length + 1) / float(n_clips)
    offsets = (np.arange(n_clips) * part + part / 2.0).astype(int) if n_frames > clip_length - 1 else [0] * n_clips
    assert PLACEMENTS["mmaction2_0x"](n_frames, length, interval, n_clips) == list(offsets)


def test_clips_are_those_of_the_snippet_tool():
    for row in settings_of("all_clips.json"):
        for n_frames, expected in row["total_frames"].items():
            clips = place(
                "back_to_back", int(n_frames), row["clip_len"], row["frame_interval"], row["num_clips_per_video"]
            )
            assert clips == expected, n_frames


@given(st.sampled_from(sorted(PLACEMENTS)), st.integers(1, 500), st.integers(1, 40), st.integers(1, 20), st.data())
def test_clips_are_full_and_inside_the_video(placement, n_frames, length, interval, data):
    n_clips = data.draw(st.integers(1, 30) | st.just(-1))
    clips = place(placement, n_frames, length, interval, n_clips)
    assert len(clips) == (n_clips if n_clips > 0 else -(-n_frames // (length * interval)))
    assert all(len(clip) == length and min(clip) >= 0 and max(clip) < n_frames for clip in clips)


@given(st.integers(1, 500), st.integers(1, 40))
def test_all_clips_show_every_frame_when_none_is_left_out(n_frames, length):
    assert {frame for clip in all_clips(n_frames, length, 1) for frame in clip} == set(range(n_frames))


def test_no_frames_give_no_clips():
    assert place("mmaction2_1x", 0, 32, 2, 10) == []
