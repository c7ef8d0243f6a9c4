"""The figures of benchmarks/compare.py."""

from pathlib import Path

import numpy as np

from benchmarks.compare import agreement, copies_of, line, summary
from benchmarks.peer_cases import CASES, VARIANTS
from benchmarks.peer_commands import Ran


def ran(seconds: float, written_s: list[float], value: float = 1.0, cut: bool = False) -> Ran:
    """Return a command that wrote videos of four windows at the given times."""
    return Ran(seconds, cut, {f"clip_{i}": {"rgb": np.full((4, 2), value)} for i in range(len(written_s))}, written_s)


def test_rates_with_and_without_start_up() -> None:
    theirs, ours = ran(20.0, [12.0, 16.0]), ran(8.0, [5.0, 5.01, 6.0, 6.01, 7.0])  # two in a batch
    figures = summary([theirs], [ours])
    assert (figures["peer_per_s"], figures["peer_steady_per_s"]) == (0.4, 1.0)
    assert (figures["our_per_s"], figures["our_steady_per_s"]) == (2.5, 6.0302)
    assert (figures["ratio_of_medians"], figures["ratio_of_steady"]) == (6.25, 6.03)
    text = line("case", figures | {"relative_l2": {}})
    assert "6.25 x" in text and "6.03 x" in text and "not compared" in text


def test_a_command_that_wrote_nothing_in_time_has_no_ratio() -> None:
    figures = summary([ran(9.0, [], cut=True)], [ran(8.0, [7.0])])
    assert figures["peer_cut"] and figures["ratio_of_medians"] is figures["ratio_of_steady"] is None


def test_features_of_the_videos_that_both_wrote_are_compared() -> None:
    case = CASES["i3d_rgb_64_64"]
    assert agreement(case, ran(1.0, [1.0, 2.0]), ran(1.0, [1.0], value=1.5)) == {"rgb": 0.5}
    assert agreement(case, ran(1.0, []), ran(1.0, [1.0])) == {}


def test_variants_change_our_command_alone(tmp_path: Path) -> None:
    case = CASES["i3d_both_64_64"]
    pwc = VARIANTS["pwc_bf16"](case)
    assert pwc.theirs == case.theirs and pwc.keys == ("rgb",) and "pwc_net_sintel.pt" in pwc.files
    assert pwc.ours[-2:] == ("--precision", "bf16") and pwc.ours[pwc.ours.index("--flow_type") + 1] == "pwc"
    clip = tmp_path / "clip.mp4"
    clip.touch()
    assert [path.name for path in copies_of([clip], 3, tmp_path / "copies")] == [
        "clip.mp4",
        "clip_0001.mp4",
        "clip_0002.mp4",
    ]
