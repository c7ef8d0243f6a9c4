"""The golden cases of the network are in test_weights.py, through a checkpoint; here the table that no file has."""

import math

from models.videomae.network import position_table


def test_positions_are_sines_and_cosines_at_falling_rates() -> None:
    table = position_table(5, 6)
    for token in range(5):
        for i in range(3):
            angle = token / 10000 ** (2 * i / 6)
            assert abs(table[token, 2 * i].item() - math.sin(angle)) < 1e-6
            assert abs(table[token, 2 * i + 1].item() - math.cos(angle)) < 1e-6
