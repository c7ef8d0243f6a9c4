"""Checkpoints fetched ahead of time, from files of this machine."""

import hashlib
from pathlib import Path

import pytest

from utils.commands.weights import fetch_weights
from utils.config.schema import Config
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.weights.pretrained import Needed, Published


class Fake(Model):
    """A model with a default file and another; none where its summary says so."""

    def config_class(self):
        return Config

    def files(self):
        return () if self.summary == "none" else FILES

    def needs(self, config):
        return {} if self.summary == "none" else {"net": Needed(FILES[0])}


FILES: tuple[Published, ...] = ()
MODELS = {"a": Fake("", "", "", "", {}), "b": Fake("", "", "", "", {}), "bare": Fake("", "", "", "none", {})}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = []
    for name in ("one.pt", "two.pt"):
        (tmp_path / name).write_bytes(name.encode())
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        made.append(Published(name, (tmp_path / name).as_uri(), "MIT", "a page", sha256=sha256))
    monkeypatch.setitem(globals(), "FILES", tuple(made))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.mark.parametrize(("flags", "fetched"), [([], ["one.pt"]), (["--all"], ["one.pt", "two.pt"])])
def test_files_that_types_share_are_fetched_once(files: Path, capsys, flags: list[str], fetched: list[str]) -> None:
    assert fetch_weights(["fetch", "a", "b", "a", *flags, "--weights_dir", str(files)], MODELS) == 0
    assert sorted(path.name for path in files.glob("*.pt")) == fetched
    shown = capsys.readouterr().out.splitlines()
    assert shown == [line for name in fetched for line in (f"{name}: {files / name}", "  licence: MIT (a page)")]


def test_types_without_weights_and_unknown_ones(files: Path, capsys) -> None:
    assert fetch_weights(["fetch", "bare"], MODELS) == 0
    assert capsys.readouterr().out == "bare: has no weights\n"
    with pytest.raises(UserError, match=r"bar: no such feature type; choose from a, b, bare \(did you mean bare"):
        fetch_weights(["fetch", "bar"], MODELS)
