import logging

import pytest

from utils.errors import UserError
from utils.sinks.manifest_line import ManifestLine
from utils.state.feature_folders import feature_folders
from utils.state.manifest import Manifest
from utils.storage.folder import folder_at


def test_a_run_s_folder_and_that_of_a_type_in_it_are_known_by_their_manifests(tmp_path):
    for name in ("i3d", "clip", "other"):
        folder = folder_at(str(tmp_path / name))
        folder.prepare()
        if name != "other":
            Manifest(folder).append(ManifestLine(id=name, status="done"))
    found = feature_folders(f"{tmp_path}/")
    assert [(str(folder), str(root)) for folder, root, _ in found] == [
        (f"{tmp_path}/{name}", str(tmp_path)) for name in ("clip", "i3d")
    ]
    assert [[line.id for line in latest] for *_, latest in found] == [["clip"], ["i3d"]]
    ((folder, root, _),) = feature_folders(f"{tmp_path}/i3d/")
    assert (str(folder).rstrip("/"), str(root)) == (f"{tmp_path}/i3d", str(tmp_path))
    with pytest.raises(UserError, match=r"other: no manifest\.jsonl there or one folder below"):
        feature_folders(str(tmp_path / "other"))
    with pytest.raises(UserError, match=r"give a folder.*a file of --out is read by pickle\.load"):
        feature_folders(str(tmp_path / "out.pkl"))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\n \r\n", r"is empty \(4 bytes, all blank or zero\)"),
        (bytes(4096), r"is empty \(4096 bytes, all blank or zero\)"),
        (b'{"id": "a", "sta', r"has no line of a video that can be read \(16 bytes\)"),
    ],
)
def test_an_empty_manifest_is_not_a_missing_one(tmp_path, caplog, content, what):
    (tmp_path / "i3d").mkdir()
    (tmp_path / "i3d" / "manifest.jsonl").write_bytes(content)
    for path in (tmp_path, tmp_path / "i3d"):
        with pytest.raises(
            UserError, match=f"^{tmp_path}/i3d/manifest.jsonl {what}, so nothing.*run the extraction again"
        ):
            feature_folders(str(path))
    assert not caplog.records
    other = folder_at(str(tmp_path / "clip"))
    other.prepare()
    Manifest(other).append(ManifestLine(id="a", status="done"))
    with caplog.at_level(logging.WARNING):
        ((folder, _, _),) = feature_folders(str(tmp_path))
    assert str(folder) == f"{tmp_path}/clip"
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{tmp_path}/i3d/manifest.jsonl ")
