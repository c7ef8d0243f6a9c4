"""Numbers with their nouns."""

from utils.config.words import counted


def test_one_is_one_and_none_are_many():
    assert [counted(n, "worker") for n in (0, 0.5, 1, 1.0, 2, 1_234_567)] == [
        "0 workers", "0.5 workers", "1 worker", "1 worker", "2 workers", "1234567 workers",
    ]  # fmt: skip
