"""Numbers with their nouns, as texts for users have them."""


def counted(number: float, noun: str) -> str:
    """Return "1 worker" or "3 workers"; the noun's plural ends with s."""
    shown = number if isinstance(number, int) else f"{number:g}"  # which has six digits at most
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"
