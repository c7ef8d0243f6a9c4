"""What a search found, as the page shows it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from utils.explore.search.ask import Duplicates
from utils.explore.search.windows import Hit
from utils.explore.view.collection import Collection


def found_document(found: Sequence[Hit | Duplicates], collection: Collection, feature_type: str) -> dict[str, Any]:
    """Return windows as "hits", or groups of near-duplicates as "duplicates", with the numbers of their videos."""
    numbers = collection.numbers_of(feature_type)
    groups = [
        asdict(one) | {"videos": [asdict(part) | {"number": numbers[part.video]} for part in one.videos]}
        for one in found
        if isinstance(one, Duplicates)
    ]
    if groups:
        return {"duplicates": groups}
    return {"hits": [asdict(one) | {"number": numbers[one.video]} for one in found if isinstance(one, Hit)]}
