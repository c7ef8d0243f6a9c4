"""What is in an output folder, hostile manifests included."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.features import save
from support.sinks import line, make_sink, record

from utils.errors import RunError
from utils.explore.view.collection import Collection
from utils.explore.view.documents import Documents
from utils.explore.view.media import MediaFolder
from utils.state.manifest import Manifest
from utils.storage.folder import folder_at


def test_no_array_outside_the_output_folder(tmp_path: Path) -> None:
    home = save(tmp_path / "out", "a")
    save(tmp_path / "out", "b")
    np.save(tmp_path / "secret.npy", np.ones((6, 4), np.float32))
    (home / "b_rgb.npy").unlink()
    (home / "b_rgb.npy").symlink_to(tmp_path / "secret.npy")
    first = (home / "manifest.jsonl").read_text().splitlines()[0]
    with (home / "manifest.jsonl").open("a") as file:
        for i, name in enumerate(("../../secret.npy", "x/../../../secret.npy", str(tmp_path / "secret.npy"))):
            file.write(first.replace('"a_rgb.npy"', json.dumps(name)).replace('"id": "a"', f'"id": "c{i}"') + "\n")
    collection = Collection(str(tmp_path / "out"))
    places = [collection.place(number) for number in range(6)]
    folders, lines = zip(*(place for place in places if place is not None), strict=True)
    assert [line.id for line in lines] == ["a", "b"], "lines that name a file elsewhere are passed over"
    assert folders[0].read(lines[0])["rgb"].shape[0] == 6
    with pytest.raises(RunError, match="not in the output folder"):
        folders[1].read(lines[1])


def test_the_first_videos_are_shown_before_all_are_read(tmp_path: Path) -> None:
    for name in "abcd":
        save(tmp_path / "out", name)
    collection = Collection(str(tmp_path / "out"), most=2)
    found = Documents(collection, MediaFolder(None))
    first = found.get("collection")
    assert first is not None and (first["videos"]["name"], first["is_whole"]) == (["a", "b"], False)
    assert found.get("state") == {"version": first["version"]} and found.get("near-0-0-1") == {"listing": True}
    points = found.get("map-0-0")
    assert points is not None and points["total"] == 12
    collection.refresh()
    whole, points = found.get("collection"), found.get("map-0-0")
    assert whole is not None and (whole["videos"]["name"], whole["is_whole"]) == (list("abcd"), True)
    assert whole["videos"]["number"] == [0, 1, 2, 3] and found.get("state") == {"version": whole["version"]}
    assert whole["version"] != first["version"] and points is not None and points["total"] == 24
    assert found.get("near-0-0-1") != {"listing": True}


def test_the_page_follows_a_run_at_an_address(tmp_path: Path) -> None:
    out = f"memory://{tmp_path.name}/out"
    folder = folder_at(f"{out}/i3d")

    def add(name: str) -> None:
        video = record(name)
        Manifest(folder).append(line(video, make_sink("save_npz", folder).write(video), "i3d"))

    add("a")
    found = Documents(Collection(out), MediaFolder(None))
    before, first = found.get("state"), found.get("collection")
    assert first is not None and first["videos"]["name"] == ["a"] and before == {"version": first["version"]}
    add("b")
    after, second = found.get("state"), found.get("collection")
    assert second is not None and second["videos"]["name"] == ["a", "b"] and after != before
