"""What one file, or one set of files, has of a video."""

from dataclasses import replace

import numpy as np
from support.sinks import record

from utils.sinks.record import views
from utils.sources.name_template import NameTemplate

CROPS = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
PER_CROP, WHOLE = NameTemplate.of("{stem}__{crop}"), NameTemplate.of("{stem}")


def test_times_come_with_the_arrays_where_there_is_a_row_per_window() -> None:
    of = record(n_windows=3)
    assert list(of.timed_arrays) == ["rgb", "fps", "timestamps_ms", "start_s", "end_s"]
    assert of.timed_arrays["end_s"].tolist() == [2, 3, 4]
    assert list(replace(of, start_s=None, end_s=None).timed_arrays) == ["rgb", "fps", "timestamps_ms"]


def test_each_crop_is_a_view_where_the_template_names_crops() -> None:
    of = replace(record(), arrays={"rgb": CROPS, "fps": np.array(25.0)})
    assert [crop for crop, _ in views(of, WHOLE)] == [None]
    for number, (crop, arrays) in enumerate(views(of, PER_CROP)):
        assert crop == number and arrays["fps"] == 25
        np.testing.assert_array_equal(arrays["rgb"], CROPS[:, number])
    assert [crop for crop, _ in views(replace(of, arrays={"rgb": CROPS[:, 0]}), PER_CROP)] == [None]


def test_columns_are_rows_turned_of_features_alone() -> None:
    of = replace(record(), arrays={"rgb": CROPS, "other": CROPS[0]}, as_columns=True)
    _, (_, arrays) = views(of, PER_CROP)
    np.testing.assert_array_equal(arrays["rgb"], CROPS[:, 1].T)
    np.testing.assert_array_equal(arrays["other"], CROPS[0])
    ((_, whole),) = views(of, WHOLE)
    np.testing.assert_array_equal(whole["rgb"], CROPS)  # [windows, crops, D] has no columns
