"""Files of labels, for --show_pred and the page of saved features."""

from pathlib import Path

from utils.errors import UserError

MOST_BYTES = 10_000_000


def read_labels(path: str, flag: str = "--show_pred") -> list[str]:
    """Return the lines of a UTF-8 file, without spaces around them and without empty ones.

    Raises:
        UserError: it is missing, too large, not text, or has no label.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        labels = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except (OSError, ValueError) as error:
        raise UserError(f"{flag} {path}: not a file of labels, one per line ({error})") from error
    if not any(labels):
        raise UserError(f"{flag} {path}: has no label; write one per line")
    return [label for label in labels if label]
