"""Names that are one name to a file system: on Macs and shares; here they are told apart, so folders stand in."""

from pathlib import Path

import pytest

from utils.storage import same_names as module
from utils.storage.same_names import same_names

NAMES = ("Caf\u00e9", "cafe\u0301", "Cafe\u0301")


@pytest.mark.parametrize(("ignored", "n_names"), [("", 3), ("A", 2), ("\u00e9", 2), ("A\u00e9", 1)])
def test_names_of_one_file_get_one_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: str, n_names: int
) -> None:
    monkeypatch.setattr(module, "_is_found", lambda _folder, written, _wanted: written in ignored)
    same = same_names(f"{tmp_path}/not/yet/there")
    assert len(set(map(same, NAMES))) == n_names


def test_the_file_system_is_asked_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert same_names(str(tmp_path / "out"))("Aa") == "Aa"  # as on all usual file systems of Linux
    assert not list(tmp_path.iterdir())
    asked = []
    monkeypatch.setattr(Path, "exists", lambda path: asked.append(path.name[-1]) or True)
    assert same_names(str(tmp_path))("Aa\u00e9") == same_names(str(tmp_path))("aAe\u0301")
    assert asked == ["a", "\u0301"] * 2


@pytest.mark.parametrize("path", ["s3://bucket/out", "/proc/out"])
def test_elsewhere_names_are_as_they_are(path: str) -> None:
    assert same_names(path)("Aa") == "Aa"
