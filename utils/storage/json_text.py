"""JSON from files that may be damaged, or made to do harm."""

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text says. Raises ValueError for anything else, such as one that is nested too deep."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
