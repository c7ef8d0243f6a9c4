"""What the tests share: golden data, clips, servers, and the program run as a user runs it."""

DRAWN = "FEATMILL_TEST_DRAWN"  # the variable that names where support/drawn.py keeps random weights
