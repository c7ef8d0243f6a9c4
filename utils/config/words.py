"""Numbers with their nouns, as texts for users have them."""


def counted(number: float, noun: str) -> str:
    """Return "1 worker" or "3 workers"; the noun's plural ends with s."""
    return f"{number:g} {noun}" if number == 1 else f"{number:g} {noun}s"
