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
