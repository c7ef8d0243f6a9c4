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


def found_times_ms(document: dict[str, Any], number: int) -> set[int]:
    """Return when the windows that were found in a video start, of which the page shows a picture each."""
    parts = [part for group in document.get("duplicates", ()) for part in group["videos"]]
    starts = [(hit["number"], hit["start_s"]) for hit in document.get("hits", ())]
    starts += [(part["number"], part["spans"][0][0]) for part in parts]
    return {int(1000 * start_s) for own, start_s in starts if own == number and start_s is not None}
