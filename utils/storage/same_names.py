"""Which names a folder's file system takes for one: on Macs and many shares "A" and "a", and two ways to write "é"."""

import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

from utils.storage.files import TEMPORARY
from utils.storage.urls import is_url


def same_names(path: str) -> Callable[[str], str]:
    """Return a function that gives equal texts for names of one file in a folder, which need not be there yet."""
    if is_url(path):
        return str
    try:
        folder = next(each for each in (Path(path).absolute(), *Path(path).absolute().parents) if each.is_dir())
        ignores_case, ignores_form = _is_found(folder, "A", "a"), _is_found(folder, "\u00e9", "e\u0301")
    except (OSError, UnicodeError):  # it cannot be written, which is said later
        return str
    if ignores_case:
        return lambda name: unicodedata.normalize("NFC", name).casefold() if ignores_form else name.casefold()
    return (lambda name: unicodedata.normalize("NFC", name)) if ignores_form else str


def _is_found(folder: Path, written: str, wanted: str) -> bool:
    with tempfile.NamedTemporaryFile(prefix=TEMPORARY, suffix=f"-{written}", dir=folder) as file:
        return Path(f"{file.name.removesuffix(written)}{wanted}").exists()
