"""One language, whichever of its names a file or a user writes."""

import pytest

from utils.media.languages import CODES, language_code


@pytest.mark.parametrize(
    "names",
    [
        ("en", "eng", "EN-us", "en_GB"),
        ("de", "deu", "ger"),
        ("zh", "zho", "chi", "zh-Hans"),
        ("he", "iw", "heb"),
        ("", "und"),
    ],
)
def test_names_of_one_language(names: tuple[str, ...]) -> None:
    assert len({language_code(name) for name in names}) == 1


def test_the_table_is_complete() -> None:
    two_letters = [name for name in CODES if len(name) == 2]
    assert len(two_letters) == 184 + 5  # ISO 639-1, and five names that were withdrawn
    assert len(set(CODES.values())) == 184
    assert language_code("gsw") == "gsw"  # without a two-letter code
