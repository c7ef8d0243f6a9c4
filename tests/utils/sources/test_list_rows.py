import pytest

from utils.sources.list_rows import parse_row

NAMES = ["video_path", "id", "start", "end", "label"]


def test_columns_are_known_by_several_names_and_the_rest_is_metadata():
    row = parse_row(3, NAMES, [" a.mp4 ", 7, "1.5", "", "cat"])
    assert (row.number, row.path, row.id, row.start_s, row.end_s) == (3, "a.mp4", "7", 1.5, None)
    assert row.meta == {"end": "", "label": "cat"} and row.problem is None
    assert parse_row(1, ["path"], ["a.mp4", ""]).path == "a.mp4"  # a comma at the end


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["", 1], "has no path; fill the column path or video_path"),
        ([3], "its path is not text but int"),
        (["a", True], "its id is not text but bool"),
        (["a", 1 << 63], "its id is not text but int"),
        (["a", "1", "soon"], "start_s is 'soon', not a number"),
        (["a", "1", "-1"], "start_s is -1, before the start"),
        (["a", "1", "5", "5"], "end_s 5 is not after start_s 5"),
        (["a", "1", "", "0"], "end_s 0 is not after start_s 0"),
        (["a", "1", "2", "3", "4", "5"], "has 6 fields for 5 columns"),
    ],
)
def test_a_wrong_row_says_what_to_do(values, problem):
    assert problem in str(parse_row(1, NAMES, values).problem)
