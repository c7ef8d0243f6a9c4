import numpy as np
from support.golden import case

from models.slowfast.clips import blocks, first, spans, spread
from models.slowfast.network import SLOW_OF_FAST


def test_indices_are_those_of_both_tools():
    expected, meta = case("slowfast_preprocess", "case_indices")
    for n, row in enumerate(expected["output_frame_indices"], 1):
        assert spread(range(n)) == row.tolist()
    assert list(SLOW_OF_FAST) == meta["slow_of_fast"]["values"]["32"]


def test_blocks():
    assert blocks(115, 50, -1, "drop") == [range(50), range(50, 100)]
    assert blocks(115, 50, -1, "cycle")[2] == [*range(100, 115)] * 3 + [*range(100, 105)]
    assert len(blocks(109, 50, -1, "cycle")) == 2  # 9 frames are less than a fifth
    assert blocks(49, 50, -1, "cycle") == []
    assert blocks(50, 50, -1, "drop") == [range(50)]
    assert blocks(115, 50, 3, "drop") == [range(50), range(32, 82), range(65, 115)]
    assert blocks(115, 50, 1, "drop") == [range(32, 82)]
    assert blocks(115, 50, -1, "back") == [range(50), range(50, 100), range(65, 115)]
    assert blocks(100, 50, -1, "back") == [range(50), range(50, 100)]
    assert blocks(39, 32, -1, "back", 16) == [range(32), range(7, 39)]  # the example of Ego4D's README


def test_spans_are_half_open_in_time():
    ntsc = np.arange(150) * 1001 / 30000
    assert spans(ntsc, 30000 / 1001, 2, -1, "drop") == [range(60), range(60, 120)]
    assert spans(np.arange(100) / 25, 25, 2, -1, "drop") == [range(50), range(50, 100)]
    assert len(spans(np.arange(99) / 25, 25, 2, -1, "drop")) == 1  # a whole frame short
    assert spans(np.arange(20) / 25, 25, 2, -1, "drop") == []
    assert spans(np.arange(125) / 25, 25, 2, 2, "drop") == [range(50), range(75, 125)]
    assert spans(np.arange(125) / 25, 25, 2, 1, "drop") == [range(38, 88)]  # 1.5 s is between two frames
    assert spans(np.arange(125) / 25, 25, 2, -1, "cycle")[2] == [*range(100, 125)] * 2
    assert spans(np.arange(125) / 25, 25, 2, -1, "back")[2:] == [range(75, 125)]
    assert len(spans(ntsc[:120], 30000 / 1001, 2, -1, "back")) == 2  # 4 ms are less than a frame


def test_a_span_without_a_new_frame_has_the_one_on_screen():
    times_s = np.array([0.0, 0.5, 5.0, 5.5])
    assert spans(times_s, 2, 2, -1, "drop") == [range(2), range(1, 2), range(2, 4)]


def test_acav100m_takes_ten_seconds_with_their_end():
    assert first(np.arange(1000) / 25, 10.0) == range(251)
    assert first(np.arange(75) / 25, 10.0) == range(75)
    assert first(20 + np.arange(1000) / 25, 10.0) == range(251)  # of a segment, too
