import struct

from utils.media.crop import Crop, _from_clap


def test_a_crop_that_leaves_nothing_is_none():
    assert Crop(2, 1, 4, 3).size(64, 48) == (58, 44)
    assert Crop(2, 1, 4, 3).within(64, 48) == (2, 1, 4, 3)
    assert Crop(32, 0, 32, 0).within(64, 48) == Crop(-1, 0, 0, 0).within(64, 48) == Crop()


def test_a_clean_aperture_is_placed_by_its_centre():
    def clap(*numbers: int) -> bytes:
        return struct.pack(">IIIIiIiI", *numbers)

    assert _from_clap(clap(60, 1, 40, 1, 0, 1, 0, 1), (64, 48)) == (2, 4, 2, 4)
    assert _from_clap(clap(60, 1, 40, 1, 1, 1, -2, 1), (64, 48)) == (3, 2, 1, 6)
    assert _from_clap(clap(119, 2, 40, 1, 1, 2, 0, 1), (64, 48)) == (2, 4, 2, 4)
    assert _from_clap(clap(59, 1, 39, 1, 0, 1, 0, 1), (64, 48)) == (2, 4, 3, 5)  # as wide and high as asked for
    assert _from_clap(clap(60, 0, 40, 1, 0, 1, 0, 1), (64, 48)) == _from_clap(b"short", (64, 48)) == Crop()
