from utils.media.layout import rgb_layout


def test_rows_come_before_columns() -> None:
    assert rgb_layout((64, 48)) == ((48, 64, 3), None)
